//! Where events come from: the Python processes, signals, and earlier runs.
//! Must not know what is decided or shown because of them.

mod carried;
mod changes;
mod channel;
pub mod cores;
pub mod durations;
mod foreground;
pub mod history;
mod in_memory;
pub mod journal;
mod kept;
mod keys;
pub mod memory;
pub mod records;
mod signals;
mod streams;
mod zygote;

pub use carried::version as carried_version;
pub use changes::Changes;
pub use channel::{Closed, Peer, transmit};
pub use foreground::become_pytest;
pub use in_memory::InMemory;
pub use keys::Keys;
pub use signals::{Signals, interrupt_group, kill_group, stand_still, stop_here};
pub use streams::{STREAMS_PER_WORKER, Streams};
pub use zygote::{Zygote, ZygoteOptions};

use std::path::PathBuf;

use crate::events::TextSource;
use crate::protocol::{FromWorker, FromZygote, WorkerId};

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
    /// A Python process wrote this, past pytest's capturing: a worker, else the zygote.
    Printed(Option<WorkerId>, TextSource, String),
    /// Nothing more will be written to one of these streams.
    StreamClosed,
    /// A file was written, made or removed.
    Changed(PathBuf),
    /// Somebody pressed a key.
    Key(u8),
    /// Ctrl-Z: somebody wants the run to stand still.
    Suspended,
    /// Somebody asks for the run to end.
    Interrupted,
}
