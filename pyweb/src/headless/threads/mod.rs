//! The threads of one page: its own and those of its workers, each with an engine and a store to itself. What
//! they have in common is [`group`]; they talk by messages through ports, by shared memory, and by what they store.
//!
//! - [`group`]: what is the page's and not one thread's; workers started and ended
//! - [`switchboard`]: ports, the messages on their way, and who is doing what
//! - [`waiters`]: `Atomics.wait` and `Atomics.notify`
//! - [`locks`], [`tables`], [`stored`]: what all of them may read and write, and whose turn it is
//! - [`natives`]: all this for the scripts
//!
//! Must not know what workers are to a page (`js/workers.js`).

mod group;
mod locks;
mod natives;
mod stored;
mod switchboard;
mod tables;
mod waiters;

pub(super) use group::Group;
pub(super) use natives::NATIVES;
pub(super) use stored::NATIVES as STORED_NATIVES;
pub(super) use switchboard::{Seat, Woken};
