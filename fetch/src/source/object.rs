//! The URL of an object in a store: `s3://bucket/key`, `gs://bucket/object`, `az://account/container/blob`.
//! Must not know how an object is got.

use std::fmt;

use super::BadAddress;

/// The stores that are spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Amazon S3 and what speaks like it.
    S3,
    /// Google Cloud Storage.
    Gs,
    /// Azure Blob Storage.
    Az,
}

/// Where an object lies.
///
/// Its key is no path of a URL but what the stores' own programs take it for: the text behind the bucket, letter by
/// letter. A space, `%`, `+`, `#`, `?`, `..` or a further `/` is itself.
///
/// `Display` leaves out the signature that a URL may carry, so no record, message or log can show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// In which store.
    pub store: Store,
    /// The bucket; of Azure the account or the container, see `transfer::store::az`.
    pub bucket: String,
    /// The key; empty in the URL of a bucket.
    pub key: String,
    /// Which version of it, in the store's own words, when not the latest.
    pub version: Option<Version>,
    /// A shared access signature of Azure, without the `?` before it.
    pub signature: Option<String>,
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The key of the query that asks for it: `versionId`, `generation`, `versionid` or `snapshot`.
    pub query: &'static str,
    /// Its name.
    pub name: String,
}

/// A generation of Google's counts microseconds since 1970: so many digits at least. What is shorter behind a `#`
/// belongs to the name.
const GENERATION_DIGITS: usize = 15;

impl Store {
    /// The store of a scheme.
    pub fn of_scheme(scheme: &str) -> Option<Store> {
        [Store::S3, Store::Gs, Store::Az].into_iter().find(|store| store.scheme() == scheme)
    }

    /// The scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        match self {
            Store::S3 => "s3",
            Store::Gs => "gs",
            Store::Az => "az",
        }
    }
}

impl Object {
    /// Reads a URL; nothing when it is none of a store.
    pub fn parse(text: &str) -> Option<Result<Object, BadAddress>> {
        let (scheme, rest) = text.split_once("://")?;
        let store = Store::of_scheme(&scheme.to_ascii_lowercase())?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-$".contains(letter);
        if bucket.is_empty() || !bucket.chars().all(fits) {
            return Some(Err(BadAddress::Bucket(store.scheme())));
        }
        let (key, version, signature) = split(store, key);
        Some(Ok(Object { store, bucket: bucket.into(), key: key.into(), version, signature }))
    }

    /// This object's key with `name` behind it, as if it were a folder.
    #[must_use]
    pub fn join(&self, name: &str) -> Object {
        let folder = self.key.strip_suffix('/').unwrap_or(&self.key);
        let key = if self.key.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        Object { key, version: None, ..self.clone() }
    }

    /// The last part of the key.
    pub fn file_name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }
}

/// What stands behind the bucket: key, version and signature.
fn split(store: Store, text: &str) -> (&str, Option<Version>, Option<String>) {
    let mark = if store == Store::Gs { '#' } else { '?' };
    let plain = (text, None, None);
    let Some((key, behind)) = text.rsplit_once(mark) else { return plain };
    let version = |query, name: &str| (key, Some(Version { query, name: name.to_owned() }), None);
    match (store, behind.split_once('=')) {
        (Store::Gs, None)
            if behind.len() >= GENERATION_DIGITS && behind.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            version("generation", behind)
        }
        (Store::S3, Some(("versionId", name))) => version("versionId", name),
        (Store::Az, Some(("versionid", name))) => version("versionid", name),
        (Store::Az, Some(("snapshot", name))) => version("snapshot", name),
        (Store::Az, _) if behind.split('&').any(|pair| pair.starts_with("sig=")) => {
            (key, None, Some(behind.to_owned()))
        }
        _ => plain,
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.store.scheme(), self.bucket)?;
        if !self.key.is_empty() || self.version.is_some() {
            write!(f, "/{}", self.key)?;
        }
        match &self.version {
            Some(Version { query: "generation", name }) => write!(f, "#{name}"),
            Some(Version { query, name }) => write!(f, "?{query}={name}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Object {
        Object::parse(text).and_then(Result::ok).unwrap_or_else(|| unreachable!("{text}"))
    }

    #[test]
    fn a_key_is_taken_letter_by_letter() {
        for key in ["a b+c%20#1?x=y&z", "/a//../b/", "ü/💾", "a?versionid=1", "a#123", "c/b?sig"] {
            assert_eq!(parse(&format!("s3://bucket/{key}")).key, key);
        }
        assert_eq!(parse("s3://bucket").key, "");
        assert!(Object::parse("https://bucket/key").is_none());
        assert!(Object::parse("a.txt").is_none());
    }

    #[test]
    fn a_version_is_named_as_each_store_names_it() {
        let version = |text: &str| parse(text).version.map(|version| (version.query, version.name));
        assert_eq!(version("s3://b/k?versionId=a.b_"), Some(("versionId", "a.b_".into())));
        assert_eq!(version("gs://b/k#1360887697105000"), Some(("generation", "1360887697105000".into())));
        assert_eq!(version("az://a/c/b?snapshot=2011-03"), Some(("snapshot", "2011-03".into())));
        assert_eq!(version("gs://b/k?versionId=a"), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let object = parse("az://account/c/b.txt?sv=2021&sig=s3cret%3D");
        assert_eq!(object.to_string(), "az://account/c/b.txt");
        assert_eq!(object.signature.as_deref(), Some("sv=2021&sig=s3cret%3D"));
        for bad in ["s3://KEY:s3cret@bucket/key", "s3://KEY:s3/cret@bucket/key", "s3:///key", "s3://a b/k"] {
            assert_eq!(Object::parse(bad), Some(Err(BadAddress::Bucket("s3"))));
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(key in "\\PC{1,30}", store in prop::sample::select(vec!["s3", "gs", "az"])) {
            let object = parse(&format!("{store}://bucket/{key}"));
            prop_assume!(object.signature.is_none());
            prop_assert_eq!(parse(&object.to_string()), object);
        }
    }
}
