//! Wires what is done to programs that run already, and what the Python package asks for.

use std::path::Path;

use common::fs::FileError;
use common::{Exit, Failure, Format, Session};
use memtrace_wire::header::End;

use super::reports::Answers;
use super::{begin, report_written, warnings, write, written};
use crate::cli::{AttachArgs, DetachArgs};
use crate::config::Attach;
use crate::error::Error;
use crate::events::{At, Record, Stats};
use crate::reduce::locations::lines;
use crate::reduce::profile::Profile;
use crate::render::records;
use crate::source::{attach, launch};

pub fn attach(args: &AttachArgs, session: &mut Session) -> Result<Exit, Failure> {
    let Attach { pid, capture, force, options, duration } = Attach::new(args)?;
    begin(session)?;
    if force && capture.is_file() {
        std::fs::remove_file(&capture).map_err(FileError::at("replace", &capture))?;
    }
    attach::attach(pid, &capture, options)?;
    let path = capture.display();
    let Some(duration) = duration else {
        let next = format!("next: memtrace live {path}, memtrace detach {pid}");
        session.note(&format!("memtrace: recording process {pid} into {path}; {next}"));
        return Ok(Exit::YES);
    };
    session.note(&format!("memtrace: recording process {pid} into {path}"));
    attach::wait(pid, duration);
    end(pid, &capture, session)
}

pub fn detach(args: &DetachArgs, session: &mut Session) -> Result<Exit, Failure> {
    begin(session)?;
    let capture = attach::detach(args.pid)?;
    finish(&capture, session)
}

/// Ends a recording that the process may have ended by itself, or with itself.
fn end(pid: u32, capture: &Path, session: &Session) -> Result<Exit, Failure> {
    match attach::detach(pid) {
        Ok(_) | Err(Error::NoProcess { .. } | Error::NotRecorded { .. }) => finish(capture, session),
        Err(error) => Err(error.into()),
    }
}

fn finish(capture: &Path, session: &Session) -> Result<Exit, Failure> {
    let header = launch::finish(capture, None, 0).0?;
    for warning in warnings(&header) {
        session.warn(&warning);
    }
    let path = capture.display();
    if session.format == Format::Human {
        session.note(&format!("memtrace: wrote {path}; next: memtrace flamegraph {path}"));
        return Ok(Exit::YES);
    }
    let size = capture.metadata().map_or(0, |capture| capture.len());
    report_written(capture, size, session)?;
    Ok(Exit::YES)
}

pub fn library(session: &mut Session) -> Result<Exit, Failure> {
    let path = launch::library()?;
    write(&mut session.output(), format!("{}\n", path.display()).as_bytes())?;
    Ok(Exit::YES)
}

pub fn pack(capture: &Path, session: &Session) -> Result<Exit, Failure> {
    let header = launch::finish(capture, Some(End::Stopped), 0).0?;
    for warning in warnings(&header) {
        session.warn(&warning);
    }
    Ok(Exit::YES)
}

/// One process for many captures: a test suite has one for each test. Answers each with its largest locations and its
/// numbers, which come last.
pub fn measure(top: usize, session: &mut Session) -> Result<Exit, Failure> {
    begin(session)?;
    let output = session.output();
    for path in std::io::stdin().lines() {
        let path = path.map_err(anyhow::Error::from)?;
        let stats = match Answers::of(Path::new(&path), Profile::default(), session) {
            Ok(answers) => {
                let lines = lines(&answers.aggregate.by_stack(At::Peak), &answers.symbols);
                for line in lines.iter().take(top) {
                    written(output.record(&records::location(line, At::Peak, &answers.symbols)))?;
                }
                answers.stats()
            }
            Err(error) => Stats { incomplete_because: Some(error.to_string()), ..Stats::default() },
        };
        written(output.record(&Record::StatsComputed(stats)))?;
        if output.reader_gone() {
            break;
        }
    }
    Ok(Exit::YES)
}
