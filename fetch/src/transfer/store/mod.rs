//! Objects of stores, which speak HTTP each in a way of its own: one room for each store.
//! Must not know ureq, nor where the bytes go.
//!
//! - [`s3`], [`gs`], [`az`]: where an object is asked for, and in whose name
//! - [`aws`]: what the environment and the files of AWS say; [`ini`]: how such files are written
//! - [`sigv4`]: signatures of AWS, which Google takes too; [`oauth`]: tokens of Google
//! - [`reply`]: what a store's answer means; [`problem`]: what it says when it gives no object
//!
//! Whoever's secrets are used, they reach the store in headers that it alone gets: no redirect is followed.

mod aws;
mod az;
mod gs;
mod ini;
mod oauth;
mod problem;
mod reply;
mod s3;
mod sigv4;

pub use problem::{StoreRefusal, StoreSetup};
use url::Url;

use super::http::{Client, Header};
use super::{Answer, Ask, Refusal};
use crate::error::Problem;
use crate::source::Object;
use crate::source::object::Store;

/// All stores, each with what it has learned in this run.
pub struct Stores {
    s3: s3::S3,
    gs: gs::Gs,
    az: az::Az,
}

impl Stores {
    /// Stores that are asked without credentials when `anonymous`.
    pub fn new(anonymous: bool) -> Stores {
        Stores { s3: s3::S3::new(anonymous), gs: gs::Gs::new(anonymous), az: az::Az::new(anonymous) }
    }

    /// Asks for an object.
    pub fn open(&self, http: &Client, object: &Object, ask: Ask<'_>) -> Result<Answer, Refusal> {
        if object.key.is_empty() {
            let bucket = setup(format!("{object} is a bucket"), "name an object in it");
            return Err(Problem::from(bucket).into());
        }
        match object.store {
            Store::S3 => self.s3.open(http, object, ask),
            Store::Gs => self.gs.open(http, object, ask),
            Store::Az => self.az.open(http, object, ask),
        }
    }
}

/// Gives the value of an environment variable that is set and not empty.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's own environment.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where a server is, and on it an object: what a URL has, in the pieces that are signed.
#[derive(Debug, PartialEq, Eq)]
struct Endpoint {
    /// `https` or, of servers that others run, perhaps `http`.
    scheme: String,
    /// With the port, if it is none of the scheme's own.
    host: String,
    /// Without `/` at the end.
    path: String,
}

impl Endpoint {
    /// Reads the URL of a server that somebody has set.
    fn parse(text: &str) -> Result<Endpoint, StoreSetup> {
        let bad =
            || setup("the URL set for the store is none", "give it as https://host or http://host:port");
        let url = Url::parse(text).map_err(|_| bad())?;
        let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
        let (host, true) = (url.host_str().ok_or_else(bad)?, plain) else { return Err(bad()) };
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let path = url.path().trim_end_matches('/').to_owned();
        Ok(Endpoint { scheme: url.scheme().to_owned(), host, path })
    }

    /// What is at `path` below it.
    fn below(&self, path: &str) -> Endpoint {
        let Endpoint { scheme, host, path: base } = self;
        Endpoint { scheme: scheme.clone(), host: host.clone(), path: format!("{base}{path}") }
    }
}

/// Something in the way of asking at all.
fn setup(message: impl Into<String>, hint: &'static str) -> StoreSetup {
    StoreSetup { message: message.into(), hint }
}

/// The headers of what is asked.
///
/// No store documents `If-Range`, and one that ignores it sends a part of another version. All of them know
/// `If-Match`, by which another version is refused with 412; then the whole is asked for.
fn conditions(ask: Ask<'_>) -> Vec<Header> {
    match ask {
        Ask::Whole => Vec::new(),
        Ask::Unless(known) => match (&known.etag, &known.last_modified) {
            (Some(etag), _) => vec![("if-none-match", etag.clone())],
            (None, Some(date)) => vec![("if-modified-since", date.clone())],
            (None, None) => Vec::new(),
        },
        Ask::Rest { from, validator } => {
            let is_date = validator.ends_with(" GMT");
            let condition = if is_date { "if-unmodified-since" } else { "if-match" };
            vec![("range", format!("bytes={from}-")), (condition, validator.to_owned())]
        }
        Ask::Part { from, to, validator } => {
            vec![
                ("range", format!("bytes={from}-{}", to.saturating_sub(1))),
                ("if-match", validator.to_owned()),
            ]
        }
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986 and those in `kept`, as signatures want it.
fn encode(text: &str, kept: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain =
            byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.as_bytes().contains(&byte);
        if plain {
            encoded.push(byte.into());
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

/// The query that asks for an object's version, with its `?`; empty for the latest.
fn version_query(object: &Object) -> String {
    let query =
        object.version.as_ref().map(|version| format!("?{}={}", version.query, encode(&version.name, "")));
    query.unwrap_or_default()
}

/// Leaves out secrets, which a server or library may repeat.
fn conceal(text: &str, secrets: &[&str]) -> String {
    let secrets = secrets.iter().filter(|secret| !secret.is_empty());
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::Validators;

    #[test]
    fn a_key_is_encoded_byte_by_byte() {
        assert_eq!(encode("a b/ü+%20#?/../~", "/"), "a%20b/%C3%BC%2B%2520%23%3F/../~");
        assert_eq!(encode("a/b=", ""), "a%2Fb%3D");
    }

    #[test]
    fn a_part_is_asked_for_of_one_version_only() {
        let rest = |validator| conditions(Ask::Rest { from: 5, validator });
        let range = ("range", "bytes=5-".to_owned());
        assert_eq!(rest("\"e\""), [range.clone(), ("if-match", "\"e\"".into())]);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(rest(date), [range, ("if-unmodified-since", date.into())]);
        let known = Validators { etag: Some("\"e\"".into()), last_modified: Some(date.into()), date: None };
        assert_eq!(conditions(Ask::Unless(&known)), [("if-none-match", "\"e\"".into())]);
    }

    #[test]
    fn secrets_are_left_out() {
        assert_eq!(conceal("a b a", &["a", ""]), "*** b ***");
    }
}
