//! What one frame says: who called it, what it executes and where it is in that. Must not know what was there before.

use memtrace_wire::entry::ENTERED;

use crate::python::code::SHIM;
use crate::python::offsets::{Entries, Instructions, OWNED_BY_C_STACK};
use crate::python::{Interpreter, Layout};
use crate::word::Address;

/// Gives numbers to stacks.
pub trait StackNames {
    /// The number of the stack where `code` is at `instruction` (a byte offset), called from the stack
    /// `parent`; 0 is the empty stack.
    fn name(&mut self, parent: u32, code: u32, instruction: i32) -> u32;
}

/// What is compared from event to event.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) frame: Address,
    pub(super) instruction: Address,
}

/// All that is read of a frame.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) link: Link,
    pub(super) code: Address,
}

/// In the lowest bit of a remembered instruction, with [`Entries::Flag`]: the same frame may run the same
/// instruction once called by C code and once not.
const IS_ENTRY: usize = 1;

/// The number of the stack that a frame makes of that of its caller; that one, where it is not shown.
///
/// # Safety
/// The link must be that of a live frame, which executes `executable`, whose number is `code`.
#[inline]
pub(super) unsafe fn name(
    python: &Interpreter,
    names: &mut impl StackNames,
    mut parent: u32,
    (executable, code): (Address, u32),
    link: Link,
) -> u32 {
    let entered = match python.layout.entries {
        None => false,
        Some(Entries::Flag(_)) => link.instruction.0 & IS_ENTRY != 0,
        // SAFETY: the frame lives.
        Some(Entries::Owner(_)) => unsafe { is_on_c_stack(&python.layout, link.frame) },
    };
    if entered {
        parent = names.name(parent, ENTERED, 0);
    }
    if code == SHIM {
        return parent;
    }
    #[expect(clippy::cast_possible_truncation, reason = "no code object has 2 GiB of instructions")]
    let small = |number: usize| (number as u32).cast_signed();
    let offset = match python.layout.code.instructions {
        // Instructions are of two bytes: whether the frame is an entry does not belong to it.
        Instructions::Address(first) => {
            small((link.instruction.0 & !IS_ENTRY).wrapping_sub(executable.plus(first).0))
        }
        Instructions::Index(unit) => small(link.instruction.0).wrapping_mul(unit),
    };
    names.name(parent, code, offset)
}

/// # Safety
/// `thread` must be this thread's thread state.
#[inline]
pub(super) unsafe fn newest_frame(layout: &Layout, thread: Address) -> Address {
    // SAFETY: passed on to the caller; the C frame is one on this thread's own stack.
    unsafe {
        let holder = layout.c_frame.map_or(thread, |offset| thread.pointer(offset));
        holder.pointer(layout.newest_frame)
    }
}

/// # Safety
/// `frame` must be a live frame of this thread.
#[inline]
pub(super) unsafe fn instruction(layout: &Layout, frame: Address) -> Address {
    // SAFETY: passed on to the caller; behind `f_lasti` there is another number, so a whole word is readable.
    let word = unsafe { frame.read::<usize>(layout.instruction) } & layout.instruction_mask;
    match layout.entries {
        // SAFETY: passed on to the caller.
        Some(Entries::Flag(offset)) => Address(word | usize::from(unsafe { frame.read::<u8>(offset) } & 1)),
        _ => Address(word),
    }
}

/// Whether the interpreter put this frame beneath those that it was called for.
///
/// # Safety
/// `frame` must be a live frame of this thread.
#[inline]
pub(super) unsafe fn is_on_c_stack(layout: &Layout, frame: Address) -> bool {
    let Some(Entries::Owner(offset)) = layout.entries else { return false };
    // SAFETY: passed on to the caller.
    unsafe { frame.read::<u8>(offset) == OWNED_BY_C_STACK }
}

/// # Safety
/// `frame` must be a live frame of this thread.
#[inline]
pub(super) unsafe fn read_frame(layout: &Layout, frame: Address) -> Frame {
    // SAFETY: passed on to the caller.
    unsafe {
        Frame {
            link: Link { frame, instruction: instruction(layout, frame) },
            code: frame.pointer(layout.executable),
        }
    }
}
