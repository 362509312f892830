//! What pages do, for people: `pyweb render` answers with the document on standard output and says the rest
//! on standard error; `pyweb test` reports a line for each test, and what a failed one said.

use std::io::{self, Write};
use std::time::Duration;

use common::outcome::{Outcome, TestFinished};
use common::term;
use common::{Format, Session};

use crate::events::{Record, StepOutcome};

/// A record of `pyweb render`.
pub fn rendered(session: &Session, record: &Record) -> io::Result<()> {
    if session.format == Format::Jsonl {
        return session.output().record(record);
    }
    let styles = session.error_styles;
    match record {
        Record::DomRendered { html, .. } => {
            let line_end = if html.ends_with('\n') { "" } else { "\n" };
            write!(session.output(), "{html}{line_end}")?;
        }
        Record::ConsoleLogged { level, .. } if level == "debug" && session.verbose == 0 => {}
        Record::ConsoleLogged { level, message, .. } => {
            let label = format!("{level}:");
            let label = match level.as_str() {
                "error" => styles.bad(label),
                "warn" => styles.warn(label),
                _ => styles.dim(label),
            };
            session.note(&format!("{label} {message}"));
        }
        Record::PythonRaised { file, line, message, traceback } => {
            let label = styles.bad("python:");
            session.progress.suspend(|| writeln!(io::stderr(), "{label} {file}:{line}: {message}"))?;
            if session.verbose > 0 {
                session.note(traceback);
            }
        }
        _ => {}
    }
    Ok(())
}

/// A record of `pyweb test`.
pub fn tested(session: &Session, record: &Record) -> io::Result<()> {
    match record {
        // A test's verdict does not need its page's whole markup.
        Record::DomRendered { .. } => Ok(()),
        _ if session.format == Format::Jsonl => session.output().record(record),
        Record::TestFinished(test) => finished(session, test),
        _ => Ok(()),
    }
}

/// A record of `pyweb test --steps`.
pub fn stepped(session: &Session, record: &Record) -> io::Result<()> {
    match record {
        _ if session.format == Format::Jsonl => session.output().record(record),
        Record::StepFinished { outcome: StepOutcome::Failed, id, step, message, .. } => {
            let label = session.styles.bad("FAIL");
            writeln!(session.output(), "{label} step {id} {step}: {message}")
        }
        Record::ConsoleLogged { .. } | Record::PythonRaised { .. } => rendered(session, record),
        Record::TestFinished(test) => finished(session, test),
        _ => Ok(()),
    }
}

fn finished(session: &Session, test: &TestFinished) -> io::Result<()> {
    let styles = session.styles;
    let mut out = session.output();
    let time = styles.dim(term::duration_us(test.duration_us));
    if test.outcome == Outcome::Passed {
        return if session.quiet {
            Ok(())
        } else {
            writeln!(out, "{} {} {time}", styles.good("PASS"), test.id)
        };
    }
    writeln!(out, "{} {} {time}", styles.bad("FAIL"), test.id)?;
    for line in test.message.lines() {
        writeln!(out, "     {line}")?;
    }
    if !test.output.is_empty() {
        writeln!(out, "     {}", styles.dim("its console:"))?;
    }
    test.output.lines().try_for_each(|line| writeln!(out, "       {line}"))
}

/// The last line of `pyweb test`.
pub fn summary(session: &Session, passed: u64, failed: u64, took: Duration) -> io::Result<()> {
    if session.format == Format::Jsonl {
        return Ok(());
    }
    let styles = session.styles;
    let took = term::duration_us(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    let passed = format!("{passed} passed");
    let verdict = if failed == 0 {
        styles.good(passed)
    } else {
        format!("{passed}, {}", styles.bad(format!("{failed} failed")))
    };
    writeln!(session.output(), "{verdict} in {took}")
}
