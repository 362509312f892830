//! Where the interpreter is at work on the C stack of a thread. Must not know whose native frames these are.

use std::ops::Range;

use super::Frames;
use crate::python::offsets::CFrames;
use crate::word::Address;

/// Where on the C stack the interpreter is at work, newest first.
pub enum Activations<'a> {
    /// It cannot be told, or is nowhere.
    Unknown,
    /// By the frames in a chain of their own.
    CFrames {
        /// The newest that was not passed yet.
        newest: Address,
        /// Where they lie.
        layout: CFrames,
    },
    /// By those of Python's frames that lie on the C stack.
    Entries {
        /// The stack.
        frames: &'a Frames,
        /// The newest that was not passed yet; 0 where there is none.
        newest: u32,
    },
}

impl Activations<'_> {
    /// Whether one of them is in this part of the stack. To be asked for one part after another, from where the thread
    /// is; what comes behind the oldest one is not on the stack, and is not looked at.
    #[inline]
    pub fn any_within(&mut self, part: Range<u64>) -> bool {
        let found = self.newest().is_some_and(|newest| part.contains(&newest));
        if found {
            self.pass();
        }
        found
    }

    #[inline]
    fn newest(&self) -> Option<u64> {
        let newest = match self {
            Activations::Unknown => Address::NULL,
            Activations::CFrames { newest, .. } => *newest,
            Activations::Entries { frames, newest } => frames.links[*newest as usize].frame,
        };
        (!newest.is_null()).then_some(newest.0 as u64)
    }

    #[inline]
    fn pass(&mut self) {
        match self {
            Activations::Unknown => {}
            // SAFETY: the newest one lives, because the thread is where it was found, and so do those before it.
            Activations::CFrames { newest, layout } => *newest = unsafe { newest.pointer(layout.previous) },
            Activations::Entries { frames, newest } => *newest = frames.stacks[*newest as usize - 1].entry,
        }
    }
}
