//! The failures of fetch, each with a hint: fatal ones, and those that concern one file.
//! Must not know how they are shown.

use std::io;
use std::path::PathBuf;

use common::fs::FileError;
use common::{Exit, Explain};

use crate::hash::{BadDigest, Digest, UnknownAlgorithm};
use crate::registry::RegistryError;
use crate::source::BadAddress;

/// A failure that ends the run.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum Error {
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error("no file is asked for")]
    NothingAsked,
    #[error("one --hash for {urls} URLs")]
    HashOfSeveral { urls: usize },
    #[error("--hash together with {0}")]
    HashElsewhere(&'static str),
    #[error("- together with URLs")]
    InputAndUrls,
    #[error("bad --hash: {bad}")]
    BadHash { bad: BadDigest },
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    #[error("failed to read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("nothing in the registry is called {name:?}")]
    NotInRegistry { name: String },
    #[error("{name:?} has no URL")]
    NoBaseUrl { name: String },
    #[error("line {line} is not JSON")]
    NotJson {
        line: usize,
        #[source]
        cause: serde_json::Error,
    },
    #[error("line {line}: {problem}")]
    BadObject { line: usize, problem: String },
    #[error("failed to read standard input")]
    Input {
        #[source]
        cause: io::Error,
    },
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("nothing in the cache is called {0:?}")]
    NotInCache(String),
    #[error("bad {option} {text:?}")]
    BadQuantity { option: &'static str, text: String },
    #[error("- for more than one thing")]
    InputTwice,
    #[error("{} is no folder", .0.display())]
    NoFolder(PathBuf),
    #[error("bad --data-version {0:?}")]
    BadVersion(String),
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Address(_) => "give http:, https: or file: URLs; names of a registry need -r REGISTRY",
            Error::NothingAsked => "give URLs, -r REGISTRY, or - for JSON on standard input",
            Error::HashOfSeveral { .. } | Error::HashElsewhere(_) => {
                "it is for a single URL; for several files use a registry or JSON lines with \"hash\""
            }
            Error::InputAndUrls => "give the URLs as JSON lines too, or in a run of their own",
            Error::BadHash { .. } => {
                "give ALG:HEX, 64 hexadecimal digits for sha256, or SRI such as sha512-…"
            }
            Error::Algorithm(_) => "see fetch hash --help for the names",
            Error::NotInRegistry { .. } => "give names as the registry writes them",
            Error::NoBaseUrl { .. } => "give --base-url URL, or the URL as third field of its line",
            Error::NotJson { .. } | Error::BadObject { .. } => {
                "give objects with \"url\" or \"urls\", or the JSON of `npm view X dist --json` or `pip install --dry-run --report - X`"
            }
            Error::Registry(error) => error.hint(),
            Error::NotInCache(_) => "see fetch cache ls for names, URLs, digests and paths",
            Error::BadQuantity { option: "--max-size", .. } => "give a number and a unit: 10GB, 500MiB, 0",
            Error::BadQuantity { .. } => "give a number and a unit: 90m, 12h, 30d, 2w",
            Error::InputTwice => "standard input is one registry or one list of requests",
            Error::NoFolder(_) => "check the path",
            Error::BadVersion(_) => "give a version such as 1.2 or v0.1+3.gabc: one part of a path",
            Error::File(error) => return error.hint(),
            Error::Unreadable { .. } | Error::Input { .. } => return None,
        };
        Some(hint.to_owned())
    }

    fn code(&self) -> &'static str {
        match self {
            Error::File(error) => error.code(),
            Error::Registry(error) => error.code(),
            Error::NotInCache(_) => "not_found",
            Error::Unreadable { .. } | Error::Input { .. } => "file_error",
            Error::NotJson { .. } | Error::BadObject { .. } => "bad_input",
            _ => "bad_usage",
        }
    }
}

/// Why one file could not be got.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum Problem {
    #[error("expected {expected}, got {got}")]
    HashMismatch { expected: Digest, got: Digest },
    #[error("the server has no such file (HTTP {status})")]
    NotFound { status: u16 },
    #[error("the server refuses (HTTP {status})")]
    AccessDenied { status: u16 },
    #[error("the server answers HTTP {status}")]
    HttpStatus { status: u16 },
    #[error("{0}")]
    Connection(String),
    #[error("the connection broke after {got} bytes: {cause}")]
    Broken { got: u64, cause: String },
    #[error("the body ended after {got} of {expected} bytes")]
    Truncated { expected: u64, got: u64 },
    #[error("the server sent other bytes than those asked for")]
    WrongRange,
    #[error("not in the cache, and --offline is given")]
    OfflineMiss,
    #[error("{name:?} is no path below the cache folder: {why}")]
    UnsafePath { name: String, why: &'static str },
    #[error("another request of this run puts another file at {path:?}")]
    NameConflict { path: String },
    #[error("no such file: {}", .0.display())]
    NoLocalFile(PathBuf),
    #[error(transparent)]
    Lock(#[from] RegistryError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("stopped")]
    Stopped,
}

impl Problem {
    /// True when another attempt at the same URL may go better.
    pub fn is_transient(&self) -> bool {
        match self {
            // Not 501 and 505, which say that the server cannot do it at all.
            Problem::HttpStatus { status } => matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 506..),
            Problem::Connection(_)
            | Problem::Broken { .. }
            | Problem::Truncated { .. }
            | Problem::WrongRange => true,
            _ => false,
        }
    }
}

impl Explain for Problem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Problem::HashMismatch { .. } => {
                "nothing was published; if the file was meant to change, pin the new digest"
            }
            Problem::NotFound { .. } | Problem::NoLocalFile(_) => "check the URL",
            Problem::AccessDenied { .. } => {
                "the URL may need a user and password: https://USER:PASSWORD@HOST/…"
            }
            Problem::HttpStatus { .. } | Problem::WrongRange => {
                "try again later, or give a mirror in \"urls\""
            }
            Problem::Connection(_) | Problem::Broken { .. } | Problem::Truncated { .. } => {
                "check the network and the URL, or give a mirror in \"urls\""
            }
            Problem::OfflineMiss => "run it once without --offline",
            Problem::UnsafePath { .. } => "use relative names with / and without ..",
            Problem::Lock(error) => error.hint(),
            Problem::NameConflict { .. } => "give each its own \"name\" or \"dest\"",
            Problem::File(error) => return error.hint(),
            Problem::Stopped => return None,
        };
        Some(hint.to_owned())
    }

    fn code(&self) -> &'static str {
        match self {
            Problem::HashMismatch { .. } => "hash_mismatch",
            Problem::NotFound { .. } | Problem::NoLocalFile(_) => "not_found",
            Problem::AccessDenied { .. } => "access_denied",
            Problem::HttpStatus { .. } => "http_status",
            Problem::WrongRange => "wrong_range",
            Problem::Connection(_) => "connection_failed",
            Problem::Broken { .. } | Problem::Truncated { .. } => "truncated",
            Problem::OfflineMiss => "offline_miss",
            Problem::UnsafePath { .. } => "unsafe_path",
            Problem::NameConflict { .. } => "name_conflict",
            Problem::Lock(error) => error.code(),
            Problem::File(error) => error.code(),
            Problem::Stopped => "stopped",
        }
    }

    fn exit(&self) -> Exit {
        if matches!(self, Problem::HashMismatch { .. }) { Exit::NO } else { Exit::CANNOT }
    }
}
