//! A URL that never shows its secrets. Must not know how a URL is got.

use std::fmt;
use std::path::PathBuf;

use url::Url;

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
    /// The text it was read from, which names pooch's files.
    given: String,
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
    /// It is a `file:` URL of another machine.
    #[error("{0} names a file of another machine")]
    Host(String),
}

impl Address {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Address, BadAddress> {
        let url = Url::parse(text).map_err(|cause| BadAddress::NotUrl { text: conceal_text(text), cause })?;
        let address = Address { url, given: text.to_owned() };
        match address.url.scheme() {
            "http" | "https" => Ok(address),
            "file" if address.local_path().is_some() => Ok(address),
            "file" => Err(BadAddress::Host(address.to_string())),
            other => Err(BadAddress::Scheme(other.to_owned())),
        }
    }

    /// This address with `name` put at the end of its path, as pooch joins `base_url` and a registry's name.
    #[must_use]
    pub fn join(&self, name: &str) -> Address {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(name.split('/'));
        }
        let given = format!("{}/{name}", self.given.trim_end_matches('/'));
        Address { url, given }
    }

    /// `http`, `https` or `file`.
    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The path of a `file:` URL of this machine.
    pub fn local_path(&self) -> Option<PathBuf> {
        (self.url.scheme() == "file").then(|| self.url.to_file_path().ok()).flatten()
    }

    /// The last part of the path, or `download` when there is none.
    pub fn file_name(&self) -> String {
        let last = self.url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        // Percent-encoding leaves ASCII only, so that any byte is a boundary.
        let name = &last[last.len().saturating_sub(LONGEST_NAME)..];
        if name.is_empty() { "download".to_owned() } else { name.to_owned() }
    }

    /// The URL for the wire, without user and password.
    pub fn exact(&self) -> String {
        without_user(&self.url).into()
    }

    /// The text that it was read from, secrets and all: for registries, whose URLs it is to be one of again, and for
    /// the names of pooch's files. Never to be shown.
    pub fn given(&self) -> &str {
        &self.given
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
        let mut url = without_user(&self.url);
        let secret = |key: &str| SECRET_KEYS.contains(&key.to_ascii_lowercase().as_str());
        if url.query_pairs().any(|(key, _)| secret(&key)) {
            let pairs: Vec<(String, String)> = url
                .query_pairs()
                .map(|(key, value)| (key.to_string(), if secret(&key) { "***".into() } else { value.into() }))
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

/// An argument as it may be shown: a URL, also behind `--option=`, without its secrets, and all else as it is.
pub fn conceal(argument: &str) -> String {
    if let Some((option, value)) = argument.split_once('=').filter(|(option, _)| option.starts_with("--")) {
        return format!("{option}={}", conceal(value));
    }
    match Address::parse(argument) {
        Ok(address) if address.to_string() == address.url.as_str() => argument.to_owned(),
        Ok(address) => address.to_string(),
        Err(_) => conceal_text(argument),
    }
}

/// Leaves out what stands between `//` and `@` in a text that may be no URL.
fn conceal_text(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("//") else { return text.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => format!("{scheme}//{}", &rest[at + 1..]),
        None => text.to_owned(),
    }
}

fn without_user(url: &Url) -> Url {
    let mut url = url.clone();
    // Fails only for URLs that cannot have a user, which then have none.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url
}

/// Undoes percent-encoding. A `+` is itself in the user part, so form decoding gets it escaped first.
fn decode(text: &str) -> String {
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
        assert_eq!(conceal("ht!tp://me:pw@host/x"), "ht!tp://host/x");
        assert_eq!(conceal("--base-url=http://me:pw@host/x?sig=1"), "--base-url=http://host/x?sig=***");
        for plain in ["--jobs=3", "http://host", "-", "a=b"] {
            assert_eq!(conceal(plain), plain);
        }
        Ok(())
    }

    #[test]
    fn a_name_is_joined_segment_by_segment() -> Result<(), BadAddress> {
        for base in ["http://host/base", "http://host/base/"] {
            let joined = Address::parse(base)?.join("sub/a b#1?.txt");
            assert_eq!(joined.exact(), "http://host/base/sub/a%20b%231%3F.txt");
        }
        Ok(())
    }

    #[test]
    fn the_name_is_the_end_of_the_path() -> Result<(), BadAddress> {
        assert_eq!(Address::parse("http://h/a/b.txt?x=/y")?.file_name(), "b.txt");
        assert_eq!(Address::parse("http://h/")?.file_name(), "download");
        let long = format!("http://h/{}.zip", "x".repeat(400));
        assert_eq!(Address::parse(&long)?.file_name().len(), LONGEST_NAME);
        Ok(())
    }

    #[test]
    fn what_cannot_be_got_is_refused() {
        assert!(matches!(Address::parse("a.txt"), Err(BadAddress::NotUrl { .. })));
        assert!(matches!(Address::parse("mailto:me@host"), Err(BadAddress::Scheme(_))));
        assert!(matches!(Address::parse("file://other/x"), Err(BadAddress::Host(_))));
    }
}
