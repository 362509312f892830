//! Records as JSON lines: one record a line, as it comes.

use std::io;

use common::writer::Output;

use super::Render;
use crate::events::Record;

/// Writes every record.
pub struct JsonLines {
    output: Output,
}

impl JsonLines {
    /// Onto this output.
    pub fn new(output: Output) -> Self {
        JsonLines { output }
    }
}

impl Render for JsonLines {
    fn show(&mut self, record: &Record) -> io::Result<()> {
        self.output.record(record)
    }
}
