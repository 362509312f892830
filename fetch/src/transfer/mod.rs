//! Gets bytes from where they are: one room for each protocol. Must not know caches, digests or retries.

pub mod http;
mod local;
pub mod retry_after;

use std::io::Read;
use std::time::Duration;

use crate::error::Problem;
use crate::source::Address;

/// What gets bytes, by whichever protocol an address asks for. One for all threads of a run.
pub struct Transfer {
    http: http::Client,
}

/// What tells one version of a file from another, in the server's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`
    pub etag: Option<String>,
    /// `Last-Modified`
    pub last_modified: Option<String>,
}

impl Validators {
    /// The one that `If-Range` may send back, by RFC 9110, section 13.1.5: never a weak `ETag`.
    pub fn strong(&self) -> Option<&str> {
        let etag = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        etag.or(self.last_modified.as_deref())
    }
}

/// What to ask an address for.
#[derive(Clone, Copy, Debug)]
pub enum Ask<'a> {
    /// The file.
    Whole,
    /// The file, unless it is still this version.
    Unless(&'a Validators),
    /// The bytes from `from` on if it is still the version `validator`, else the whole file.
    Rest {
        /// How many bytes of it are there.
        from: u64,
        /// See [`Validators::strong`].
        validator: &'a str,
    },
}

/// A file that begins to come.
pub struct Body {
    /// Its bytes from `from` on, exactly as they are stored.
    pub bytes: Box<dyn Read>,
    /// How many bytes before them do not come: other than 0 only when the rest was asked for.
    pub from: u64,
    /// How many there must be with those before them, where that is known.
    pub size: Option<u64>,
    /// Which version it is.
    pub validators: Validators,
}

/// What an address answers.
pub enum Answer {
    /// A file.
    Body(Body),
    /// It is still the version that was asked about.
    NotModified,
    /// There are no such bytes of it as were asked for.
    NoRest,
}

/// An address that gives no file.
pub struct Refusal {
    /// Why.
    pub problem: Problem,
    /// When the server wants to be asked again.
    pub retry_after: Option<Duration>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal { problem, retry_after: None }
    }
}

impl Transfer {
    /// A transfer that keeps up to `connections` open to each host.
    pub fn new(connections: usize) -> Transfer {
        Transfer { http: http::Client::new(connections) }
    }

    /// Opens what lies at `address`; only some protocols know of anything but the whole.
    pub fn open(&self, address: &Address, ask: Ask<'_>) -> Result<Answer, Refusal> {
        match address.local_path() {
            Some(path) => Ok(Answer::Body(local::open(&path)?)),
            None => self.http.open(address, ask),
        }
    }
}
