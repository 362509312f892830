//! What can go wrong, in the words that the user sees, each with what to do about it.

use std::io;
use std::path::PathBuf;

use common::reader::ReadError;
use common::{Exit, Explain};

/// A failure of memtrace.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file to write is there already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The program was not found.
    #[error("there is no program {program:?}")]
    NoProgram {
        /// As it was given.
        program: String,
    },
    /// No interpreter was found.
    #[error("there is no Python {wanted}")]
    NoPython {
        /// Where it was sought.
        wanted: String,
    },
    /// The library cannot be loaded into a static program.
    #[error("{} is statically linked: nothing can be loaded into it", path.display())]
    Static {
        /// The program.
        path: PathBuf,
    },
    /// Another architecture.
    #[error("{} is not a 64-bit x86 program", path.display())]
    Foreign {
        /// The program.
        path: PathBuf,
    },
    /// The program could not be started.
    #[error("failed to start {}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// There is no process of this number, or it has ended.
    #[error("there is no process {pid}")]
    NoProcess {
        /// The number.
        pid: u32,
    },
    /// The system does not let us at the process.
    #[error("the system does not let you attach to process {pid}")]
    NotPermitted {
        /// Its number.
        pid: u32,
    },
    /// It has another view of the file system.
    #[error("process {pid} is in a container")]
    Container {
        /// Its number.
        pid: u32,
    },
    /// It has no interpreter.
    #[error("process {pid} is not a Python program")]
    NotPython {
        /// Its number.
        pid: u32,
    },
    /// There was no moment at which it could be attached to.
    #[error("process {pid} came to no point where it can be attached to")]
    Busy {
        /// Its number.
        pid: u32,
    },
    /// It is recorded by somebody else, or since it began.
    #[error("process {pid} is being recorded already")]
    Recorded {
        /// Its number.
        pid: u32,
    },
    /// There is no recording to end.
    #[error("process {pid} is not being recorded")]
    NotRecorded {
        /// Its number.
        pid: u32,
    },
    /// What was tried in it failed; it goes on as before.
    #[error("failed to attach to process {pid}: {message}")]
    Refused {
        /// Its number.
        pid: u32,
        /// Its own words.
        message: String,
    },
    /// The other side cannot be reached, or was lost.
    #[error("the connection at {address} failed")]
    Connection {
        /// Where.
        address: String,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// A file could not be opened or read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// The file is not a capture.
    #[error("{} is not a capture of memtrace", path.display())]
    NoCapture {
        /// The file.
        path: PathBuf,
    },
    /// The capture was written by another version.
    #[error("{} has capture format {version}, which this memtrace does not read", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// What was asked for needs the events, and the capture has sums only.
    #[error("{} was recorded with --aggregate and has no single events", path.display())]
    Aggregated {
        /// The file.
        path: PathBuf,
    },
    /// The bytes of an aggregated capture make no sense.
    #[error("{} is damaged or cut off", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A record on standard input does not say what it has to.
    #[error("line {line} is not a valid {kind} record")]
    Record {
        /// Counted from 1.
        line: usize,
        /// Its type.
        kind: String,
        /// The parser's words.
        #[source]
        cause: serde_json::Error,
    },
    /// Standard input is not JSON lines.
    #[error("failed to read records from standard input")]
    Input(#[from] ReadError),
    /// An address on standard input is none.
    #[error("line {line}: {address:?} is not an address")]
    Address {
        /// Counted from 1.
        line: usize,
        /// As it was given.
        address: String,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Exists { .. } => "choose another file with -o, or overwrite it with -f".into(),
            Error::NoProgram { program } if program.starts_with('-') => {
                "memtrace's own options are listed by `memtrace run --help`".into()
            }
            Error::NoProgram { .. } => "give a script ending in .py, -m MODULE, -c CODE or a program".into(),
            Error::NoPython { .. } => "name one with --python".into(),
            Error::Static { .. } => "link it dynamically (for C: without -static)".into(),
            Error::Connection { .. } => "there, run `memtrace live --listen PORT CAPTURE`".into(),
            Error::NoProcess { .. } => "list processes with `ps -C python3 -o pid,args`".into(),
            Error::NotPermitted { .. } => {
                "be its user or root; in a container or with kernel.yama.ptrace_scope=1, root with CAP_SYS_PTRACE".into()
            }
            Error::Container { .. } => "run memtrace in the container too".into(),
            Error::NotPython { .. } => "record other programs from their beginning, with `memtrace run`".into(),
            Error::Busy { .. } => "it runs on unchanged; try again".into(),
            Error::Recorded { pid } => format!("end that recording with `memtrace detach {pid}`"),
            Error::NotRecorded { pid } => format!("begin with `memtrace attach {pid}`"),
            Error::Input(cause) => return cause.hint(),
            Error::Foreign { .. } | Error::Start { .. } | Error::Refused { .. } => return None,
            Error::Read { cause, .. } => match cause.kind() {
                io::ErrorKind::NotFound => "record one with `memtrace run SCRIPT.py`".into(),
                _ => return None,
            },
            Error::NoCapture { .. } => "give a file that `memtrace run` wrote, or - for records".into(),
            Error::Version { .. } => "read it with the memtrace that wrote it".into(),
            Error::Aggregated { .. } => "record it without --aggregate".into(),
            Error::Damaged { .. } => "record it again".into(),
            Error::Record { .. } | Error::Address { .. } => {
                "give records as `memtrace records` writes them".into()
            }
        })
    }

    fn code(&self) -> &'static str {
        match self {
            Error::Exists { .. } => "exists",
            Error::NoProgram { .. } => "no_program",
            Error::NoPython { .. } => "no_python",
            Error::Static { .. } => "static_program",
            Error::Foreign { .. } => "foreign_program",
            Error::Start { .. } => "not_started",
            Error::Connection { .. } => "connection",
            Error::NoProcess { .. } => "no_process",
            Error::NotPermitted { .. } => "not_permitted",
            Error::Container { .. } => "in_container",
            Error::NotPython { .. } => "not_python",
            Error::Busy { .. } => "busy",
            Error::Recorded { .. } => "recorded",
            Error::NotRecorded { .. } => "not_recorded",
            Error::Refused { .. } => "refused",
            Error::Read { .. } => "unreadable",
            Error::NoCapture { .. } => "no_capture",
            Error::Version { .. } => "capture_version",
            Error::Aggregated { .. } => "aggregated",
            Error::Damaged { .. } => "damaged",
            Error::Input(_) | Error::Record { .. } | Error::Address { .. } => "bad_input",
        }
    }

    fn exit(&self) -> Exit {
        Exit::CANNOT
    }
}
