//! What `testfan report` found: for people much as pytest sums up, else as records.

use std::io::{self, Write};

use common::app::Session;
use common::format::Format;
use common::outcome::{Outcome, TestFinished};
use common::term::{Align, Styles, bytes, count, duration_us, table};

use crate::events::{Measured, Record, Slow};
use crate::reduce::{Report, TestHeard};

/// As wide as pytest thinks a terminal is when there is none.
const WIDTH: usize = 80;
/// A test that took less is not slow.
const SLOW_US: u64 = 5_000;

/// Shows it, with so many of the slowest tests.
pub fn show(report: &Report, slowest: usize, session: &Session) -> io::Result<()> {
    match session.format {
        Format::Human => session.output().write_all(text(report, slowest, session).as_bytes()),
        Format::Jsonl => records(report, slowest).try_for_each(|record| session.output().record(&record)),
    }
}

/// Every test once more, so that the report of several files is itself a file of records; then the sum.
fn records(report: &Report, slowest: usize) -> impl Iterator<Item = Record> {
    let tests = report.tests.iter().map(|test| Record::TestFinished(test.finished.clone()));
    let flaky = report.flaky().cloned().map(Record::FlakyFound);
    let computed = Record::ReportComputed {
        runs: report.runs.len() as u64,
        tests: report.tests.len() as u64,
        cut_short: report.cut_short() as u64,
        duration_us: report.duration_us(),
        slowest: report.slowest(slowest, 0),
    };
    let measured = report.measured().into_iter().cloned().map(Record::TestMeasured);
    tests.chain(measured).chain(flaky).chain([computed])
}

fn text(report: &Report, slowest: usize, session: &Session) -> String {
    let styles = session.styles;
    let mut text = String::new();
    let mut failures = report.failures().peekable();
    if failures.peek().is_some() {
        text += &(ruled("FAILURES", '=') + "\n");
    }
    for test in failures {
        text += &failure(test, styles);
    }
    let slow = report.slowest(slowest, SLOW_US);
    if !slow.is_empty() && !session.quiet {
        text += &format!("{}\n{}\n", ruled("slowest tests", '='), slow_table(&slow));
    }
    let measured = report.measured();
    if !measured.is_empty() && !session.quiet {
        text += &format!("{}\n{}\n", ruled("most memory", '='), memory_table(&measured, slowest));
    }
    for run in &report.runs {
        for id in &run.interrupted {
            text += &format!("{} {id}\n", styles.warn("INTERRUPTED"));
        }
    }
    for flaky in report.flaky() {
        text += &format!("{} {}\n", styles.warn("FLAKY"), super::flaky_line(flaky));
    }
    for test in report.failures() {
        let id = &test.finished.id;
        text += &format!("{} {id}\n", styles.bad(test.finished.outcome.word().to_uppercase()));
    }
    text + &ruled(&totals(report, styles), '=') + "\n"
}

/// `1 failed, 12 passed, 1 flaky in 1.20 s, 3 runs`
pub fn totals(report: &Report, styles: Styles) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (outcome, number) in report.counts() {
        let text = match outcome {
            Outcome::Error => count(number, "error"),
            outcome => format!("{number} {}", outcome.word()),
        };
        parts.push(match outcome {
            Outcome::Passed => styles.good(text),
            outcome if outcome.is_bad() => styles.bad(text),
            _ => styles.warn(text),
        });
    }
    if parts.is_empty() {
        parts.push("no tests".into());
    }
    let named = [
        (report.flaky().count(), "flaky"),
        (report.runs.iter().map(|run| run.interrupted.len()).sum(), "interrupted"),
        (report.cut_short(), "cut short"),
    ];
    let named = named.into_iter().filter(|(number, _)| *number > 0);
    parts.extend(named.map(|(number, what)| styles.warn(format!("{number} {what}"))));
    let mut text = parts.join(", ");
    if report.took_us() > 0 {
        text += &format!(" in {}", duration_us(report.took_us()));
    }
    if report.runs.len() > 1 {
        text += &format!(", {}", count(report.runs.len() as u64, "run"));
    }
    text
}

fn failure(test: &TestHeard, styles: Styles) -> String {
    let TestFinished { id, duration_us: us, worker, message, output, .. } = &test.finished;
    let mut shown = styles.bad(ruled(id, '_')) + "\n";
    let mut place = format!("{worker}, {}", duration_us(*us));
    if test.attempts > 1 {
        place += &format!(", attempt {}", test.attempts);
    }
    shown += &format!("{}\n\n", styles.dim(place));
    let worded = |part: &str| if styles.color() { part.to_owned() } else { crate::reduce::plain(part) };
    for part in [message, output] {
        if !part.trim().is_empty() {
            shown += &format!("{}\n\n", worded(part.trim_end()));
        }
    }
    shown
}

fn slow_table(slow: &[Slow]) -> String {
    let rows = slow.iter().map(|test| vec![duration_us(test.duration_us), test.id.clone()]);
    table(&[], &[Align::Right, Align::Left], rows.collect())
}

/// The tests that had the most memory in use at once: how much, what of it they left behind, and which.
pub fn memory_table(measured: &[&Measured], most: usize) -> String {
    let row = |test: &&Measured| vec![bytes(test.peak_bytes), bytes(test.leaked_bytes), test.id.clone()];
    let rows = measured.iter().take(most).map(row).collect();
    table(&["in use", "left", "test"], &[Align::Right, Align::Right, Align::Left], rows)
}

/// A line with a title in its middle, as pytest draws them; colours in the title take no room.
fn ruled(title: &str, rule: char) -> String {
    let room = WIDTH.saturating_sub(crate::reduce::plain(title).chars().count() + 2);
    let side = |length: usize| rule.to_string().repeat(length.max(1));
    format!("{} {title} {}", side(room / 2), side(room - room / 2))
}
