//! The messages between testfan and its Python processes, one JSON object a line, tag `t`.
//! The other side is `testfan/python/testfan_worker/`. Must not know how they travel.

use std::collections::BTreeMap;
use std::path::PathBuf;

use common::outcome::Outcome;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reduce::{Dist, Focus};

/// A worker's number: 0 is `gw0`. A worker that replaces a lost one gets a new number.
pub type WorkerId = usize;

/// A worker's name, as pytest-xdist gives them.
pub fn worker_name(worker: WorkerId) -> String {
    format!("gw{worker}")
}

/// Both sides must speak the same protocol; they travel in one binary, so they do.
pub const PROTOCOL: u32 = 1;

/// The first message to every process.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct Begin {
    /// pytest's arguments.
    pub args: Vec<String>,
    /// The process whose end ends this one.
    pub parent: u32,
    /// Columns for pytest's text; none: as wide as pytest thinks.
    pub width: Option<u16>,
    /// Which worker this is; empty for the zygote.
    pub worker: String,
    /// How many workers there are.
    pub workers: usize,
    /// A name for this run, no other run's.
    pub run: String,
    /// Whether every report is wanted whole, not only those with something to say.
    pub replay_all: bool,
    /// The folder in which each worker makes its own for `tmp_path`.
    pub basetemp: Option<String>,
    /// Whether a worker whose test failed waits to be told to go on ([`ToWorker::GoOn`]).
    pub hold_after_failure: bool,
    /// Whether testfan alone counts failures, for not each is final.
    pub retries: bool,
    /// Which part of what is collected is to run; none: all of it.
    pub focus: Option<Focus>,
    /// Whether it is to be said what each test file depends on.
    pub imports: bool,
    /// Where a worker writes its stacks when it is told to; none: it need not.
    pub stack_file: Option<PathBuf>,
    /// The file in which workers lock the ports that they bind; none: they need not.
    pub ports: Option<PathBuf>,
    /// Whether the zygote only says what it collected.
    pub collect_only: bool,
    /// Whether the zygote says which tests must not run beside others ([`Collected::apart`]).
    pub threads: bool,
    /// The names of a worker's threads, each a worker to pytest; empty: it runs one test after the other.
    pub lanes: Vec<String>,
    /// With what a worker records the memory of its tests; none: it does not.
    pub memory: Option<Memory>,
}

/// With what workers record the memory of their tests.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    /// memtrace's library.
    pub library: PathBuf,
    /// Where recordings go.
    pub folder: PathBuf,
}

impl Begin {
    /// For a zygote with pytest's arguments, and otherwise nothing special.
    pub fn new(args: Vec<String>, parent: u32) -> Self {
        Begin {
            args,
            parent,
            width: None,
            worker: String::new(),
            workers: 0,
            run: String::new(),
            replay_all: false,
            basetemp: None,
            hold_after_failure: false,
            retries: false,
            focus: None,
            imports: false,
            stack_file: None,
            ports: None,
            collect_only: false,
            threads: false,
            lanes: Vec::new(),
            memory: None,
        }
    }
}

/// What the zygote is asked to do.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToZygote {
    /// Make a worker by fork; its channel travels along.
    Fork(NewWorker),
    /// Make a worker that is a fresh process; its channel travels along.
    Spawn(NewWorker),
    /// Wait for a worker's end and say how it ended.
    Reap {
        /// Its name.
        worker: String,
        /// How long it may still take before it is killed.
        grace_ms: u64,
        /// Whether to have it write its stacks down first.
        dump: bool,
        /// What it said of itself when it ended in order ([`FromWorker::Exit`]).
        output: Option<String>,
    },
    /// Hand these reports to pytest's own plugins.
    Report {
        /// Who ran it.
        worker: String,
        /// The item.
        i: usize,
        /// The reports of its phases.
        data: Vec<Value>,
        /// How many attempts it took.
        attempts: usize,
    },
    /// Hand this warning to pytest's own plugins.
    Warning(Value),
    /// Report this item as failed, for its worker was lost, unless a hook wants it to run again
    /// ([`FromZygote::Judged`]).
    Lost {
        /// Who ran it.
        worker: String,
        /// The item.
        i: usize,
        /// What to say of it.
        message: String,
    },
    /// All workers are done: end the session as pytest would.
    Finish {
        /// The items that simply passed, with their seconds; not reported before.
        passed: Vec<(usize, f64)>,
        /// Why the run ends early.
        halt: Option<Halt>,
    },
}

/// A worker to be made.
#[derive(Clone, Debug, Serialize)]
pub struct NewWorker {
    /// Its name.
    pub worker: String,
    /// How many workers there are.
    pub workers: usize,
    /// Whether it is to be told of no other, as if there were no workers.
    pub alone: bool,
}

/// Why a run ends before all items ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Halt {
    /// In whose way.
    pub kind: HaltKind,
    /// In words, as pytest has them.
    pub reason: String,
    /// The exit code asked for by `pytest.exit`.
    pub code: Option<i32>,
}

/// The ways in which pytest ends a session early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltKind {
    /// Ctrl-C.
    Interrupted,
    /// `pytest.exit(…)`.
    Exit,
    /// `session.shouldfail`: `-x`, `--maxfail`.
    Failed,
    /// `session.shouldstop`.
    Stopped,
    /// pytest itself or a plugin raised.
    Internal,
}

/// What the zygote says.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum FromZygote {
    /// It runs.
    Hello(Hello),
    /// It collected.
    Collected(Box<Collected>),
    /// One of pytest's own plugins asks for the end, after a report it was handed.
    Halted(Halt),
    /// What hooks say of a test whose worker was lost ([`ToZygote::Lost`]).
    Judged {
        /// The item.
        i: usize,
        /// Whether it is to run again.
        again: bool,
    },
    /// pytest's terminal reporter wrote this.
    Text {
        /// As it is to be printed.
        text: String,
    },
    /// A worker runs.
    Started {
        /// Its name.
        worker: String,
        /// Its process id, good until it is reaped.
        pid: i32,
    },
    /// What each test file, as node ids have it, depends on.
    Imports {
        /// The files of the project that it, its conftests and their modules import.
        files: BTreeMap<String, Vec<PathBuf>>,
    },
    /// It ends with this exit code; said only where nobody else can tell.
    Ended {
        /// pytest's.
        code: i32,
    },
    /// A worker ended.
    Reaped {
        /// Its name.
        worker: String,
        /// As `wait` gives it.
        status: i32,
        /// Whether it had to be killed.
        killed: bool,
    },
}

/// The first thing a fresh process says.
#[derive(Clone, Debug, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// Python's version.
    pub python: String,
    /// pytest's version, if it has pytest.
    pub pytest: Option<String>,
    /// Whether both are new enough.
    pub usable: bool,
}

/// What pytest collected.
#[derive(Clone, Debug, Deserialize)]
pub struct Collected {
    /// The node ids, in pytest's order; the index is how items are named from here on.
    pub ids: Vec<String>,
    /// A digest of the ids, to compare with other processes'.
    pub digest: String,
    /// pytest's rootdir.
    pub root: String,
    /// Where `tmp_path` folders are made.
    pub basetemp: Option<String>,
    /// After how many failures to stop; 0: never.
    pub maxfail: usize,
    /// Whether every report is wanted whole.
    pub replay_all: bool,
    /// How far the order of the ids is part of what was asked for.
    pub order: Order,
    /// What is asked of pytest-xdist.
    pub wanted: Wanted,
    /// The `xdist_group` of the items that have one.
    pub groups: Vec<(usize, String)>,
    /// What the user ought to know.
    pub warnings: Vec<String>,
    /// Why the zygote must not be forked.
    pub unforkable: Option<String>,
    /// The items that must not run beside others in one process, each with the reason; where that was asked.
    pub apart: Vec<(usize, String)>,
}

/// What pytest's options, an ini file's among them, ask of pytest-xdist.
#[derive(Clone, Debug, Deserialize)]
pub struct Wanted {
    /// `-n`.
    pub workers: Option<String>,
    /// What `-n auto` means, where a hook or the environment says so.
    pub auto: Option<usize>,
    /// `--maxprocesses`.
    pub most: Option<usize>,
    /// `--dist`.
    pub dist: Option<Dist>,
    /// Whether the largest scopes come first (not `--no-loadscope-reorder`).
    pub reorder: bool,
    /// `--max-worker-restart`.
    pub restarts: Option<usize>,
}

/// What the order of the collected ids means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Nothing: any order will do.
    Any,
    /// The first are wanted first (`--ff`, `--nf`).
    FirstFirst,
    /// One after the other (`--stepwise`).
    OneByOne,
}

/// What a worker is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToWorker {
    /// Put these items at the end of the queue.
    Run {
        /// The items.
        items: Vec<usize>,
    },
    /// Give back so many items from the end of the queue.
    Steal {
        /// At most.
        count: usize,
    },
    /// The failure is counted: begin the next item.
    GoOn,
    /// Nothing more will come: end when the queue is done.
    Stop,
    /// Forget the queue and end.
    Cancel,
    /// For one of its threads.
    Lane {
        /// Which, from 0.
        lane: usize,
        /// What it is told.
        order: Box<ToWorker>,
    },
}

/// What a worker says.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum FromWorker {
    /// A fresh process runs.
    Hello(Hello),
    /// A fresh process collected for itself.
    CollectedAgain {
        /// A digest of the ids.
        digest: String,
    },
    /// An item begins.
    Start {
        /// The item.
        i: usize,
    },
    /// The reports of an item that has more to say than that it passed.
    Report {
        /// The item.
        i: usize,
        /// The reports of its phases.
        data: Vec<Value>,
    },
    /// The memory of an item, which is about to be done, was recorded.
    Measured {
        /// The item.
        i: usize,
        /// The recording.
        capture: PathBuf,
    },
    /// An item ended.
    Done(Done),
    /// Items given back.
    Returned {
        /// The items.
        items: Vec<usize>,
    },
    /// A warning was recorded while an item ran.
    Warning(Value),
    /// It waits until another worker lets go of this port.
    Waits {
        /// TCP's or UDP's.
        port: u16,
    },
    /// It waits no longer.
    GoesOn,
    /// The worker ends early.
    Halted(Halt),
    /// The worker ends.
    Exit {
        /// Its `config.workeroutput`, packed, for the zygote.
        output: String,
    },
    /// One of its threads says something.
    Lane {
        /// Which, from 0.
        lane: usize,
        /// What it says.
        says: Box<FromWorker>,
    },
    /// A thread has nothing more to do, and has torn down what it set up.
    Left,
    /// A test wrote this, and pytest does not capture it; only of a thread, for else it goes to the streams.
    Printed {
        /// Whether to standard error.
        error: bool,
        /// A part of a line or many.
        text: String,
    },
}

/// How an item ended.
#[derive(Clone, Debug, Deserialize)]
pub struct Done {
    /// The item.
    pub i: usize,
    /// Its outcome over all phases.
    pub outcome: Outcome,
    /// Setup, call and teardown, in microseconds.
    pub duration_us: u64,
    /// Its failure or reason.
    pub message: String,
    /// What it printed.
    pub output: String,
}
