//! The failures of fetch, each with a hint: fatal ones, and those that concern one file.
//! Must not know how they are shown.

use std::io;
use std::path::PathBuf;

use common::fs::FileError;
use common::{Exit, Explain};

use crate::hash::{BadDigest, Digest, UnknownAlgorithm};
use crate::source::BadAddress;
use crate::source::registry::BadEntry;

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
    #[error("{}, line {line}: {bad}", path.display())]
    BadRegistry { path: PathBuf, line: usize, bad: BadEntry },
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
    File(#[from] FileError),
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Address(BadAddress::Bucket(_)) => {
                "give s3://bucket/key, gs://bucket/object or az://account/container/blob, and keys in the environment"
            }
            Error::Address(_) => {
                "give http:, https:, file:, s3:, gs: or az: URLs; names of a registry need -r REGISTRY"
            }
            Error::NothingAsked => "give URLs, -r REGISTRY, or - for JSON on standard input",
            Error::HashOfSeveral { .. } | Error::HashElsewhere(_) => {
                "it is for a single URL; for several files use a registry or JSON lines with \"hash\""
            }
            Error::InputAndUrls => "give the URLs as JSON lines too, or in a run of their own",
            Error::BadHash { .. } => {
                "give ALG:HEX, 64 hexadecimal digits for sha256, or SRI such as sha512-…"
            }
            Error::Algorithm(_) => "see fetch hash --help for the names",
            Error::BadRegistry { .. } => "a line is `name [alg:]hash [url]`; quote names with spaces",
            Error::NotInRegistry { .. } => "give names as the registry writes them",
            Error::NoBaseUrl { .. } => "give --base-url URL, or the URL as third field of its line",
            Error::NotJson { .. } | Error::BadObject { .. } => {
                "give objects with \"url\" or \"urls\", or the JSON of `npm view X dist --json` or `pip install --dry-run --report - X`"
            }
            Error::File(error) => return error.hint(),
            Error::Unreadable { .. } | Error::Input { .. } => return None,
        };
        Some(hint.to_owned())
    }

    fn code(&self) -> &'static str {
        match self {
            Error::File(error) => error.code(),
            Error::Unreadable { .. } | Error::Input { .. } => "file_error",
            Error::BadRegistry { .. } => "bad_registry",
            Error::NotJson { .. } | Error::BadObject { .. } => "bad_input",
            _ => "bad_usage",
        }
    }
}

/// What a store says when it gives no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store answers {}", self.words())]
pub struct StoreRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The store's word for it, such as `NoSuchKey`; empty when it gives none.
    pub code: String,
    /// The store's sentence for it, without any secret; perhaps empty.
    pub message: String,
    /// Where the credentials came from that were used, or why there were none.
    pub tried: String,
}

impl StoreRefusal {
    fn words(&self) -> String {
        let StoreRefusal { status, code, message, .. } = self;
        match (&**code, &**message) {
            ("", _) => format!("HTTP {status}"),
            (code, "") => format!("{code} (HTTP {status})"),
            (code, message) => format!("{code}: {message} (HTTP {status})"),
        }
    }

    fn is_not_found(&self) -> bool {
        matches!(self.status, 404 | 410)
    }

    /// Some stores say with 400 that a token has expired or is none.
    fn is_denied(&self) -> bool {
        matches!(self.status, 401 | 403) || matches!(&*self.code, "ExpiredToken" | "InvalidToken")
    }

    fn hint(&self) -> String {
        let advice = match &*self.code {
            "ExpiredToken" | "TokenRefreshRequired" => "get new ones, or give --anonymous for public data",
            "RequestTimeTooSkewed" => "set the clock of this machine",
            "InvalidObjectState" | "BlobArchived" => "the object is archived: restore it first",
            _ if self.is_not_found() => "check the bucket and the key, which is taken letter by letter",
            _ if self.is_denied() => {
                "credentials with the right to read it are needed, and `fetch get --help` says where they are looked for"
            }
            _ => "try again later, or give a mirror in \"urls\"",
        };
        format!("{}; {advice}", self.tried)
    }
}

/// What is wrong with a machine's settings for a store, so that it is not even asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StoreSetup {
    /// What is wrong, without any secret.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
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
    #[error(transparent)]
    Store(#[from] StoreRefusal),
    #[error(transparent)]
    StoreSetup(#[from] StoreSetup),
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
    File(#[from] FileError),
    #[error("stopped")]
    Stopped,
}

impl Problem {
    /// True when another attempt at the same URL may go better.
    pub fn is_transient(&self) -> bool {
        match self {
            // Not 501 and 505, which say that the server cannot do it at all.
            Problem::Store(StoreRefusal { code, .. }) if code == "RequestTimeout" => true,
            Problem::HttpStatus { status } | Problem::Store(StoreRefusal { status, .. }) => {
                matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 506..)
            }
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
            Problem::NameConflict { .. } => "give each its own \"name\" or \"dest\"",
            Problem::File(error) => return error.hint(),
            Problem::Store(refusal) => return Some(refusal.hint()),
            Problem::StoreSetup(setup) => setup.hint,
            Problem::Stopped => return None,
        };
        Some(hint.to_owned())
    }

    fn code(&self) -> &'static str {
        match self {
            Problem::HashMismatch { .. } => "hash_mismatch",
            Problem::NotFound { .. } | Problem::NoLocalFile(_) => "not_found",
            Problem::AccessDenied { .. } => "access_denied",
            Problem::Store(refusal) if refusal.is_not_found() => "not_found",
            Problem::Store(refusal) if refusal.is_denied() => "access_denied",
            Problem::StoreSetup(_) => "bad_setup",
            Problem::HttpStatus { .. } | Problem::Store(_) => "http_status",
            Problem::WrongRange => "wrong_range",
            Problem::Connection(_) => "connection_failed",
            Problem::Broken { .. } | Problem::Truncated { .. } => "truncated",
            Problem::OfflineMiss => "offline_miss",
            Problem::UnsafePath { .. } => "unsafe_path",
            Problem::NameConflict { .. } => "name_conflict",
            Problem::File(error) => error.code(),
            Problem::Stopped => "stopped",
        }
    }

    fn exit(&self) -> Exit {
        if matches!(self, Problem::HashMismatch { .. }) { Exit::NO } else { Exit::CANNOT }
    }
}
