//! A URL that never shows its secrets. Must not know how a URL is got.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::conceal::conceal_text;
use super::doi;
use super::object::Object;

/// The longest file name that Linux file systems take, in bytes.
const LONGEST_NAME: usize = 255;

/// Query keys whose values let whoever reads them in: of signed S3, GCS and Azure links, and tokens by custom.
const SECRET_KEYS: [&str; 12] = [
    "access_token",
    "api_key",
    "apikey",
    "password",
    "private_token",
    "sig",
    "signature",
    "token",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
    "x-goog-signature",
];

/// Where a file can be got.
///
/// `Display` and `Debug` leave out user, password and the values of [`SECRET_KEYS`], so no record, message or
/// log can show them; [`Address::exact`] is for the wire alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: Url,
    /// The text it was read from, secrets and all: it names pooch's files.
    given: String,
    /// What the URL of a store names; `url` has only its scheme then, as the key is no path of a URL.
    object: Option<Box<Object>>,
}

/// A text that is no URL that can be got.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is no URL at all.
    #[error("{text:?} is not a URL: {cause}")]
    NotUrl {
        /// What was given, without user and password.
        text: String,
        /// The parser's words.
        cause: url::ParseError,
    },
    /// Nothing here speaks its protocol.
    #[error("{0}: URLs are not supported")]
    Scheme(String),
    /// It names no host, where the protocol needs one.
    #[error("{0} names no host")]
    NoHost(String),
    /// It is a `file:` URL of another machine.
    #[error("{0} names a file of another machine")]
    Host(String),
    /// It is a `doi:` address without a DOI.
    #[error("{0:?} has no DOI: expected doi:10.PREFIX/SUFFIX/NAME")]
    Doi(String),
    /// It is the URL of a store, and what stands for the bucket cannot be one.
    #[error("what stands behind {0}:// is no name of a bucket")]
    Bucket(&'static str),
}

impl Address {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Address, BadAddress> {
        let not_url = |cause| BadAddress::NotUrl { text: conceal_text(text), cause };
        let given = text.to_owned();
        if let Some((scheme, rest)) =
            text.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("doi"))
        {
            let path = doi::escape(rest).ok_or_else(|| BadAddress::Doi(text.to_owned()))?;
            let url = Url::parse(&format!("{scheme}:{path}")).map_err(not_url)?;
            return Ok(Address { url, given, object: None });
        }
        if let Some(object) = Object::parse(text) {
            let object = object?;
            let url = Url::parse(&format!("{}:", object.store.scheme())).map_err(not_url)?;
            return Ok(Address { url, given, object: Some(Box::new(object)) });
        }
        let address = Address { url: Url::parse(text).map_err(not_url)?, given, object: None };
        match address.url.scheme() {
            "http" | "https" => Ok(address),
            "ftp" | "ftps" | "ftpes" | "sftp" if !address.host().is_empty() => Ok(address),
            "ftp" | "ftps" | "ftpes" | "sftp" => Err(BadAddress::NoHost(address.to_string())),
            "file" if address.local_path().is_some() => Ok(address),
            "file" => Err(BadAddress::Host(address.to_string())),
            other => Err(BadAddress::Scheme(other.to_owned())),
        }
    }

    fn of(url: Url) -> Address {
        let given = url.to_string();
        Address { url, given, object: None }
    }

    /// This address with `name` put at the end of its path, as pooch joins `base_url` and a registry's name.
    #[must_use]
    pub fn join(&self, name: &str) -> Address {
        let mut url = self.url.clone();
        if self.scheme() == "doi" {
            url.set_path(&doi::join(url.path(), name));
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(name.split('/'));
        }
        let given = format!("{}/{name}", self.given.trim_end_matches('/'));
        Address { url, given, object: self.object.as_ref().map(|object| Box::new(object.join(name))) }
    }

    /// The ways to read a `doi:` address, likeliest first; none for any other.
    pub fn doi(&self) -> Vec<doi::Reading> {
        if self.scheme() == "doi" { doi::readings(self.url.path()) } else { Vec::new() }
    }

    /// The host, with its port where that is not the usual one.
    pub fn authority(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        self.url.host_str().unwrap_or_default().to_owned() + &port
    }

    /// The parts of the path, percent-encoding undone, without empty ones.
    pub fn parts(&self) -> Vec<String> {
        let parts = self.url.path_segments().into_iter().flatten();
        parts.filter(|part| !part.is_empty()).map(decode).collect()
    }

    /// The value of a key of the query.
    pub fn query(&self, key: &str) -> Option<String> {
        self.url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
    }

    /// This address with a query instead of the one that it has.
    #[must_use]
    pub fn with_query(&self, pairs: &[(&str, &str)]) -> Address {
        let mut url = self.url.clone();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        Address::of(url)
    }

    /// The root of the address's host, without user and password.
    #[must_use]
    pub fn origin(&self) -> Address {
        let mut url = without_user(&self.url);
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        Address::of(url)
    }

    /// `http`, `https`, `file` or `doi`.
    /// `http`, `https`, `file`, `s3`, `gs` or `az`.
    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The path of a `file:` URL of this machine.
    pub fn local_path(&self) -> Option<PathBuf> {
        (self.url.scheme() == "file").then(|| self.url.to_file_path().ok()).flatten()
    }

    /// The port, where it is not the protocol's own.
    pub fn given_port(&self) -> Option<u16> {
        self.url.port()
    }

    /// The path behind the `/` that ends the host, percent-encoding undone.
    pub fn path_bytes(&self) -> Vec<u8> {
        percent_decoded(self.url.path().strip_prefix('/').unwrap_or(self.url.path()))
    }

    /// What the URL of a store names.
    pub fn object(&self) -> Option<&Object> {
        self.object.as_deref()
    }

    /// The last part of the path, or `download` when there is none.
    pub fn file_name(&self) -> String {
        if self.scheme() == "doi" {
            let shown = doi::unescape(self.url.path());
            let last = shown.rsplit('/').next().unwrap_or_default();
            let name = &last[last.ceil_char_boundary(last.len().saturating_sub(LONGEST_NAME))..];
            return if name.is_empty() { "download".to_owned() } else { name.to_owned() };
        }
        let of_path = || self.url.path_segments().and_then(|mut segments| segments.next_back());
        let last = self.object.as_deref().map(Object::file_name).or_else(of_path).unwrap_or_default();
        let name = &last[last.ceil_char_boundary(last.len().saturating_sub(LONGEST_NAME))..];
        if name.is_empty() { "download".to_owned() } else { name.to_owned() }
    }

    /// The URL for the wire, without user and password.
    pub fn exact(&self) -> String {
        if self.scheme() == "doi" || self.object.is_some() {
            return self.to_string();
        }
        without_user(&self.url).into()
    }

    /// The text that it was read from, secrets and all: for registries, whose URLs it is to be one of again, and for
    /// the names of pooch's files. Never to be shown.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// The host, as names and certificates have it: without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, that of the protocol when none is given; 0 for `file:`.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Path and query, percent-encoded.
    pub fn path_and_query(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// Where `location`, perhaps a relative reference, leads from here.
    pub fn follow(&self, location: &str) -> Result<Address, BadAddress> {
        let joined = self.url.join(location);
        let url = joined.map_err(|cause| BadAddress::NotUrl { text: conceal_text(location), cause })?;
        Address::parse(url.as_str())
    }

    /// Whether what is meant for `self` may be told to `other`: the same protocol, host and port, or HTTPS instead
    /// of HTTP on the same host, each at its own port.
    pub fn trusts(&self, other: &Address) -> bool {
        let place = |address: &Address| (address.scheme().to_owned(), address.port());
        let upgraded = place(self) == ("http".into(), 80) && place(other) == ("https".into(), 443);
        self.host() == other.host() && (upgraded || place(self) == place(other))
    }

    /// Whether there is nothing in it that must not be shown.
    pub fn is_plain(&self) -> bool {
        self.object.is_none() && self.to_string() == self.url.as_str()
    }

    /// What tells this file from others: the URL without its password. The user counts where a path may begin at the
    /// user's own folder.
    pub fn identity(&self) -> String {
        match self.credentials() {
            Some((user, _)) if !matches!(self.scheme(), "http" | "https") => {
                format!("{user}@{}", self.exact())
            }
            _ => self.exact(),
        }
    }

    /// User and password as the URL has them, percent-encoding undone.
    pub fn credentials(&self) -> Option<(String, String)> {
        let password = self.url.password().unwrap_or_default();
        let given = !self.url.username().is_empty() || !password.is_empty();
        given.then(|| (decode(self.url.username()), decode(password)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme() == "doi" {
            return write!(f, "doi:{}", doi::unescape(self.url.path()));
        }
        if let Some(object) = &self.object {
            return fmt::Display::fmt(object, f);
        }
        let mut url = without_user(&self.url);
        if url.query_pairs().any(|(key, _)| is_secret(&key)) {
            let pairs: Vec<(String, String)> = url
                .query_pairs()
                .map(|(key, value)| {
                    (key.to_string(), if is_secret(&key) { "***".into() } else { value.into() })
                })
                .collect();
            url.query_pairs_mut().clear().extend_pairs(pairs);
        }
        f.write_str(url.as_str())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(super) fn is_secret(key: &str) -> bool {
    SECRET_KEYS.contains(&key.to_ascii_lowercase().as_str())
}

fn without_user(url: &Url) -> Url {
    let mut url = url.clone();
    // Fails only for URLs that cannot have a user, which then have none.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some((&first, behind)) = rest.split_first() {
        let escaped = match (first, behind) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    bytes
}

/// Undoes percent-encoding. A `+` is itself in the user part, so form decoding gets it escaped first.
pub fn decode(text: &str) -> String {
    let form = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(form.as_bytes()).map(|(key, _)| key.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown_but_kept() -> Result<(), BadAddress> {
        let address = Address::parse("https://me:s%40fe+1@host/f.bin?X-Amz-Signature=abc&v=2")?;
        assert_eq!(address.to_string(), "https://host/f.bin?X-Amz-Signature=***&v=2");
        assert_eq!(format!("{address:?}"), address.to_string());
        assert_eq!(address.exact(), "https://host/f.bin?X-Amz-Signature=abc&v=2");
        assert_eq!(address.credentials(), Some(("me".into(), "s@fe+1".into())));
        Ok(())
    }

    #[test]
    fn a_name_is_joined_segment_by_segment() -> Result<(), BadAddress> {
        for base in ["http://host/base", "http://host/base/"] {
            let joined = Address::parse(base)?.join("sub/a b#1?.txt");
            assert_eq!(joined.exact(), "http://host/base/sub/a%20b%231%3F.txt");
        }
        for base in ["s3://bucket/base", "s3://bucket/base/"] {
            assert_eq!(Address::parse(base)?.join("a b#1?.txt").exact(), "s3://bucket/base/a b#1?.txt");
        }
        assert_eq!(Address::parse("s3://bucket")?.join("a").exact(), "s3://bucket/a");
        Ok(())
    }

    #[test]
    fn the_name_is_the_end_of_the_path() -> Result<(), BadAddress> {
        assert_eq!(Address::parse("http://h/a/b.txt?x=/y")?.file_name(), "b.txt");
        assert_eq!(Address::parse("http://h/")?.file_name(), "download");
        assert_eq!(Address::parse("s3://bucket/a/b c#1")?.file_name(), "b c#1");
        assert_eq!(Address::parse("s3://bucket/a/")?.file_name(), "download");
        let long = format!("http://h/{}.zip", "x".repeat(400));
        assert_eq!(Address::parse(&long)?.file_name().len(), LONGEST_NAME);
        let long = format!("s3://bucket/{}", "ü".repeat(200));
        assert_eq!(Address::parse(&long)?.file_name(), "ü".repeat(127));
        Ok(())
    }

    #[test]
    fn a_path_of_a_file_server_is_bytes() -> Result<(), BadAddress> {
        for (url, path) in [
            ("ftp://h/a%20b/%C3%BC", "a b/ü".as_bytes()),
            ("ftp://h/%2Fetc/x", b"/etc/x"),
            ("ftp://h//etc/x", b"/etc/x"),
            ("sftp://h/~/x%E9%", b"~/x\xe9%"),
            ("ftps://h", b""),
        ] {
            assert_eq!(Address::parse(url)?.path_bytes(), path, "{url}");
        }
        let address = Address::parse("sftp://me@[::1]:2222/x")?;
        assert_eq!((address.host(), address.given_port()), ("::1", Some(2222)));
        Ok(())
    }

    #[test]
    fn what_cannot_be_got_is_refused() {
        assert!(matches!(Address::parse("sftp:///x"), Err(BadAddress::NoHost(_))));
        assert!(matches!(Address::parse("a.txt"), Err(BadAddress::NotUrl { .. })));
        assert!(matches!(Address::parse("mailto:me@host"), Err(BadAddress::Scheme(_))));
        assert!(matches!(Address::parse("file://other/x"), Err(BadAddress::Host(_))));
        assert!(matches!(Address::parse("doi://10.5281/zenodo.1/x"), Err(BadAddress::Doi(_))));
    }

    #[test]
    fn a_doi_is_shown_as_pooch_writes_it() -> Result<(), BadAddress> {
        for (text, name) in [
            ("doi:10.5281/zenodo.1/sub/a b#1?%20.txt", "a b#1?%20.txt"),
            ("doi:10.7910/DVN/TJ/ä.txt", "ä.txt"),
            ("doi:10.5281/zenodo.1/", "download"),
        ] {
            let address = Address::parse(text)?;
            assert_eq!((address.to_string(), address.exact()), (text.to_owned(), text.to_owned()));
            assert_eq!((address.file_name().as_str(), address.credentials()), (name, None));
            assert_eq!(crate::source::conceal(&[text.to_owned()]), [text]);
        }
        let joined = Address::parse("doi:10.7910/DVN/TJ/")?.join("sub/a.txt");
        assert_eq!(joined.to_string(), "doi:10.7910/DVN/TJ/sub/a.txt");
        assert_eq!(Address::parse(&format!("doi:10.1/x/{}", "ä".repeat(200)))?.file_name().len(), 254);
        Ok(())
    }
}
