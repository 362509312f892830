//! Events to answers. Everything here is pure: no I/O, no clock, no randomness.

mod chunks;
mod impact;
mod maxfail;
mod partition;
mod progress;
mod retries;
mod scheduler;
mod scopes;
mod tally;

pub use chunks::Item;
pub use impact::{Focus, Impact};
pub use maxfail::Maxfail;
pub use partition::{Part, partition};
pub use progress::{Progress, Running};
pub use retries::Retries;
pub use scheduler::{Order, Plan, Scheduler};
pub use scopes::{Dist, scopes};
pub use tally::Tally;
