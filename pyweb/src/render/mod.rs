//! Records as they leave: JSON lines, or text for people. The only room that prints.

use std::io::{self, Write};

use common::{Format, Session};

use crate::events::Record;

/// Writes one record in the form that was asked for.
pub fn show(session: &Session, record: &Record) -> io::Result<()> {
    match session.format {
        Format::Jsonl => session.output().record(record),
        Format::Human => human(session, record),
    }
}

fn human(session: &Session, record: &Record) -> io::Result<()> {
    let styles = session.styles;
    let mut out = session.output();
    match record {
        Record::ConsoleLogged { level, message, .. } => writeln!(out, "{} {message}", styles.dim(level)),
        Record::PythonRaised { file, line, message, .. } => {
            writeln!(out, "{} {file}:{line}: {message}", styles.bad("error:"))
        }
        _ => Ok(()),
    }
}
