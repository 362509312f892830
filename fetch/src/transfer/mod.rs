//! Gets bytes from where they are: one room for each protocol. Must not know caches, digests or retries.

mod http;
mod local;
mod retry_after;

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

/// A file that begins to come.
pub struct Body {
    /// Its bytes, exactly as they are stored.
    pub bytes: Box<dyn Read>,
    /// How many there must be, where that is known.
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

    /// Opens what lies at `address`, unless it is still the version `known`.
    pub fn open(&self, address: &Address, known: Option<&Validators>) -> Result<Answer, Refusal> {
        match address.local_path() {
            Some(path) => Ok(Answer::Body(local::open(&path)?)),
            None => self.http.open(address, known),
        }
    }
}
