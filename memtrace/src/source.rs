//! Where events come from: a program that is run, or runs already, the capture that it leaves, here or on another
//! machine, records on standard input.
//! Must not know what is made of the events.

mod ahead;
pub mod attach;
pub mod capture;
pub mod launch;
pub mod records;
pub mod remote;
mod symbolize;

use std::path::Path;

pub use ahead::read_ahead;
pub use symbolize::seek_in;

use crate::error::Error;
use crate::events::{Event, Symbols};

/// How the events ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The program and its arguments; empty where the source does not say.
    pub command: Vec<String>,
    /// Why the events do not reach to the end of the program, where they do not.
    pub incomplete_because: Option<String>,
}

/// Reads all events of `input` in their order: a capture file, or `-` for records on standard input.
pub fn read(input: &Path, symbols: &mut Symbols, on_events: OnEvents) -> Result<Outline, Error> {
    if input == Path::new("-") {
        records::read(std::io::stdin().lock(), symbols, on_events)
    } else {
        capture::read(input, symbols, on_events)
    }
}

/// Takes some events out of the list, and says whether more are wanted.
pub type OnEvents<'a> = &'a mut dyn FnMut(&mut Vec<Event>, &Symbols) -> Flow;

/// Whether more events are wanted.
pub type Flow = std::ops::ControlFlow<()>;
