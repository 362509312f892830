//! Records for people: pytest's own text, and between its header and its summary what pytest would show
//! of the tests: the live view and what failed where a person watches, else letters; with -v a line for each test.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use common::app::Session;
use common::outcome::{Outcome, TestFinished};
use common::progress::Progress;
use common::term::{Styles, count, duration_us};
use common::writer::Output;

use super::Render;
use super::live::{Live, LiveSession};
use super::summary::memory_table;
use crate::daemon::request::{Suite, SuiteState};
use crate::events::{Alone, Measured, Record, StartedBy};

/// As wide as pytest thinks a terminal is when there is none.
const WIDTH: usize = 80;
/// So many reasons why tests run alone are shown, unless all are asked for.
const REASONS: usize = 3;
/// So many of the tests with the most memory are named.
const LARGEST: usize = 5;
/// ` [100%]`
const PERCENT_WIDTH: usize = 7;

/// The state of the screen.
pub struct Human {
    output: Output,
    styles: Styles,
    progress: Progress,
    live_session: Option<LiveSession>,
    live: Option<Live>,
    verbose: bool,
    quiet: bool,
    width: usize,
    column: usize,
    total: u64,
    done: u64,
    /// The tests that failed and ran again, with the last attempt that failed; and those of them that then passed.
    retried: BTreeMap<String, usize>,
    flaky: Vec<(String, usize)>,
    /// The tests that failed beside others and run again, alone; and those of them that then did not fail.
    isolated: BTreeSet<String>,
    unsafe_in_threads: Vec<String>,
    measured: BTreeMap<String, Measured>,
    /// The beginnings of lines that workers wrote; below the empty name, what no worker did.
    unfinished: BTreeMap<String, String>,
}

impl Human {
    /// For this session, on a terminal of this width if there is one.
    pub fn new(session: &Session, width: Option<u16>) -> Self {
        Human {
            output: session.output(),
            styles: session.styles,
            progress: session.progress.clone(),
            live_session: LiveSession::of(session, width),
            live: None,
            verbose: session.verbose > 0,
            quiet: session.quiet,
            width: width.map_or(WIDTH, usize::from),
            column: 0,
            total: 0,
            done: 0,
            retried: BTreeMap::new(),
            flaky: Vec::new(),
            isolated: BTreeSet::new(),
            unsafe_in_threads: Vec::new(),
            measured: BTreeMap::new(),
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

    fn begin(&mut self, record: &Record, tests: u64, workers: u64, start: StartedBy) -> io::Result<()> {
        self.total = tests;
        if self.quiet || tests == 0 {
            return Ok(());
        }
        let how = match start {
            StartedBy::Fork => "forked",
            StartedBy::Spawn => "spawned",
        };
        let blank = if self.live_session.is_some() { "" } else { "\n" };
        self.print(&format!("{}, {how}\n{blank}", count(workers, "worker")))?;
        if let Some(session) = &self.live_session {
            self.live = Some(Live::begin(session, std::slice::from_ref(record))?);
        }
        Ok(())
    }

    fn finished(&mut self, test: &TestFinished) -> io::Result<()> {
        self.done += 1;
        if let Some(attempt) = self.retried.remove(&test.id).filter(|_| !test.outcome.is_bad()) {
            self.flaky.push((test.id.clone(), attempt + 1));
        }
        if self.isolated.remove(&test.id) && !test.outcome.is_bad() {
            self.unsafe_in_threads.push(test.id.clone());
        }
        if self.verbose {
            let line = self.line(test);
            self.print(&line)
        } else if self.live.is_some() {
            let shown = if test.outcome.is_bad() { self.failure(test) } else { String::new() };
            if shown.is_empty() { Ok(()) } else { self.print(&shown) }
        } else {
            let letter = self.letter(test.outcome);
            self.print(&letter)
        }
    }

    /// What went wrong, in a few lines; pytest's summary has all of it.
    fn failure(&self, test: &TestFinished) -> String {
        let TestFinished { id, outcome, duration_us: us, worker, message, .. } = test;
        let about = self.styles.dim(format!("[{worker}, {}]", duration_us(*us)));
        let mut shown = format!("{} {id} {about}\n", self.paint(*outcome, words(*outcome).1));
        for line in excerpt(message) {
            shown += &format!("  {line}\n");
        }
        shown
    }

    /// What a worker wrote, line by line: `[gw0] text`.
    fn labelled(&mut self, worker: &str, text: &str) -> io::Result<()> {
        let unfinished = self.unfinished.remove(worker).unwrap_or_default() + text;
        let mut shown = String::new();
        for line in unfinished.split_inclusive('\n') {
            if line.ends_with('\n') {
                if !worker.is_empty() {
                    shown += &format!("{} ", self.styles.dim(format!("[{worker}]")));
                }
                shown += line;
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

    /// `changed src/mod.py: 2 test files`
    fn changed(&self, paths: &[String], files: Option<&[String]>) -> String {
        let touched = match files {
            None => "all tests".to_owned(),
            Some([]) => "what failed before".to_owned(),
            Some([file]) => file.clone(),
            Some(files) => count(files.len() as u64, "test file"),
        };
        match paths {
            [] => format!("\n{touched}\n\n"),
            [path, rest @ ..] => {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                format!("\n{} {}{more}: {touched}\n\n", self.styles.bold("changed"), self.styles.accent(path))
            }
        }
    }

    /// What the daemon keeps, a suite a line.
    fn daemon(&self, running: bool, pid: Option<u32>, up_ms: u64, runs: u64, suites: &[Suite]) -> String {
        let Some(pid) = pid else { return "no daemon runs\n".to_owned() };
        let ended = if running { "" } else { ", has been ended" };
        let about = format!("up {}, {}", duration_us(up_ms * 1000), count(runs, "run"));
        let mut text = format!("daemon {pid}, {about}{ended}\n");
        for suite in suites.iter().filter(|_| running) {
            let state = match suite.state {
                SuiteState::Collected => self.styles.good("collected"),
                SuiteState::Collecting => self.styles.warn("collecting"),
                SuiteState::Imported => self.styles.warn("imported"),
            };
            let folder = self.styles.accent(&suite.folder);
            text += &format!("  {state}  {folder}  {}\n", suite.args.join(" "));
            if let Some(reason) = &suite.reason {
                text += &format!("    each run collects: {reason}\n");
            }
            if let Some(path) = &suite.changed {
                text += &format!("    changed last: {path}\n");
            }
        }
        text
    }

    /// `8 tests at a time in each worker: 90 beside others, 10 alone`, and why.
    fn threads(&mut self, threads: u64, beside: u64, alone: &[Alone]) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let others: u64 = alone.iter().map(|alone| alone.tests).sum();
        let mut text =
            format!("{threads} tests at a time in each worker: {beside} beside others, {others} alone\n");
        let shown = if self.verbose { alone.len() } else { alone.len().min(REASONS) };
        for Alone { reason, tests, id } in &alone[..shown] {
            let more = if *tests > 1 { format!(", and {} more", tests - 1) } else { String::new() };
            text += &self.styles.dim(format!("  {id} {reason}{more}"));
            text.push('\n');
        }
        if shown < alone.len() {
            text += &self.styles.dim(format!(
                "  and {} (-v names them)",
                count((alone.len() - shown) as u64, "other reason")
            ));
            text.push('\n');
        }
        self.print(&text)
    }

    /// The tests that failed at first and then did not.
    fn name_flaky(&mut self) -> io::Result<()> {
        let mut text = String::new();
        for (id, attempt) in std::mem::take(&mut self.flaky) {
            text += &format!("\n{} {id} (passed at attempt {attempt})", self.styles.warn("FLAKY"));
        }
        for id in std::mem::take(&mut self.unsafe_in_threads) {
            let label = self.styles.warn("THREADS");
            text += &format!("\n{label} {id} (failed beside others, not alone: @pytest.mark.thread_unsafe)");
        }
        if text.is_empty() { Ok(()) } else { self.print(&(text + "\n")) }
    }

    /// The tests that had the most memory.
    fn name_largest(&mut self) -> io::Result<()> {
        let mut measured: Vec<&Measured> = self.measured.values().collect();
        if measured.is_empty() || self.quiet {
            return Ok(());
        }
        measured.sort_by_key(|test| Reverse(test.peak_bytes));
        let table = memory_table(&measured, LARGEST);
        self.print(&format!("\n{}\n{table}", self.styles.bold("most memory")))
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
        if let Some(live) = &self.live {
            live.see(record);
        }
        match record {
            Record::Collected { tests, workers, start, .. } => self.begin(record, *tests, *workers, *start),
            Record::TestFinished(test) => self.finished(test),
            Record::TestMeasured(measured) => {
                self.measured.insert(measured.id.clone(), measured.clone());
                Ok(())
            }
            Record::TestsEnded { .. } => {
                self.live = None;
                self.end()?;
                self.name_flaky()?;
                self.name_largest()
            }
            Record::ThreadsPlanned { threads, beside, alone } => self.threads(*threads, *beside, alone),
            Record::TestIsolated { failure, .. } => {
                self.isolated.insert(failure.id.clone());
                Ok(())
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
            Record::WatchWaiting { keys, .. } => {
                let keys = if *keys { ": a all, f failed, enter again, q quit" } else { "" };
                self.print(&format!("\n{}\n", self.styles.dim(format!("waiting for changes{keys}"))))
            }
            Record::WatchChanged { paths, files } => {
                let text = self.changed(paths, files.as_deref());
                self.print(&text)
            }
            Record::Daemon { running, pid, up_ms, runs, suites } => {
                let text = self.daemon(*running, *pid, *up_ms, *runs, suites);
                self.print(&text)
            }
            Record::TextPrinted { text, worker: Some(worker), .. } => self.labelled(worker, text),
            // The view can only make way for whole lines.
            Record::TextPrinted { text, .. } if self.live.is_some() => self.labelled("", text),
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

    fn end(&mut self) -> io::Result<()> {
        let workers: Vec<String> = self.unfinished.keys().cloned().collect();
        workers.iter().try_for_each(|worker| self.labelled(worker, "\n"))
    }
}

/// The lines that say what is wrong, three at most, and where; of a message of another kind, its first line.
fn excerpt(message: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = message.lines().filter(|line| line.starts_with("E  ")).take(3).collect();
    if lines.is_empty() {
        return message.lines().find(|line| !line.trim().is_empty()).into_iter().collect();
    }
    lines.extend(message.lines().rev().find(|line| line.contains(": ") && !line.starts_with([' ', 'E'])));
    lines
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
