//! The numbers that native frames and stacks have in a stream. Must not know how stacks are unwound.

use memtrace_wire::entry::Entry;

use crate::native::modules::Modules;
use crate::table::Table;

/// Where numbers are defined.
pub trait Define {
    /// Writes the definition of the next native frame, native stack or mixed stack.
    fn define(&mut self, entry: Entry);
}

/// What has a number in a stream.
pub struct Numbers {
    frames: Table,
    last_frame: u32,
    stacks: Table,
    last_stack: u32,
    mixed: Table,
    last_mixed: u32,
    /// The last Python stack and native stack, and the number of both together.
    latest: (u32, u32, u32),
}

impl Numbers {
    pub fn new() -> Numbers {
        Numbers {
            frames: Table::new(),
            last_frame: 0,
            stacks: Table::new(),
            last_stack: 0,
            mixed: Table::new(),
            last_mixed: 0,
            latest: (0, 0, 0),
        }
    }

    /// Forgets what belongs to addresses, where there may be other code now.
    pub fn forget_addresses(&mut self) {
        self.frames.clear();
        self.stacks.clear();
    }

    /// The number of the stack whose newest frame returns to an address, and maybe is the interpreter at work, called
    /// from the stack `parent`.
    #[inline]
    pub fn stack(
        &mut self,
        parent: u32,
        (returns_to, interprets): (u64, bool),
        modules: &Modules,
        definitions: &mut impl Define,
    ) -> u32 {
        // A stream's stacks fill no 31 bits.
        let key = (returns_to, parent << 1 | u32::from(interprets));
        if let Some(stack) = self.stacks.get(key) {
            return stack;
        }
        let frame = self.frame(returns_to, interprets, modules, definitions);
        self.last_stack += 1;
        self.stacks.insert(key, self.last_stack);
        definitions.define(Entry::NativeStack { parent, frame });
        self.last_stack
    }

    fn frame(
        &mut self,
        returns_to: u64,
        interprets: bool,
        modules: &Modules,
        definitions: &mut impl Define,
    ) -> u32 {
        let key = (returns_to, u32::from(interprets));
        if let Some(frame) = self.frames.get(key) {
            return frame;
        }
        // What lies behind the call may belong to another line, or to another function.
        let (module, address) = modules.locate(returns_to - 1);
        self.last_frame += 1;
        self.frames.insert(key, self.last_frame);
        definitions.define(Entry::NativeFrame { module, address, interprets });
        self.last_frame
    }

    /// The number of a Python stack and a native stack together.
    #[inline]
    pub fn mixed(&mut self, python: u32, native: u32, definitions: &mut impl Define) -> u32 {
        if (python, native) == (self.latest.0, self.latest.1) {
            return self.latest.2;
        }
        let key = (u64::from(python), native);
        let known = if key == (0, 0) { Some(0) } else { self.mixed.get(key) };
        let number = known.unwrap_or_else(|| {
            self.last_mixed += 1;
            self.mixed.insert(key, self.last_mixed);
            definitions.define(Entry::Mixed { python, native });
            self.last_mixed
        });
        self.latest = (python, native, number);
        number
    }
}
