//! Events to answers. Everything here is pure: no I/O, no clock, no randomness.

mod beside;
mod chunks;
mod flaky;
mod impact;
mod maxfail;
mod message;
mod partition;
mod progress;
mod report;
mod retries;
mod scheduler;
mod scopes;
mod tally;

pub use beside::{beside, reasons};
pub use chunks::Item;
pub use flaky::{Flakiness, History};
pub use impact::{Focus, Impact};
pub use maxfail::Maxfail;
pub use message::{headline, place, plain};
pub use partition::{Part, partition};
pub use progress::{Progress, Running};
pub use report::{Report, RunHeard, TestHeard};
pub use retries::Retries;
pub use scheduler::{Order, Plan, Scheduler};
pub use scopes::{Dist, scopes};
pub use tally::Tally;
