//! The steps in their order: read, carried out, answered; tests begun and ended. Must not know how a page is run.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use common::outcome::{Outcome, TestFinished, TestStarted};
use serde_json::{Value, json};

use super::asked::is_answer;
use super::browser::Browser;
use super::process::Input;
use super::signal::{Failed, NAVIGATED};
use crate::chromium::Chromium;
use crate::error::PageError;
use crate::events::{Record, StepOutcome};
use crate::runtime::Runtime;

/// How long a step waits for the page unless it says otherwise; `js/steps.mjs` has the same.
const STEP_LIMIT: Duration = Duration::from_secs(5);
/// The steps that prepare a page, so that they may come before it and hold for the next one of the same test.
const SETUP: [&str; 7] = ["clock", "dialogs", "init_script", "offline", "route", "set_storage", "unroute"];

/// What to carry out, and where.
#[derive(Clone, Debug)]
pub struct Script {
    /// The folder of the site.
    pub root: PathBuf,
    /// The file of the steps; `-` for standard input.
    pub steps: PathBuf,
    /// The folder given for the runtime's packages.
    pub runtime: Option<PathBuf>,
    /// The folder of the site's Python packages.
    pub packages: Option<PathBuf>,
    /// How long a page may take to get ready, and any of its tasks.
    pub time_limit: Duration,
    /// What `test.*` records call the one that runs the tests.
    pub worker: &'static str,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many steps did what they should.
    pub steps_passed: u64,
    /// How many did not.
    pub steps_failed: u64,
    /// How many tests passed.
    pub passed: u64,
    /// How many did not.
    pub failed: u64,
}

/// A test under way.
struct Test {
    id: String,
    began: Instant,
    failures: Vec<String>,
}

/// Everything between two lines.
struct Run<'a> {
    browser: Browser<'a>,
    script: &'a Script,
    setup: Vec<Value>,
    test: Option<Test>,
    tally: Tally,
    show: &'a dyn Fn(&Record) -> Result<(), PageError>,
}

/// Carries out the script, showing each record as it comes; in that Chromium, if there is one.
pub fn run(
    script: &Script,
    chromium: Option<(Chromium, Runtime)>,
    show: &dyn Fn(&Record) -> Result<(), PageError>,
) -> Result<Tally, PageError> {
    let unreadable = |path: &Path, cause| PageError::Unreadable { path: path.to_owned(), cause };
    let root = script.root.canonicalize().map_err(|cause| unreadable(&script.root, cause))?;
    let (sender, input) = mpsc::channel();
    if script.steps == Path::new("-") {
        read(io::stdin(), sender.clone())?;
    } else {
        let file = File::open(&script.steps).map_err(|cause| unreadable(&script.steps, cause))?;
        read(file, sender.clone())?;
    }
    let browser = Browser::new(script, root, chromium, (sender, input), show);
    let mut run = Run { browser, script, setup: Vec::new(), test: None, tally: Tally::default(), show };
    let mut number = 0;
    while let Some(line) = run.browser.line()? {
        number += 1;
        if !line.trim().is_empty() {
            run.step(&line, number)?;
        }
    }
    run.end_test()?;
    Ok(run.tally)
}

/// Sends the lines of `source` to `input`, from a thread of its own.
fn read(source: impl io::Read + Send + 'static, input: Sender<Input>) -> Result<(), PageError> {
    let lines = move || {
        for line in BufReader::new(source).lines() {
            let read = match line {
                Ok(line) => Input::Line(line),
                Err(error) => return drop(input.send(Input::End(Some(error)))),
            };
            if input.send(read).is_err() {
                return;
            }
        }
        drop(input.send(Input::End(None)));
    };
    std::thread::Builder::new().name("steps".into()).spawn(lines).map(drop).map_err(PageError::Process)
}

impl Run<'_> {
    fn step(&mut self, line: &str, number: u64) -> Result<(), PageError> {
        let bad = |reason: String| PageError::BadStep { line: number, reason };
        let mut step: Value = serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
        let Some(name) = step["step"].as_str().map(str::to_owned) else {
            return Err(bad("it has no `step`".to_owned()));
        };
        let id = step.as_object_mut().and_then(|step| step.remove("id")).unwrap_or_else(|| json!(number));
        match name.as_str() {
            "test" => return self.begin_test(&id),
            name if is_answer(name) => return self.browser.send(step).map(drop),
            _ => {}
        }
        let began = Instant::now();
        let skipped = self.test.as_ref().is_some_and(|test| !test.failures.is_empty());
        let done = if skipped { None } else { Some(self.carry_out(&name, step)?) };
        let duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (outcome, failed, value) = match done {
            Some(Ok(value)) => (StepOutcome::Passed, Failed::new("", ""), value),
            Some(Err(failed)) => (StepOutcome::Failed, failed, Value::Null),
            None => (StepOutcome::Skipped, Failed::new("", ""), Value::Null),
        };
        match outcome {
            StepOutcome::Passed => self.tally.steps_passed += 1,
            StepOutcome::Failed => self.tally.steps_failed += 1,
            StepOutcome::Skipped => {}
        }
        if let (StepOutcome::Failed, Some(test)) = (outcome, &mut self.test) {
            test.failures.push(format!("step {id} {name}: {}", failed.message));
        }
        let Failed { code, message, traceback } = failed;
        let record =
            Record::StepFinished { id, step: name, outcome, code, message, traceback, value, duration_us };
        (self.show)(&record)
    }

    /// Carries out a step on the page that is there, or on the one that it goes to.
    fn carry_out(&mut self, name: &str, step: Value) -> Result<Result<Value, Failed>, PageError> {
        if matches!(name, "goto" | "close") {
            return self.carry_out_here(name, step);
        }
        if let Err(failed) = self.follow()? {
            return Ok(Err(failed));
        }
        loop {
            let outcome = self.carry_out_here(name, step.clone())?;
            let followed = self.follow()?;
            match outcome {
                Err(failed) if failed.code == NAVIGATED && followed.is_ok() => {}
                outcome => return Ok(outcome.and_then(|value| followed.map(|()| value))),
            }
        }
    }

    /// Opens the page that the open one is going to, if it is.
    fn follow(&mut self) -> Result<Result<(), Failed>, PageError> {
        match self.browser.leaving() {
            Some(way) => self.browser.follow(&way, self.setup.clone()),
            None => Ok(Ok(())),
        }
    }

    fn carry_out_here(&mut self, name: &str, step: Value) -> Result<Result<Value, Failed>, PageError> {
        if name == "close" {
            self.setup.clear();
            // What it raised fails its test, at the end of that.
            return if self.test.is_some() { self.browser.put_away() } else { self.browser.end().map(drop) }
                .map(|()| Ok(Value::Null));
        }
        if name == "goto" {
            let address = step["url"].as_str().unwrap_or("/");
            let went = self.browser.goto(address, self.setup.clone())?;
            return Ok(went.map(|()| Value::Null));
        }
        if SETUP.contains(&name) {
            self.setup.push(step.clone());
            if name == "init_script" || !self.browser.is_open() {
                return Ok(Ok(Value::Null));
            }
        }
        let limit = step["timeout_ms"].as_u64().map_or(STEP_LIMIT, Duration::from_millis);
        let runs_code = matches!(name, "evaluate" | "evaluate_py" | "clock");
        self.browser.command(step, if runs_code { limit.max(self.script.time_limit) } else { limit })
    }

    fn begin_test(&mut self, id: &Value) -> Result<(), PageError> {
        self.end_test()?;
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        (self.show)(&Record::TestStarted(TestStarted {
            id: id.clone(),
            worker: self.script.worker.to_owned(),
        }))?;
        self.test = Some(Test { id, began: Instant::now(), failures: Vec::new() });
        Ok(())
    }

    /// Closes the page; what it raised fails the test.
    fn end_test(&mut self) -> Result<(), PageError> {
        self.setup.clear();
        let (raised, output) = self.browser.end()?;
        let Some(mut test) = self.test.take() else { return Ok(()) };
        if !raised.is_empty() {
            test.failures.push(raised);
        }
        let outcome = if test.failures.is_empty() { Outcome::Passed } else { Outcome::Failed };
        match outcome {
            Outcome::Passed => self.tally.passed += 1,
            _ => self.tally.failed += 1,
        }
        (self.show)(&Record::TestFinished(TestFinished {
            id: test.id,
            outcome,
            duration_us: u64::try_from(test.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            worker: self.script.worker.to_owned(),
            message: test.failures.join("\n"),
            output,
        }))
    }
}
