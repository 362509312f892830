//! The records that testfan writes; the frame and the envelope are common to all tools.
//! Must not know how they are shown.

use common::outcome::{TestFinished, TestStarted};
use common::record::{RunFailed, RunFinished, RunStarted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::daemon::request::{Suite, Warm};

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Record {
    /// pytest collected the suite.
    #[serde(rename = "testfan.suite.collected")]
    Collected {
        /// How many tests are to run.
        tests: u64,
        /// How many workers are to run them.
        workers: u64,
        /// How the workers start.
        start: StartedBy,
        /// Why they do not start by fork, where that was testfan's choice.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
        /// Python's version.
        python: String,
        /// pytest's version.
        pytest: String,
        /// What the daemon had done before the run, where it was asked.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        daemon: Option<Warm>,
    },
    /// Workers run several tests at a time, and these at a time of their own: `--threads`.
    #[serde(rename = "testfan.threads.planned")]
    ThreadsPlanned {
        /// How many tests a worker runs at a time.
        threads: u64,
        /// How many tests may run beside others.
        beside: u64,
        /// Why the others may not, the most frequent reason first.
        alone: Vec<Alone>,
    },
    /// A test failed or was lost while others ran in the same process, and will run again, alone; what it does then counts.
    #[serde(rename = "testfan.test.isolated")]
    TestIsolated {
        /// The tests that ran beside it at that moment.
        beside: Vec<String>,
        /// How it failed.
        #[serde(flatten)]
        failure: TestFinished,
    },
    /// pytest collected this test, and nothing runs: `testfan collect`, in pytest's order.
    #[serde(rename = "testfan.test.collected")]
    TestCollected {
        /// The test's node id.
        id: String,
    },
    /// A worker runs.
    #[serde(rename = "testfan.worker.started")]
    WorkerStarted {
        /// Its name, such as `gw0`.
        worker: String,
        /// Its process id.
        pid: i32,
    },
    /// A worker ended in good order.
    #[serde(rename = "testfan.worker.finished")]
    WorkerFinished {
        /// Its name.
        worker: String,
    },
    /// A worker ended otherwise; a test it was at has failed.
    #[serde(rename = "testfan.worker.lost")]
    WorkerLost {
        /// Its name.
        worker: String,
        /// How it ended.
        reason: String,
        /// The test it was at.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        id: Option<String>,
    },
    /// A test begins.
    #[serde(rename = "test.started")]
    TestStarted(TestStarted),
    /// A test that began has no outcome, for the run was interrupted or ended while it ran.
    #[serde(rename = "testfan.test.interrupted")]
    TestInterrupted {
        /// The test.
        id: String,
        /// The worker it ran in.
        worker: String,
    },
    /// A test failed and will run again; its `test.finished` comes when it has ended for good.
    #[serde(rename = "testfan.test.retried")]
    TestRetried {
        /// Which attempt failed, from 1.
        attempt: usize,
        /// How it failed.
        #[serde(flatten)]
        failure: TestFinished,
    },
    /// A test was measured, before it is said to have ended: `run --memory`.
    #[serde(rename = "test.measured")]
    TestMeasured(Measured),
    /// A test ended.
    #[serde(rename = "test.finished")]
    TestFinished(TestFinished),
    /// A test of this run passed only when it ran again, or keeps failing and passing from run to run.
    #[serde(rename = "testfan.flaky.found")]
    FlakyFound(Flaky),
    /// All workers are done; pytest's summary follows.
    #[serde(rename = "testfan.suite.finished")]
    TestsEnded {
        /// How many tests were reported.
        tests: u64,
    },
    /// Text that pytest or a test wrote for people: header, failures, summary; output with `-s`.
    #[serde(rename = "testfan.text.printed")]
    TextPrinted {
        /// Who wrote it.
        source: TextSource,
        /// The worker it comes from, where it is one's.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        worker: Option<String>,
        /// The text, as it came: a part of a line or many.
        text: String,
    },
    /// Whether there is a daemon, and what it keeps.
    #[serde(rename = "testfan.daemon.reported")]
    Daemon {
        /// Whether it runs, once the command is done.
        running: bool,
        /// Its process id.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        pid: Option<u32>,
        /// How long it has run, in milliseconds.
        up_ms: u64,
        /// How many runs it has served.
        runs: u64,
        /// What it keeps.
        suites: Vec<Suite>,
    },
    /// A watch waits for changes.
    #[serde(rename = "testfan.watch.waiting")]
    WatchWaiting {
        /// The exit code that the run before it would have had.
        exit_code: u8,
        /// Whether it waits for keys too.
        keys: bool,
    },
    /// A watch begins another run.
    #[serde(rename = "testfan.watch.changed")]
    WatchChanged {
        /// The files that changed; none where somebody asked for the run.
        paths: Vec<String>,
        /// The test files that depend on them; none: all. Tests that failed before run in any case.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        files: Option<Vec<String>>,
    },
    /// The run ends before all tests ran.
    #[serde(rename = "testfan.run.halted")]
    Halted {
        /// Why.
        reason: String,
    },
    /// What `testfan report` makes of the records it read; the tests themselves come before.
    #[serde(rename = "testfan.report.computed")]
    ReportComputed {
        /// How many runs were read.
        runs: u64,
        /// How many tests they reported.
        tests: u64,
        /// How many of the runs were cut short: what they had not yet reported is not known.
        cut_short: u64,
        /// All tests together, in microseconds.
        duration_us: u64,
        /// The slowest tests, the slowest first.
        slowest: Vec<Slow>,
    },
}

/// Tests that do not run beside others in one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alone {
    /// Why, in words that go on from the test's name.
    pub reason: String,
    /// How many.
    pub tests: u64,
    /// The first of them.
    pub id: String,
}

/// A test that does not always end the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flaky {
    /// The test.
    pub id: String,
    /// How many times it ran in this run.
    pub attempts: usize,
    /// The last runs of it that are known, this one last: `.` passed, `R` passed when run again, `F` failed.
    pub history: String,
}

/// The memory of a test, from its setup to its teardown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// The test.
    pub id: String,
    /// The worker it ran in.
    pub worker: String,
    /// The most that it had in use at once, in bytes.
    pub peak_bytes: u64,
    /// What it asked for and did not give back, in bytes; what fixtures of several tests keep counts for the first.
    pub leaked_bytes: u64,
    /// All that it ever asked for, in bytes.
    pub total_bytes: u64,
    /// How often it asked for memory.
    pub allocations: u64,
}

/// A test and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Slow {
    /// The test.
    pub id: String,
    /// Setup, call and teardown together, in microseconds.
    pub duration_us: u64,
}

/// What is read back: a record of this tool or of another that reports tests, or the frame of its run.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A tool began.
    RunStarted {
        /// Which.
        tool: String,
        /// What it said of itself.
        started: RunStarted,
    },
    /// A fatal error.
    RunFailed(RunFailed),
    /// A tool ended.
    RunFinished {
        /// After so many microseconds.
        at_us: u64,
        /// How.
        finished: RunFinished,
    },
    /// Anything in between.
    Record(Record),
}

/// How workers start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartedBy {
    /// As copies of the process that collected.
    Fork,
    /// As fresh processes.
    Spawn,
}

/// Who wrote a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextSource {
    /// pytest's terminal reporter.
    Pytest,
    /// Standard output of a Python process, where pytest does not capture it.
    Stdout,
    /// Standard error of a worker, where pytest does not capture it.
    Stderr,
}
