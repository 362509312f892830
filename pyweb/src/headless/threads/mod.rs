//! The threads of one page: its own and those of its workers, each with an engine and a store to itself. What
//! they have in common is [`group`]; they talk by messages through ports, and by shared memory.
//!
//! - [`group`]: what is the page's and not one thread's; workers started and ended
//! - [`switchboard`]: ports, the messages on their way, and who is doing what
//! - [`waiters`]: `Atomics.wait` and `Atomics.notify`
//! - [`natives`]: all this for the scripts
//!
//! Must not know what workers are to a page (`js/workers.js`).

mod group;
mod natives;
mod switchboard;
mod waiters;

pub(super) use group::Group;
pub(super) use natives::NATIVES;
pub(super) use switchboard::{Seat, Woken};
