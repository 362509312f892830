//! Where events come from: the Python processes, signals, and earlier runs.
//! Must not know what is decided or shown because of them.

mod carried;
mod channel;
pub mod durations;
pub mod protocol;
mod signals;
mod zygote;

pub use channel::{Closed, Peer};
pub use signals::{Signals, interrupt_group, kill_group};
pub use zygote::{Zygote, ZygoteOptions, worker_name};

use protocol::{FromWorker, FromZygote};

/// A worker's number: 0 is `gw0`. A worker that replaces a lost one gets a new number.
pub type WorkerId = usize;

/// Whatever happens outside, in the order it is heard of.
#[derive(Debug)]
pub enum Event {
    /// The zygote says something.
    Zygote(FromZygote),
    /// The zygote's channel ended.
    ZygoteClosed(Closed),
    /// A worker says something.
    Worker(WorkerId, FromWorker),
    /// A worker's channel ended, or its process did.
    WorkerClosed(WorkerId, Closed),
    /// Python wrote this to its own standard output, past pytest's capturing.
    Stdout(String),
    /// Nothing more will be written there.
    StdoutClosed,
    /// Somebody asks for the run to end.
    Interrupted,
}
