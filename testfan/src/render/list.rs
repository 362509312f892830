//! A list of tests for people and for grep: one node id a line, and nothing else, on standard output; what pytest
//! says of it goes to standard error.

use std::io::{self, Write};

use common::app::Session;
use common::progress::Progress;
use common::writer::Output;

use super::Render;
use crate::events::Record;

/// Writes ids.
pub struct Ids {
    output: Output,
    progress: Progress,
}

impl Ids {
    /// For this session.
    pub fn new(session: &Session) -> Self {
        Ids { output: session.output(), progress: session.progress.clone() }
    }
}

impl Render for Ids {
    fn show(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::TestCollected { id } => writeln!(self.output, "{id}"),
            Record::TextPrinted { text, .. } => {
                self.output.flush()?;
                self.progress.suspend(|| io::stderr().write_all(text.as_bytes()))
            }
            _ => Ok(()),
        }
    }
}
