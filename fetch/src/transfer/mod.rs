//! Gets bytes from where they are: one room for each protocol. Must not know caches or retries, nor check digests.

pub mod credentials;
pub mod doi;
mod ftp;
pub mod http;
mod local;
pub mod proxy;
mod remote;
pub mod retry_after;
mod sftp;
pub mod store;

pub use credentials::Credentials;
pub use proxy::Proxies;
pub use remote::RemoteProblem;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Problem;
use crate::hash::Digest;
use crate::source::{Access, Address, Who};

/// What gets bytes, by whichever protocol an address asks for. One for all threads of a run.
pub struct Transfer {
    http: http::Client,
    ftp: ftp::Client,
    sftp: sftp::Client,
    doi: doi::Resolver,
    credentials: Arc<Credentials>,
    stores: store::Stores,
}

/// What tells one version of a file from another, in the server's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`
    pub etag: Option<String>,
    /// `Last-Modified`
    pub last_modified: Option<String>,
    /// `Date`: when the server said so, as long as the answer is at hand.
    pub date: Option<String>,
}

impl Validators {
    /// The one that `If-Range` may send back, by RFC 9110, section 13.1.5: never a weak `ETag`, nor the time of a file
    /// that could have been written once more within the same second.
    pub fn strong(&self) -> Option<&str> {
        let etag = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        etag.or_else(|| self.last_modified.as_deref().filter(|_| self.is_past()))
    }

    /// Whether the file was written at least a second before the answer, by the server's own clock: section 8.8.2.2.
    fn is_past(&self) -> bool {
        let time = |text: &Option<String>| httpdate::parse_http_date(text.as_deref()?).ok();
        let written = time(&self.last_modified).zip(time(&self.date));
        written.is_some_and(|(written, answered)| {
            answered.duration_since(written).is_ok_and(|age| age >= Duration::from_secs(1))
        })
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
    /// The bytes `from..to` if it is still the version `validator`, else the whole file. A protocol that cannot
    /// tell them apart gives the whole.
    Part {
        /// The first byte.
        from: u64,
        /// The byte behind the last.
        to: u64,
        /// See [`Validators::strong`].
        validator: &'a str,
    },
}

/// A file that begins to come.
pub struct Body {
    /// Its bytes from `from` on, exactly as they are stored.
    pub bytes: Box<dyn Read + Send>,
    /// How many bytes before them do not come: other than 0 only when the rest or a part was asked for.
    pub from: u64,
    /// How many there must be with those before them, where that is known.
    pub size: Option<u64>,
    /// Which version it is.
    pub validators: Validators,
    /// The digest that whoever keeps the file says it has.
    pub digest: Option<Digest>,
    /// Whether [`Ask::Part`] is understood here.
    pub ranges: bool,
}

impl Body {
    /// A body of which nothing more is known: no digest, and whether parts of it can be had.
    pub fn new(
        bytes: impl Read + Send + 'static,
        from: u64,
        size: Option<u64>,
        validators: Validators,
    ) -> Body {
        Body { bytes: Box::new(bytes), from, size, validators, digest: None, ranges: false }
    }
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

/// A file that is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Its size in bytes, where that is known.
    pub size_bytes: Option<u64>,
    /// What an HTTP server answered.
    pub http_status: Option<u16>,
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
    /// A transfer that keeps up to `connections` open to each host, and resolves DOIs by these services; when
    /// `anonymous`, stores are asked without credentials.
    pub fn new(
        connections: usize,
        proxies: Proxies,
        credentials: Credentials,
        services: doi::Services,
        anonymous: bool,
    ) -> Transfer {
        let credentials = Arc::new(credentials);
        Transfer {
            http: http::Client::new(connections, proxies, Arc::clone(&credentials)),
            ftp: ftp::Client::default(),
            sftp: sftp::Client::default(),
            doi: doi::Resolver::new(services),
            stores: store::Stores::new(anonymous),
            credentials,
        }
    }

    /// Opens what lies at `address`; only some protocols know of anything but the whole.
    pub fn open(&self, address: &Address, ask: Ask<'_>, access: &Access) -> Result<Answer, Refusal> {
        if let Some(path) = address.local_path() {
            return Ok(Answer::Body(local::open(&path)?));
        }
        match address.scheme() {
            "ftp" | "ftps" | "ftpes" => {
                Ok(self.ftp.open(address, ask, self.credentials.login(address, Some(access)))?)
            }
            "sftp" => Ok(self.sftp.open(address, ask, self.credentials.stated(address, Some(access)))?),
            "doi" => self.doi.open(&self.http, &address.doi(), ask),
            _ if let Some(object) = address.object() => self.stores.open(&self.http, object, ask),
            _ => self.http.open(address, ask, Some(access)),
        }
    }

    /// Who it is that asks for `address`; nothing where everybody who is let in gets the same.
    pub fn who(&self, address: &Address, access: &Access) -> Option<Who> {
        match address.scheme() {
            "http" | "https" => {
                let login = self.credentials.login(address, Some(access));
                Credentials::who(login, self.credentials.headers(access))
            }
            "ftp" | "ftps" | "ftpes" => {
                Credentials::who(self.credentials.login(address, Some(access)), std::iter::empty())
            }
            "sftp" => Credentials::who(self.credentials.stated(address, Some(access)), std::iter::empty()),
            _ => None,
        }
    }

    /// Asks whether something lies at `address`, without getting it.
    pub fn check(&self, address: &Address, access: &Access) -> Result<Found, Refusal> {
        match address.scheme() {
            "doi" => self.doi.check(&self.http, &address.doi()),
            "http" | "https" => self.http.check(address, Some(access)),
            // The others have no question of its own for this; a body that nobody reads costs them little.
            _ => match self.open(address, Ask::Whole, access)? {
                Answer::Body(body) => Ok(Found { size_bytes: body.size, http_status: None }),
                Answer::NotModified | Answer::NoRest => Ok(Found { size_bytes: None, http_status: None }),
            },
        }
    }

    /// The record that a DOI stands for.
    pub fn record(&self, doi: &str) -> Result<Arc<doi::Record>, Refusal> {
        self.doi.record(&self.http, doi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_tells_any_two_versions_apart_is_strong() {
        let second = |second: u8| Some(format!("Sun, 06 Nov 1994 08:49:{second:02} GMT"));
        let (etag, weak) = (Some("\"e\"".to_owned()), Some("W/\"e\"".to_owned()));
        for (etag, last_modified, date, strong) in [
            (&etag, second(37), None, etag.as_deref()),
            (&weak, None, None, None),
            (&weak, second(37), second(38), second(37).as_deref()),
            (&None, second(37), second(37), None),
            (&None, second(38), second(37), None),
            (&None, second(37), None, None),
            (&None, Some("yesterday".to_owned()), second(37), None),
        ] {
            let validators = Validators { etag: etag.clone(), last_modified, date };
            assert_eq!(validators.strong(), strong, "{validators:?}");
        }
    }
}
