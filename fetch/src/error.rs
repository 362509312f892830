//! The failures of fetch, each with a hint: fatal ones, and those that concern one file.
//! Must not know how they are shown.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use common::fs::FileError;
use common::{Exit, Explain};

use crate::archive::ArchiveError;
use crate::hash::{BadDigest, Digest, UnknownAlgorithm};
use crate::registry::RegistryError;
use crate::source::BadAddress;
use crate::source::access::BadAccess;
use crate::source::version::BadVersion;
use crate::transfer::RemoteProblem;
use crate::transfer::credentials::netrc::BadNetrc;
use crate::transfer::doi::DoiProblem;
use crate::transfer::proxy::BadProxy;
use crate::transfer::store::{StoreRefusal, StoreSetup};

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
    #[error("bad --header: {bad}")]
    BadHeader { bad: BadAccess },
    #[error("a password on the command line, where others can read it")]
    PasswordShown,
    #[error("no password for --user {user}")]
    NoPassword { user: String },
    #[error("bad proxy in {origin}: {bad}")]
    BadProxy { origin: String, bad: BadProxy },
    #[error("{}, line {line}: {bad}", path.display())]
    BadNetrc { path: PathBuf, line: usize, bad: BadNetrc },
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
    #[error("{variable}: {bad}")]
    BadService { variable: &'static str, bad: BadAddress },
    #[error("bad --data-version: {0}")]
    BadVersion(#[from] BadVersion),
    #[error("bad --dev-version: {0:?} is no path below a folder")]
    BadDevVersion(String),
    #[error("the base URL has {{version}}, and no version is given")]
    NoVersion,
    #[error("failed to list the files of doi:{doi}")]
    NoRecord {
        doi: String,
        #[source]
        cause: Problem,
    },
    #[error("bad --member: {0}")]
    Member(ArchiveError),
    #[error("--member together with --process decompress")]
    MemberOfSingle,
    #[error("failed to listen at {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        cause: io::Error,
    },
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("nothing in the cache is called {0:?}")]
    NotInCache(String),
    #[error("- for more than one thing")]
    InputTwice,
    #[error("{} is no folder", .0.display())]
    NoFolder(PathBuf),
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Address(BadAddress::Doi(_)) => {
                "write doi:10.5281/zenodo.3939050/tiny-data.txt, without //"
            }
            Error::BadService { .. } => "give the URL of a server, or unset it",
            Error::BadVersion(_) => "give the version of the project whose data it is",
            Error::BadDevVersion(_) => "give a name such as main",
            Error::NoVersion => "give --data-version VERSION",
            Error::NoRecord { cause, .. } => return cause.hint(),
            Error::Address(BadAddress::Bucket(_)) => {
                "give s3://bucket/key, gs://bucket/object or az://account/container/blob, and keys in the environment"
            }
            Error::Address(_) => {
                "give URLs of the kinds that fetch get --help names; names of a registry need -r REGISTRY"
            }
            Error::NothingAsked => "give URLs, -r REGISTRY, or - for JSON on standard input",
            Error::HashOfSeveral { .. } | Error::HashElsewhere(_) => {
                "it is for a single URL; for several files use a registry or JSON lines with \"hash\""
            }
            Error::InputAndUrls => "give the URLs as JSON lines too, or in a run of their own",
            Error::BadHash { .. } => {
                "give ALG:HEX, 64 hexadecimal digits for sha256, or SRI such as sha512-…"
            }
            Error::BadHeader { .. } => "give --header 'Name: value', or --header @FILE with such lines",
            Error::PasswordShown | Error::NoPassword { .. } => {
                "give --user NAME with the password in $FETCH_PASSWORD, or as `machine HOST login NAME password …` in ~/.netrc"
            }
            Error::BadProxy { .. } => "give [http|https|socks5://][USER:PASSWORD@]HOST:PORT",
            Error::BadNetrc { .. } => {
                "an entry is `machine HOST login NAME password …`; quote odd words with \""
            }
            Error::Member(_) => "give names as the archive writes them",
            Error::MemberOfSingle => "a compressed file has no members; tar archives need --process untar",
            Error::Algorithm(_) => "see fetch hash --help for the names",
            Error::NotInRegistry { .. } => "give names as the registry writes them",
            Error::NoBaseUrl { .. } => "give --base-url URL, or the URL as third field of its line",
            Error::NotJson { .. } | Error::BadObject { .. } => {
                "give objects with \"url\" or \"urls\", or the JSON of `npm view X dist --json` or `pip install --dry-run --report - X`"
            }
            Error::Registry(error) => error.hint(),
            Error::NotInCache(_) => "see fetch cache ls for names, URLs, digests and paths",
            Error::InputTwice => "standard input is one registry or one list of requests",
            Error::NoFolder(_) => "check the path",
            Error::Listen { .. } => {
                "give another --port, or none for any that is free; --bind takes an address of this machine"
            }
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
            Error::NoRecord { cause, .. } => cause.code(),
            Error::Unreadable { .. } | Error::Input { .. } => "file_error",
            Error::Listen { .. } => "cannot_listen",
            Error::BadNetrc { .. } => "bad_netrc",
            Error::NotJson { .. } | Error::BadObject { .. } => "bad_input",
            Error::Member(error) => error.code(),
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
    #[error(transparent)]
    Store(#[from] StoreRefusal),
    #[error(transparent)]
    StoreSetup(#[from] StoreSetup),
    #[error("{0}")]
    Connection(String),
    #[error("the server's certificate is not trusted: {0}")]
    Certificate(String),
    #[error("the proxy {0}")]
    Proxy(String),
    #[error("a redirect is not followed: {0}")]
    Redirect(String),
    #[error("the server sends it packed with {0:?} although asked not to")]
    Encoding(String),
    #[error("the connection broke after {got} bytes: {cause}")]
    Broken { got: u64, cause: String },
    #[error("the body ended after {got} of {expected} bytes")]
    Truncated { expected: u64, got: u64 },
    #[error("the server sent other bytes than those asked for")]
    WrongRange,
    #[error("the file changed on the server while it came")]
    Changed,
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
    Remote(#[from] RemoteProblem),
    #[error(transparent)]
    Archive(ArchiveError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Doi(#[from] DoiProblem),
    #[error("stopped")]
    Stopped,
}

impl From<ArchiveError> for Problem {
    fn from(error: ArchiveError) -> Problem {
        match error {
            ArchiveError::Stopped => Problem::Stopped,
            error => Problem::Archive(error),
        }
    }
}

impl Problem {
    /// True when the cache folder cannot be written at all.
    pub fn is_unwritable(&self) -> bool {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        matches!(self, Problem::File(error) if matches!(error.cause.kind(), PermissionDenied | ReadOnlyFilesystem))
    }

    /// True when another attempt at the same URL may go better.
    pub fn is_transient(&self) -> bool {
        match self {
            // With 202 the file is being made. Not 501 and 505, which say that the server cannot do it at all.
            Problem::Store(StoreRefusal { code, .. }) if code == "RequestTimeout" => true,
            Problem::HttpStatus { status } | Problem::Store(StoreRefusal { status, .. }) => {
                matches!(status, 202 | 408 | 425 | 429 | 500 | 502..=504 | 506..)
            }
            Problem::Connection(_)
            | Problem::Broken { .. }
            | Problem::Truncated { .. }
            | Problem::WrongRange
            | Problem::Changed => true,
            Problem::Doi(problem) => problem.is_transient(),
            Problem::Remote(problem) => problem.is_transient(),
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
                "log in: `machine HOST login NAME password …` in ~/.netrc, or a token with --header @FILE; neither is told to a host that one redirects to"
            }
            Problem::HttpStatus { .. } | Problem::WrongRange | Problem::Changed => {
                "try again later, or give a mirror in \"urls\""
            }
            Problem::Connection(_) | Problem::Broken { .. } | Problem::Truncated { .. } => {
                "check the network and the URL, or give a mirror in \"urls\""
            }
            Problem::Certificate(_) => {
                "to trust it, name a file with its authority's certificate in $SSL_CERT_FILE"
            }
            Problem::Proxy(_) => "check --proxy or $https_proxy; its user and password stand in its URL",
            Problem::Redirect(_) => "check the URL; give that of the file itself",
            Problem::Encoding(_) => "give a mirror in \"urls\", or tell the server's owner",
            Problem::OfflineMiss => "run it once without --offline",
            Problem::UnsafePath { .. } => "use relative names with / and without ..",
            Problem::Lock(error) => error.hint(),
            Problem::NameConflict { .. } => "give each its own \"name\" or \"dest\"",
            Problem::Remote(problem) => return problem.hint(),
            Problem::Archive(error) => return error.hint(),
            Problem::File(error) => return error.hint(),
            Problem::Doi(problem) => return problem.hint(),
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
            Problem::Changed => "changed",
            Problem::Connection(_) => "connection_failed",
            Problem::Certificate(_) => "certificate_untrusted",
            Problem::Proxy(_) => "proxy_failed",
            Problem::Redirect(_) => "bad_redirect",
            Problem::Encoding(_) => "bad_encoding",
            Problem::Broken { .. } | Problem::Truncated { .. } => "truncated",
            Problem::OfflineMiss => "offline_miss",
            Problem::UnsafePath { .. } => "unsafe_path",
            Problem::NameConflict { .. } => "name_conflict",
            Problem::Lock(error) => error.code(),
            Problem::Remote(problem) => problem.code(),
            Problem::Archive(error) => error.code(),
            Problem::File(error) => error.code(),
            Problem::Doi(problem) => problem.code(),
            Problem::Stopped => "stopped",
        }
    }

    fn exit(&self) -> Exit {
        if matches!(self, Problem::HashMismatch { .. }) { Exit::NO } else { Exit::CANNOT }
    }
}
