//! What a client asks about the version of a file and about a part of it: RFC 9110, sections 13 and 14. Pure; must
//! not know files.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{self, HeaderMap};

/// What tells one version of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// A strong `ETag` with its quotation marks.
    pub etag: String,
    /// When it was last written, in whole seconds; nothing when a date cannot say it or it lies in the future.
    pub modified: Option<SystemTime>,
}

/// What a client is to get of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing, as it has this version: 304.
    NotModified,
    /// Nothing, as it wanted another version: 412.
    Otherwise,
    /// Nothing, as there are no such bytes: 416.
    NoSuchPart,
}

impl Version {
    /// The version of a file with this stamp; `now` bounds what `Last-Modified` may say.
    pub fn new(size_bytes: u64, mtime_ns: i64, inode: u64, now: SystemTime) -> Version {
        let since = u64::try_from(mtime_ns / 1_000_000_000).ok();
        let modified = since.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        Version {
            etag: format!("\"{size_bytes:x}-{mtime_ns:x}-{inode:x}\""),
            modified: modified.filter(|modified| *modified <= now),
        }
    }
}

/// What `headers` ask for of a file of this version and size, in the order of section 13.2.2.
pub fn wanted(headers: &HeaderMap, version: &Version, size: u64, ranges: bool) -> Wanted {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let date = |name| text(name).and_then(|value| httpdate::parse_http_date(value).ok());
    let matched = match text(header::IF_MATCH) {
        Some(tags) => names(tags, &version.etag, false),
        None => match (date(header::IF_UNMODIFIED_SINCE), version.modified) {
            (Some(since), Some(modified)) => modified <= since,
            _ => true,
        },
    };
    if !matched {
        return Wanted::Otherwise;
    }
    let known = match text(header::IF_NONE_MATCH) {
        Some(tags) => names(tags, &version.etag, true),
        None => match (date(header::IF_MODIFIED_SINCE), version.modified) {
            (Some(since), Some(modified)) => modified <= since,
            _ => false,
        },
    };
    if known {
        return Wanted::NotModified;
    }
    let same_version = match text(header::IF_RANGE) {
        Some(tag) if tag.starts_with('"') => tag == version.etag,
        Some(_) => version.modified.is_some() && date(header::IF_RANGE) == version.modified,
        None => !headers.contains_key(header::IF_RANGE),
    };
    match text(header::RANGE).filter(|_| same_version && ranges) {
        Some(text) => range(text, size),
        None => Wanted::Whole,
    }
}

/// Whether a list of tags names this one; a weak one does only where that is enough.
fn names(tags: &str, etag: &str, weak: bool) -> bool {
    let same = |tag: &str| tag == "*" || tag == etag || weak && tag.strip_prefix("W/") == Some(etag);
    tags.split(',').any(|tag| same(tag.trim()))
}

/// A single range. What cannot be read is as if it was not said, and so are several ranges, as section 14.2 allows.
fn range(text: &str, size: u64) -> Wanted {
    let spec = text.trim().split_once('=').filter(|(unit, _)| unit.trim().eq_ignore_ascii_case("bytes"));
    let Some((first, last)) = spec.and_then(|(_, range)| range.trim().split_once('-')) else {
        return Wanted::Whole;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than a number has mean: behind every end.
    let number = |text: &str| text.parse().unwrap_or(u64::MAX);
    let range = match (first, last) {
        ("", last) if digits(last) => size.saturating_sub(number(last))..size,
        (first, "") if digits(first) => number(first)..size,
        (first, last) if digits(first) && digits(last) && number(first) <= number(last) => {
            number(first)..number(last).saturating_add(1).min(size)
        }
        _ => return Wanted::Whole,
    };
    if range.is_empty() { Wanted::NoSuchPart } else { Wanted::Part(range) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{HeaderName, HeaderValue};

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn ask(headers: &[(HeaderName, &'static str)]) -> Wanted {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let version = Version::new(10, 784_111_777_500_000_000, 7, SystemTime::now());
        assert_eq!(version.etag, "\"a-ae1b981da166f00-7\"");
        wanted(&headers.collect(), &version, 10, true)
    }

    #[test]
    fn single_ranges_are_understood() {
        for (range, wanted) in [
            ("bytes=0-3", Wanted::Part(0..4)),
            ("bytes=8-", Wanted::Part(8..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("Bytes = 0-99999999999999999999999", Wanted::Part(0..10)),
            ("bytes=10-", Wanted::NoSuchPart),
            ("bytes=-0", Wanted::NoSuchPart),
            ("bytes=99999999999999999999999-", Wanted::NoSuchPart),
            ("bytes=3-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(ask(&[(header::RANGE, range)]), wanted, "{range}");
        }
        let version = Version::new(0, 0, 1, SystemTime::now());
        let headers = [(header::RANGE, HeaderValue::from_static("bytes=0-"))].into_iter().collect();
        assert_eq!(wanted(&headers, &version, 0, true), Wanted::NoSuchPart);
    }

    #[test]
    fn versions_are_told_apart() {
        let (etag, weak) = ("\"a-ae1b981da166f00-7\"", "W/\"a-ae1b981da166f00-7\"");
        let part = (header::RANGE, "bytes=0-3");
        for (headers, wanted) in [
            (vec![(header::IF_NONE_MATCH, etag)], Wanted::NotModified),
            (vec![(header::IF_NONE_MATCH, weak)], Wanted::NotModified),
            (vec![(header::IF_NONE_MATCH, "\"b\", *")], Wanted::NotModified),
            (vec![(header::IF_NONE_MATCH, "\"b\""), (header::IF_MODIFIED_SINCE, DATE)], Wanted::Whole),
            (vec![(header::IF_MODIFIED_SINCE, DATE)], Wanted::NotModified),
            (vec![(header::IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT")], Wanted::Whole),
            (vec![(header::IF_MATCH, "\"b\"")], Wanted::Otherwise),
            (vec![(header::IF_MATCH, weak)], Wanted::Otherwise),
            (vec![(header::IF_MATCH, etag)], Wanted::Whole),
            (vec![(header::IF_UNMODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT")], Wanted::Otherwise),
            (vec![part.clone(), (header::IF_RANGE, etag)], Wanted::Part(0..4)),
            (vec![part.clone(), (header::IF_RANGE, weak)], Wanted::Whole),
            (vec![part.clone(), (header::IF_RANGE, "\"b\"")], Wanted::Whole),
            (vec![part.clone(), (header::IF_RANGE, DATE)], Wanted::Part(0..4)),
            (vec![part, (header::IF_RANGE, "Sun, 06 Nov 1994 08:49:38 GMT")], Wanted::Whole),
        ] {
            assert_eq!(ask(&headers), wanted, "{headers:?}");
        }
    }

    #[test]
    fn no_date_is_given_that_cannot_be_said() {
        let now = SystemTime::now();
        let modified = |mtime_ns| Version::new(0, mtime_ns, 1, now).modified;
        assert_eq!(modified(-2_000_000_000), None);
        assert_eq!(modified(i64::MAX), None);
        assert_eq!(modified(0), Some(UNIX_EPOCH));
    }
}
