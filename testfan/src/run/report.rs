//! `testfan report` and `testfan replay`: the records of runs, summed up or shown again.

use common::app::Session;
use common::{Exit, Failure};

use crate::config::ReportConfig;
use crate::error::Error;
use crate::events::Heard;
use crate::reduce::Report;
use crate::render::{Github, junit, renderer, summary};
use crate::source::records::{self, Input};

/// Reads all inputs, then says what they add up to.
pub(super) fn report(config: &ReportConfig, session: &mut Session) -> Result<Exit, Failure> {
    let mut report = Report::default();
    for input in &config.inputs {
        let before = report.runs.len();
        for heard in records::read(input)? {
            report.hear(heard?);
        }
        warn_of_loss(&report, before, input, session);
    }
    summary::show(&report, config.slowest, session).map_err(anyhow::Error::from)?;
    for (outcome, number) in report.counts() {
        session.count(outcome.word(), number);
    }
    session.count("flaky", report.flaky().count() as u64);
    if let Some(path) = &config.junit {
        common::fs::write_atomic(path, junit::document(&report).as_bytes()).map_err(Error::File)?;
    }
    if let Some(github) = &config.github {
        Github::new(github.clone(), session).report(&report).map_err(anyhow::Error::from)?;
    }
    Ok(report.exit())
}

/// Shows every record as the run did, and ends as it ended.
pub(super) fn replay(input: &Input, session: &mut Session) -> Result<Exit, Failure> {
    let mut report = Report::default();
    // Nobody waits for anything, so there is no bar; without a width text is as wide as in a pipe.
    let mut render = renderer(session, None);
    for heard in records::read(input)? {
        match heard? {
            Heard::Record(record) => render.show(&record).map_err(anyhow::Error::from)?,
            frame => report.hear(frame),
        }
    }
    warn_of_loss(&report, 0, input, session);
    Ok(report.exit())
}

/// Says which runs of an input, those from `first`, failed as a whole or have no end.
fn warn_of_loss(report: &Report, first: usize, input: &Input, session: &Session) {
    let runs = report.runs.get(first..).unwrap_or_default();
    if runs.is_empty() {
        session.warn(&format!("{input} holds no run"));
    }
    for run in runs {
        if let Some(failure) = &run.failure {
            session.warn(&format!("{input}: the run failed: {failure}"));
        }
        if run.exit.is_none() {
            let what = "the run was cut short: what it had not reported is not known";
            session.warn(&format!("{input}: {what}"));
        }
    }
}
