//! What can go wrong that pytest itself does not report, each with a hint.

use std::io;
use std::path::PathBuf;

use common::Explain;
use common::exit::Exit;
use common::fs::FileError;
use common::reader::ReadError;

/// A run that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option's value makes no sense.
    #[error("{option} {value:?} is not {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What is wanted.
        expected: &'static str,
    },
    /// An option of pytest's that needs the terminal.
    #[error("{0} needs a terminal, and standard output is for records")]
    Interactive(String),
    /// Several tests at a time in a worker make no sense beside this option.
    #[error("--threads cannot be used with {0}")]
    Threads(&'static str),
    /// memtrace is to measure, and does not run.
    #[error("failed to run {}", program.display())]
    Memtrace {
        /// The program.
        program: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// The interpreter did not start.
    #[error("failed to start {}", python.display())]
    Python {
        /// The interpreter.
        python: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// The interpreter starts, but cannot run suites.
    #[error("{} is Python {version} with {}", python.display(), pytest.as_ref().map_or("no pytest".into(), |v| format!("pytest {v}")))]
    Unusable {
        /// The interpreter.
        python: PathBuf,
        /// Python's version.
        version: String,
        /// pytest's version.
        pytest: Option<String>,
    },
    /// The interpreter ended before it ran anything of testfan's.
    #[error("{} ended with {code} before pytest began", python.display())]
    Silent {
        /// The interpreter.
        python: PathBuf,
        /// The exit code, or 128 and the signal.
        code: i32,
    },
    /// The process that collected was lost while tests ran, or while it summed up.
    #[error("the process that collected the tests ended with {code} before the run was over")]
    ZygoteLost {
        /// The exit code, or 128 and the signal.
        code: i32,
    },
    /// The process that collects wrote something else on its channel.
    #[error("the process that collects wrote garbage on its channel: {line:?}")]
    Garbage {
        /// What it wrote.
        line: String,
    },
    /// A fresh worker collected something else.
    #[error("worker {worker} collected other tests than the first process did")]
    DifferentTests {
        /// Its name.
        worker: String,
    },
    /// A fresh worker did not even collect.
    #[error("worker {worker} {how} before it collected the tests")]
    WorkerFailed {
        /// Its name.
        worker: String,
        /// How it ended.
        how: String,
    },
    /// A private channel failed, or the system gave no process or thread.
    #[error("failed to talk to a Python process")]
    Channel(#[source] io::Error),
    /// What should be records is something else.
    #[error("failed to read the records of {input}")]
    Records {
        /// Where they come from.
        input: String,
        /// What is wrong.
        #[source]
        cause: ReadError,
    },
    /// A record that counts lacks something.
    #[error("line {line} of {input} is no {kind} record")]
    Record {
        /// Where it comes from.
        input: String,
        /// Counted from 1.
        line: usize,
        /// Its type.
        kind: String,
    },
    /// A file that should say how long tests take does not.
    #[error("{} holds no durations", path.display())]
    NoDurations {
        /// The file.
        path: PathBuf,
    },
    /// There is no last run to report.
    #[error("no run is remembered in this folder")]
    NoLastRun,
    /// The daemon could not be had, or not be understood.
    #[error("failed to talk to testfan's daemon")]
    Daemon(#[source] io::Error),
    /// Changes cannot be noticed.
    #[error("failed to watch for changes")]
    Watch(#[source] notify::Error),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Option { .. } => "see testfan run --help".into(),
            Error::Memtrace { .. } => {
                "--memory needs memtrace: put it beside testfan, or name it in MEMTRACE_BIN".into()
            }
            Error::Interactive(_) => "run it on a terminal, or with --format human".into(),
            Error::Threads(_) => "each of -n 1 or more workers can run several tests at a time".into(),
            Error::Python { .. } | Error::Silent { .. } => {
                "name an interpreter with --python, or activate its virtual environment".into()
            }
            Error::Unusable { python, .. } => format!(
                "testfan needs Python 3.9 and pytest 7 or later: {} -m pip install 'pytest>=7'",
                python.display()
            ),
            Error::DifferentTests { .. } => {
                "ids that hold a clock or the order of a set differ from process to process: \
                 try --start fork, which collects once"
                    .into()
            }
            Error::ZygoteLost { .. } | Error::Garbage { .. } => {
                "what a conftest or plugin does in its hooks may have ended it".into()
            }
            Error::WorkerFailed { .. } => "what it said is above; pytest alone may show more".into(),
            Error::Records { cause, .. } => return cause.hint(),
            Error::NoDurations { .. } => {
                "give the records of a run, or one JSON object of microseconds by node id".into()
            }
            Error::Record { .. } => "give records as testfan run and pyweb test write them".into(),
            Error::NoLastRun => {
                "give a file of records or - for standard input, or run testfan run here".into()
            }
            Error::Channel(_) => "check the limits on processes and open files (ulimit -a)".into(),
            Error::Watch(_) => "check the limits on watches (sysctl fs.inotify)".into(),
            Error::Daemon(_) => "testfan daemon stop ends it; the next run starts another".into(),
            Error::File(error) => return error.hint(),
        })
    }

    fn code(&self) -> &'static str {
        match self {
            Error::Option { .. } | Error::Interactive(_) | Error::Threads(_) => "usage",
            Error::Python { .. } | Error::Unusable { .. } | Error::Silent { .. } => "python_unusable",
            Error::Memtrace { .. } => "no_memtrace",
            Error::DifferentTests { .. } => "different_tests",
            Error::Garbage { .. } | Error::ZygoteLost { .. } | Error::WorkerFailed { .. } => "worker_failed",
            Error::Channel(_) => "channel_failed",
            Error::Records { .. } | Error::Record { .. } | Error::NoDurations { .. } => "bad_input",
            Error::NoLastRun => "no_last_run",
            Error::Daemon(_) => "daemon_failed",
            Error::Watch(_) => "watch_failed",
            Error::File(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            // pytest's own code for a usage error.
            Error::Option { .. } | Error::Interactive(_) | Error::Threads(_) => Exit(4),
            _ => Exit::CANNOT,
        }
    }
}
