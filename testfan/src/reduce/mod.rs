//! Events to answers. Everything here is pure: no I/O, no clock, no randomness.

mod chunks;
mod maxfail;
mod scheduler;
mod tally;

pub use chunks::Item;
pub use maxfail::Maxfail;
pub use scheduler::{Order, Scheduler};
pub use tally::Tally;
