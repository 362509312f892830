//! Records for people: pytest's own text, and between its header and its summary what pytest would show
//! of the tests: a bar where a person watches, else letters; with -v a line for each test.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

use common::app::Session;
use common::outcome::{Outcome, TestFinished};
use common::progress::{Progress, ProgressBar};
use common::term::{Styles, count};
use common::writer::Output;

use super::Render;
use crate::events::{Record, StartedBy};

/// As wide as pytest thinks a terminal is when there is none.
const WIDTH: usize = 80;
/// ` [100%]`
const PERCENT_WIDTH: usize = 7;

/// The state of the screen.
pub struct Human {
    output: Output,
    styles: Styles,
    progress: Progress,
    live: bool,
    verbose: bool,
    quiet: bool,
    width: usize,
    column: usize,
    total: u64,
    done: u64,
    bad: u64,
    bar: Option<ProgressBar>,
    /// The tests that failed and ran again, with the last attempt that failed; and those of them that then passed.
    retried: BTreeMap<String, usize>,
    flaky: Vec<(String, usize)>,
    /// The beginnings of lines that workers wrote.
    unfinished: BTreeMap<String, String>,
}

impl Human {
    /// For this session, on a terminal of this width if there is one.
    pub fn new(session: &Session, width: Option<u16>) -> Self {
        Human {
            output: session.output(),
            styles: session.styles,
            progress: session.progress.clone(),
            live: width.is_some() && io::stderr().is_terminal() && !session.quiet,
            verbose: session.verbose > 0,
            quiet: session.quiet,
            width: width.map_or(WIDTH, usize::from),
            column: 0,
            total: 0,
            done: 0,
            bad: 0,
            bar: None,
            retried: BTreeMap::new(),
            flaky: Vec::new(),
            unfinished: BTreeMap::new(),
        }
    }

    fn print(&mut self, text: &str) -> io::Result<()> {
        let output = &mut self.output;
        self.progress.suspend(|| {
            output.write_all(text.as_bytes())?;
            output.flush()
        })
    }

    fn begin(&mut self, tests: u64, workers: u64, start: StartedBy) -> io::Result<()> {
        self.total = tests;
        if self.live {
            self.bar = Some(self.progress.count("running", tests));
        }
        if self.quiet || tests == 0 {
            return Ok(());
        }
        let how = match start {
            StartedBy::Fork => "forked",
            StartedBy::Spawn => "spawned",
        };
        self.print(&format!("{}, {how}\n\n", count(workers, "worker")))
    }

    fn finished(&mut self, test: &TestFinished) -> io::Result<()> {
        self.done += 1;
        self.bad += u64::from(test.outcome.is_bad());
        if let Some(attempt) = self.retried.remove(&test.id).filter(|_| !test.outcome.is_bad()) {
            self.flaky.push((test.id.clone(), attempt + 1));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
            if self.bad > 0 {
                bar.set_message(format!("running, {} failed", self.bad));
            }
        }
        if self.verbose {
            let line = self.line(test);
            self.print(&line)
        } else if self.bar.is_some() {
            Ok(())
        } else {
            let shown = self.letter(test.outcome);
            self.print(&shown)
        }
    }

    /// What a worker wrote, line by line: `[gw0] text`.
    fn labelled(&mut self, worker: &str, text: &str) -> io::Result<()> {
        let unfinished = self.unfinished.remove(worker).unwrap_or_default() + text;
        let mut shown = String::new();
        for line in unfinished.split_inclusive('\n') {
            if line.ends_with('\n') {
                shown += &format!("{} {line}", self.styles.dim(format!("[{worker}]")));
            } else {
                self.unfinished.insert(worker.to_owned(), line.to_owned());
            }
        }
        if shown.is_empty() {
            return Ok(());
        }
        if std::mem::take(&mut self.column) > 0 {
            shown.insert(0, '\n');
        }
        self.print(&shown)
    }

    /// The tests that failed at first and then did not.
    fn name_flaky(&mut self) -> io::Result<()> {
        let mut text = String::new();
        for (id, attempt) in std::mem::take(&mut self.flaky) {
            text += &format!("\n{} {id} (passed at attempt {attempt})", self.styles.warn("FLAKY"));
        }
        if text.is_empty() { Ok(()) } else { self.print(&(text + "\n")) }
    }

    /// `[gw0] [ 45%] PASSED tests/test_a.py::test_b`
    fn line(&self, test: &TestFinished) -> String {
        let word = self.paint(test.outcome, words(test.outcome).1);
        format!("[{}]{} {word} {}\n", test.worker, self.percent(), test.id)
    }

    /// A letter, and the percentage where the line or the suite ends.
    fn letter(&mut self, outcome: Outcome) -> String {
        let mut text = self.paint(outcome, words(outcome).0);
        self.column += 1;
        if self.done == self.total {
            let room = self.width.saturating_sub(self.column + PERCENT_WIDTH + 1);
            text += &format!("{}{}", " ".repeat(room), self.percent());
        } else if self.column + PERCENT_WIDTH + 1 >= self.width {
            text += &format!("{}\n", self.percent());
            self.column = 0;
        }
        text
    }

    fn percent(&self) -> String {
        format!(" [{:3}%]", (self.done * 100).checked_div(self.total).unwrap_or(100))
    }

    fn paint(&self, outcome: Outcome, text: &str) -> String {
        match outcome {
            Outcome::Passed => self.styles.good(text),
            Outcome::Failed | Outcome::Error => self.styles.bad(text),
            Outcome::Skipped | Outcome::Xfailed | Outcome::Xpassed => self.styles.warn(text),
        }
    }
}

impl Render for Human {
    fn show(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Collected { tests, workers, start, .. } => self.begin(*tests, *workers, *start),
            Record::TestFinished(test) => self.finished(test),
            Record::TestsEnded { .. } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                let unfinished = std::mem::take(&mut self.unfinished);
                for (worker, line) in unfinished {
                    self.labelled(&worker, &(line + "\n"))?;
                }
                self.name_flaky()
            }
            Record::TestRetried { attempt, failure } => {
                self.retried.insert(failure.id.clone(), *attempt);
                Ok(())
            }
            // Those that passed at a later attempt of this run are named at its end.
            Record::FlakyFound(flaky) if !flaky.history.ends_with('R') => {
                let label = self.styles.warn("FLAKY");
                let newline = if std::mem::take(&mut self.column) > 0 { "\n" } else { "" };
                self.print(&format!("{newline}{label} {}\n", super::flaky_line(flaky)))
            }
            Record::TextPrinted { text, worker: Some(worker), .. } => self.labelled(worker, text),
            Record::TextPrinted { text, .. } => self.print(text),
            // pytest's summary says why.
            Record::Halted { .. }
            | Record::TestStarted(_)
            | Record::FlakyFound(_)
            | Record::TestCollected { .. }
            | Record::ReportComputed { .. }
            | Record::TestInterrupted { .. }
            | Record::WorkerStarted { .. }
            | Record::WorkerFinished { .. }
            | Record::WorkerLost { .. } => Ok(()),
        }
    }
}

/// pytest's letter and word.
fn words(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Passed => (".", "PASSED"),
        Outcome::Failed => ("F", "FAILED"),
        Outcome::Skipped => ("s", "SKIPPED"),
        Outcome::Xfailed => ("x", "XFAIL"),
        Outcome::Xpassed => ("X", "XPASS"),
        Outcome::Error => ("E", "ERROR"),
    }
}
