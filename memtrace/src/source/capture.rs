//! Reads a capture: the events of all its streams in their order, with the lines of their stacks.
//! Memory is bounded by one block a stream and by what is distinct, never by the number of events.

mod file;
mod lines;
mod merge;
mod pack;
mod stream;

pub use pack::{Ending, end_in_place, pack};

use std::path::Path;

use memtrace_wire::header::{End, Header};

use crate::error::Error;
use crate::events::{Event, Symbols};
use crate::source::capture::file::CaptureFile;
use crate::source::capture::merge::merge;
use crate::source::capture::stream::Codes;
use crate::source::{Flow, Outline};

/// Reads all events of the capture at `path`.
pub fn read(
    path: &Path,
    symbols: &mut Symbols,
    on_event: &mut dyn FnMut(Event, &Symbols) -> Flow,
) -> Result<Outline, Error> {
    let mut file = CaptureFile::open(path)?;
    let codes = Codes::read(&mut file)?;
    let damaged = merge(&mut file, codes, symbols, on_event)? || file.damaged;
    Ok(Outline {
        command: file.header.command.clone(),
        incomplete_because: incomplete_because(&file.header, damaged),
    })
}

fn incomplete_because(header: &Header, damaged: bool) -> Option<String> {
    let system = |errno: u32| std::io::Error::from_raw_os_error(errno.cast_signed());
    if header.stopped != 0 {
        return Some(format!("the recording stopped early: {}", system(header.stopped)));
    }
    if damaged {
        return Some("the file is damaged or cut off".into());
    }
    match header.end {
        Some(End::Exited(_) | End::Replaced) if header.attached => None,
        Some(End::Exited(_) | End::Replaced) => Some("the program did not load memtrace's library".into()),
        Some(End::Killed(signal)) => Some(format!("the program was killed by signal {signal}")),
        None => Some("the program has not ended, or memtrace was killed".into()),
    }
}
