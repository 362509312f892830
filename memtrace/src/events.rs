//! What flows through memtrace: events with numbered stacks inside, records outside.
//! Must not know where they come from or what is made of them.

mod record;
mod symbols;

pub use record::{AllocatorUse, At, Frame, Record, SizeClass, Stats, Trend};
pub use symbols::{AllocatorId, FIRST_TASK, Location, LocationId, StackId, Symbols};

/// One thing that happened to memory. The numbers' meaning is in [`Symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Memory was given out.
    Allocated {
        /// The first byte. Of a run of several processes, the upper 16 bits say in which of them.
        address: u64,
        /// Bytes asked for.
        size: u64,
        /// By which function.
        allocator: AllocatorId,
        /// The kernel's id of the thread that asked, or, from [`FIRST_TASK`] on, a task within one.
        thread: u32,
        /// Where in the program.
        stack: StackId,
    },
    /// The block at this address was given back.
    Freed {
        /// Its first byte.
        address: u64,
    },
    /// A range of pages was unmapped: a mapping, a part of one, or several.
    Unmapped {
        /// The first byte.
        address: u64,
        /// Bytes.
        size: u64,
    },
    /// One of several processes of a run came to its end: what it never gave back is in use no longer.
    Ended {
        /// Its number, which is in the upper 16 bits of its addresses.
        process: u16,
    },
    /// A thread got a name, which [`Symbols::thread_name`] knows.
    ThreadNamed {
        /// As in [`Event::Allocated`].
        thread: u32,
    },
    /// The clock was read: what follows happened from now on, until the next sample. Samples are 10 ms
    /// apart or more, because there are none while nothing happens.
    Sampled {
        /// Milliseconds since the program began.
        ms: u64,
        /// The memory that the system has given the process (resident set size), in bytes; 0 where it
        /// could not be read.
        resident: u64,
    },
}
