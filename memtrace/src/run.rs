//! Wires source, reducers and renderers for each command. Must not know how any of them works.

mod aggregate;
mod attach;
mod browse;
mod reports;
mod verdicts;

use std::io::Write;
use std::path::Path;

use common::app::completions;
use common::fs::write_atomic;
use common::term::count;
use common::{Exit, Failure, Format, Session};
use memtrace_wire::header::{End, Header};

use crate::TOOL;
use crate::cli::{Cli, Command, InputArgs, RunArgs};
use crate::config::{Destination, Run, symbols};
use crate::events::{Record, Symbols};
use crate::render::{records, text};
use crate::source::launch::{die_by, launch};
use crate::source::{self, Flow};

/// Runs one command.
pub fn run(cli: Cli, session: &mut Session) -> Result<Exit, Failure> {
    if let Some(folder) = symbols(&cli.command) {
        source::seek_in(folder)?;
    }
    match cli.command {
        Command::Run(args) => record(args, session),
        Command::Attach(args) => attach::attach(&args, session),
        Command::Detach(args) => attach::detach(&args, session),
        Command::Library => attach::library(session),
        Command::Measure { top } => attach::measure(top, session),
        Command::Pack { capture } => attach::pack(&capture, session),
        Command::Summary(args) => reports::summary(&args, session),
        Command::Stats(args) => reports::stats(&args, session),
        Command::Flamegraph(args) => reports::flamegraph(&args, session),
        Command::Table(args) => reports::table(&args, session),
        Command::Tree(args) => browse::tree(&args, session),
        Command::Live(args) => browse::live(&args, session),
        Command::Leaks(args) => verdicts::leaks(&args, session),
        Command::Diff(args) => verdicts::diff(&args, session),
        Command::Export(args) => reports::export(&args, session),
        Command::Records(args) => match args.at {
            Some(at) => reports::sites(&args, at, session),
            None => write_records(&args.input, session),
        },
        Command::Completions { shell } => {
            completions::<Cli>(&TOOL, shell, session);
            Ok(Exit::YES)
        }
    }
}

fn record(args: RunArgs, session: &Session) -> Result<Exit, Failure> {
    let run = Run::new(args)?;
    let launched = launch(&run, aggregate::aggregate)?;
    match &launched.capture {
        Ok(header) => {
            for warning in warnings(header) {
                session.warn(&warning);
            }
            let capture = run.capture.display();
            let others = match launched.others {
                0 => String::new(),
                others => format!(" and {}", count(others as u64, "more capture")),
            };
            session.note(&format!("memtrace: wrote {capture}{others}; next: memtrace flamegraph {capture}"));
        }
        // The program has run; its end is what counts.
        Err(failure) => session.warn(&format!("the capture is lost: {failure}")),
    }
    match launched.end {
        End::Exited(code) => Ok(Exit(u8::try_from(code).unwrap_or(u8::MAX))),
        // Not what a process that was waited for says.
        End::Replaced | End::Stopped => Ok(Exit::YES),
        End::Killed(signal) => {
            die_by(signal);
            Ok(Exit(u8::try_from(128 + signal).unwrap_or(u8::MAX)))
        }
    }
}

fn warnings(header: &Header) -> Vec<String> {
    let mut warnings = Vec::new();
    if !header.attached {
        warnings.push("the program did not load memtrace's library: nothing was recorded".to_owned());
    }
    if header.python != 0 && !header.frames {
        let (major, minor) = (header.python >> 24, header.python >> 16 & 0xff);
        warnings.push(format!(
            "this memtrace does not know the frames of this Python {major}.{minor}: \
             its allocations are recorded without them"
        ));
    }
    if header.stopped != 0 {
        let cause = std::io::Error::from_raw_os_error(header.stopped.cast_signed());
        warnings.push(format!("the recording stopped before the program did: {cause}"));
    }
    warnings
}

/// Writes a whole report to where it goes.
fn write_report(destination: &Destination, report: &[u8], session: &Session) -> Result<Exit, Failure> {
    match destination {
        Destination::Output => write(&mut session.output(), report)?,
        Destination::File(path) => {
            write_atomic(path, report)?;
            report_written(path, report.len() as u64, session)?;
        }
    }
    Ok(Exit::YES)
}

fn report_written(path: &Path, size_bytes: u64, session: &Session) -> Result<(), Failure> {
    match session.format {
        Format::Human => session.note(&format!("memtrace: wrote {}", path.display())),
        Format::Jsonl => {
            let path = path.display().to_string();
            written(session.output().record(&Record::ReportWritten { path, size_bytes }))?;
        }
    }
    Ok(())
}

fn write_records(args: &InputArgs, session: &mut Session) -> Result<Exit, Failure> {
    begin(session)?;
    let mut output = session.output();
    let mut symbols = Symbols::default();
    let (mut events, mut failed) = (0_u64, Ok(()));
    let outline = source::read(&args.input, &mut symbols, &mut |batch, symbols| {
        for event in batch.drain(..) {
            events += 1;
            failed = match session.format {
                Format::Human => output.write_all(text::event(&event, symbols).as_bytes()),
                Format::Jsonl => output.record(&records::event(&event, symbols)),
            };
            if failed.is_err() || output.reader_gone() {
                return Flow::Break(());
            }
        }
        Flow::Continue(())
    })?;
    written(failed)?;
    if let Some(reason) = outline.incomplete_because.filter(|_| !session.output().reader_gone()) {
        session.warn(&format!("incomplete: {reason}"));
    }
    session.count("events", events);
    Ok(Exit::YES)
}

fn begin(session: &mut Session) -> Result<(), Failure> {
    written(session.begin())
}

fn write(output: &mut impl Write, bytes: &[u8]) -> Result<(), Failure> {
    written(output.write_all(bytes))
}

fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| anyhow::Error::new(error).context("failed to write to standard output").into())
}
