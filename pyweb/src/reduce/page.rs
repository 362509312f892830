//! The run of one page, event by event: the records to write and, at the end, what came of it.
//! Pure: time comes in with the events. Must not know who runs the page or who reads the records.

use common::outcome::{Outcome, TestFinished, TestStarted};

use super::javascript;
use super::sources::Sources;
use super::stderr::Stderr;
use super::traceback;
use crate::error::PageError;
use crate::events::Record;
use crate::headless::{Busy, Ended, Event, Level};
use crate::page::progress::Progress;

/// How much of a console is kept for a test's output or a failure's message, in lines.
const CONSOLE_LINES: usize = 200;

/// What came of a page.
#[derive(Debug)]
pub struct Verdict {
    /// The document at the end, unless the page did not get that far.
    pub html: Option<String>,
    /// How many Python exceptions nothing caught.
    pub raised: u64,
    /// Tests by outcome: passed, failed.
    pub tests: (u64, u64),
    /// Why the page could not be carried to its end.
    pub trouble: Option<PageError>,
}

/// A test under way: the page's own, or a function inside it.
#[derive(Debug)]
struct Running {
    id: String,
    began_us: u64,
    failures: Vec<String>,
    output: Vec<String>,
}

/// A Python script of the page that PyScript has not called done.
#[derive(Debug)]
struct Pending {
    index: u32,
    file: String,
    line: u32,
}

/// The state of one page's run.
#[derive(Debug)]
pub struct PageRun {
    page: String,
    /// What `test.*` records call the one that runs the test.
    worker: &'static str,
    sources: Sources,
    stderr: Stderr,
    console: Vec<String>,
    pending: Vec<Pending>,
    loaded: Option<bool>,
    ready: bool,
    doing: String,
    /// The file whose code ran last.
    running: Option<String>,
    notice: Option<String>,
    bad_selector: Option<(String, String)>,
    html: Option<String>,
    raised: u64,
    /// The error that an event loop printed last.
    printed: Option<(String, u32, String)>,
    /// The error without a traceback that PyScript reported last.
    told: Option<String>,
    /// The page's own test first, then the function that runs in it.
    tests: Vec<Running>,
    passed: u64,
    failed: u64,
}

impl PageRun {
    /// A page of a site with these Python files, which `worker` runs; nothing has happened yet.
    pub fn new(page: &str, python_files: Vec<String>, worker: &'static str) -> PageRun {
        PageRun {
            page: page.to_owned(),
            worker,
            sources: Sources::new(python_files),
            stderr: Stderr::default(),
            console: Vec::new(),
            pending: Vec::new(),
            loaded: None,
            ready: false,
            doing: "loading it".to_owned(),
            running: None,
            notice: None,
            bad_selector: None,
            html: None,
            raised: 0,
            printed: None,
            told: None,
            tests: Vec::new(),
            passed: 0,
            failed: 0,
        }
    }

    /// Makes the page itself a test, under its own path.
    pub fn as_test(&mut self, at_us: u64) -> Record {
        self.start_test(self.page.clone(), at_us)
    }

    /// Takes one event at `at_us` microseconds from the page's start.
    pub fn event(&mut self, event: Event, at_us: u64) -> Vec<Record> {
        match event {
            Event::Console { level, text } => self.logged(level, text),
            Event::Uncaught { message, stack } if stack.is_empty() => self.uncaught(message),
            Event::Uncaught { message, stack } => self.uncaught(format!("{message}\n{stack}")),
            Event::Custom(value) => match serde_json::from_value(value) {
                Ok(progress) => self.progress(progress, at_us),
                // The page's own code may call `__native.emit`; that is its own affair.
                Err(_) => Vec::new(),
            },
            Event::Given { .. } => Vec::new(),
        }
    }

    fn logged(&mut self, level: Level, text: String) -> Vec<Record> {
        // PyScript also logs the error that it has just been heard to report.
        if self.told.take_if(|told| *told == text).is_some() {
            return Vec::new();
        }
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        if level != "debug" {
            let lines = text.lines().map(|line| format!("{level}: {line}"));
            self.console.extend(lines.clone());
            if let Some(test) = self.tests.last_mut() {
                test.output.extend(lines);
            }
        }
        let traceback = self.stderr.line(&text);
        let mut records =
            vec![Record::ConsoleLogged { page: self.page.clone(), level: level.to_owned(), message: text }];
        if let Some(traceback) = traceback {
            self.printed = Some(self.located(&traceback));
            records.push(self.raise(&traceback));
        }
        records
    }

    /// An error that no JavaScript caught: on the console, as in a browser, and a failure of the test under way.
    fn uncaught(&mut self, text: String) -> Vec<Record> {
        if self.told.as_ref() != Some(&text)
            && let Some(test) = self.tests.last_mut()
        {
            test.failures.push(javascript::sentence(&text));
        }
        self.logged(Level::Error, text)
    }

    fn progress(&mut self, progress: Progress, at_us: u64) -> Vec<Record> {
        match progress {
            Progress::Script { index, file, line } => self.pending.push(Pending { index, file, line }),
            Progress::ScriptDone { index } => self.pending.retain(|script| script.index != index),
            Progress::Loaded { core } => self.loaded = Some(core),
            Progress::Running { file, line } => {
                self.doing = format!("running Python from {file}:{line}");
                self.running = Some(file);
            }
            Progress::Source { file, first, line, count } => self.sources.add(&file, first, line, count),
            Progress::Ready { .. } => {
                self.ready = true;
                "running timers".clone_into(&mut self.doing);
                return vec![Record::PageReady { page: self.page.clone(), duration_us: at_us }];
            }
            Progress::Step { text } => self.doing = text,
            Progress::Python { text } => {
                // An event loop may have printed what the page is now told.
                if self.printed.take().is_some_and(|printed| printed == self.located(&text)) {
                    return Vec::new();
                }
                return vec![self.raise(&text)];
            }
            Progress::Pyscript { text } => {
                let record = self.raise(&text);
                self.told = Some(text);
                return vec![record];
            }
            Progress::Uncaught { text } => return self.uncaught(text),
            Progress::Notice { text } => self.notice = Some(text),
            Progress::BadSelector { selector, message } => self.bad_selector = Some((selector, message)),
            Progress::TestStarted { file, name } => {
                self.doing = format!("{name} of {file}");
                let id = format!("{}::{name}", self.page);
                return vec![self.start_test(id, at_us)];
            }
            Progress::TestFinished { failure, .. } => {
                let failure = failure.map(|text| self.sentence(&text));
                return self.finish_test(failure, at_us).into_iter().collect();
            }
            Progress::Rendered { html } => self.html = Some(html),
            // Between a page process and the one that started it.
            Progress::Answer { .. }
            | Progress::Request { .. }
            | Progress::Dialog { .. }
            | Progress::Navigate { .. }
            | Progress::ForkEnded { .. } => {}
        }
        Vec::new()
    }

    /// Ends the run: the last records and the verdict.
    pub fn end(mut self, ended: &Ended, at_us: u64) -> (Vec<Record>, Verdict) {
        let trouble = self.trouble(ended, at_us);
        let mut records = Vec::new();
        if let Some(html) = &self.html {
            records.push(Record::DomRendered { page: self.page.clone(), html: html.clone() });
        }
        // A function that was cut short fails with its page.
        let message = trouble.as_ref().map(ToString::to_string);
        while !self.tests.is_empty() {
            records.extend(self.finish_test(message.clone(), at_us));
        }
        let verdict =
            Verdict { html: self.html, raised: self.raised, tests: (self.passed, self.failed), trouble };
        (records, verdict)
    }

    /// Ends the run of a page that was closed in good order: the last records.
    pub fn close(mut self, at_us: u64) -> Vec<Record> {
        let mut records = Vec::new();
        while !self.tests.is_empty() {
            records.extend(self.finish_test(None, at_us));
        }
        records
    }

    fn start_test(&mut self, id: String, at_us: u64) -> Record {
        self.tests.push(Running {
            id: id.clone(),
            began_us: at_us,
            failures: Vec::new(),
            output: Vec::new(),
        });
        Record::TestStarted(TestStarted { id, worker: self.worker.to_owned() })
    }

    fn finish_test(&mut self, failure: Option<String>, at_us: u64) -> Option<Record> {
        let mut test = self.tests.pop()?;
        test.failures.extend(failure);
        let outcome = if test.failures.is_empty() { Outcome::Passed } else { Outcome::Failed };
        match outcome {
            Outcome::Passed => self.passed += 1,
            _ => self.failed += 1,
        }
        Some(Record::TestFinished(TestFinished {
            id: test.id,
            outcome,
            duration_us: at_us.saturating_sub(test.began_us),
            worker: self.worker.to_owned(),
            message: test.failures.join("\n"),
            output: last(&test.output).join("\n"),
        }))
    }

    fn raise(&mut self, text: &str) -> Record {
        self.raised += 1;
        let (file, line, message) = self.located(text);
        if let Some(test) = self.tests.last_mut() {
            test.failures.push(format!("{file}:{line}: {message}"));
        }
        Record::PythonRaised { file, line, message, traceback: text.trim_end().to_owned() }
    }

    /// `file:line: message` of a traceback, by its innermost frame in the page's own files.
    pub fn sentence(&self, text: &str) -> String {
        let (file, line, message) = self.located(text);
        format!("{file}:{line}: {message}")
    }

    /// The innermost frame in the page's own files, and the exception.
    fn located(&self, text: &str) -> (String, u32, String) {
        let parsed = traceback::parse(text);
        let own = parsed.frames.iter().rev().find_map(|frame| self.sources.locate(&frame.file, frame.line));
        let (file, line) = own.unwrap_or_else(|| {
            // PyScript's own errors name the file of the script that they are about.
            let named = |script: &&Pending| script.file != self.page && text.contains(&script.file);
            match self.pending.iter().find(named) {
                Some(script) => (self.page.clone(), script.line),
                None => (self.running.clone().unwrap_or_else(|| self.page.clone()), 0),
            }
        });
        (file, line, parsed.message)
    }

    fn trouble(&mut self, ended: &Ended, at_us: u64) -> Option<PageError> {
        let page = self.page.clone();
        if let Some((selector, reason)) = self.bad_selector.take() {
            return Some(PageError::BadSelector { selector, reason });
        }
        match ended {
            Ended::Done(_) if self.html.is_some() => None,
            Ended::Done(_) | Ended::Idle => {
                Some(PageError::NeverReady { page, reason: self.hindrance(), console: self.tail() })
            }
            Ended::TimedOut { busy, .. } => {
                let doing = match busy {
                    Busy::Waiting if !self.ready => format!("waiting: {}", self.hindrance()),
                    Busy::Waiting => format!("waiting: {}", self.doing),
                    Busy::WebAssembly => format!("busy in WebAssembly: {}", self.doing),
                    Busy::JavaScript => format!("busy in JavaScript: {}", self.doing),
                    Busy::Scripts => format!("busy: {}", self.doing),
                };
                let after = common::term::duration_us(at_us);
                Some(PageError::OutOfTime { page, after, doing, console: self.tail() })
            }
        }
    }

    /// Why the page is not ready, as far as it shows.
    fn hindrance(&self) -> String {
        match self.loaded {
            Some(false) if !self.pending.is_empty() => {
                return "it has Python scripts but loads no PyScript, as \
                        <script type=\"module\" src=\"https://pyscript.net/releases/…/core.js\"> does"
                    .into();
            }
            None => return "its scripts are not loaded".into(),
            Some(_) => {}
        }
        if let Some(notice) = &self.notice {
            return format!("PyScript says: {}", notice.trim());
        }
        let names: Vec<String> =
            self.pending.iter().map(|script| format!("{}:{}", self.page, script.line)).collect();
        if names.is_empty() {
            self.doing.clone()
        } else {
            format!("not done: the script at {}", names.join(", "))
        }
    }

    fn tail(&self) -> String {
        let lines = last(&self.console);
        if lines.is_empty() { String::new() } else { format!("\nits console:\n  {}", lines.join("\n  ")) }
    }
}

fn last(lines: &[String]) -> &[String] {
    &lines[lines.len().saturating_sub(CONSOLE_LINES)..]
}
