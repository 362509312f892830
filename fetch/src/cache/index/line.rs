//! One line of the index: what is known of one file, with a checksum of itself. Must not know which lines count, nor
//! where files come from.

use std::borrow::Cow;
use std::fs::Metadata;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::super::place::is_ours;
use crate::hash::Digest;

/// What identifies one state of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Its inode number.
    pub inode: u64,
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Stamp {
            size_bytes: metadata.size(),
            mtime_ns: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
            inode: metadata.ino(),
        }
    }
}

/// One verified file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it lies, relative to the cache folder.
    pub path: String,
    /// Its state when it was verified.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// The boot of the machine in which this holds: its bytes may be lost at the next crash. Without, they are durable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boot: Option<String>,
    /// Where it came from, without secrets.
    pub url: String,
    /// For whom it came, where that could matter: see `visitors`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub who: Option<String>,
    /// Its sha256 first, then those of other algorithms that were computed, each as `alg:hex`.
    pub digests: Vec<String>,
    /// The server's `ETag`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
    /// The server's `Last-Modified`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_modified: Option<String>,
}

impl Entry {
    /// The sha256 as `sha256:hex`.
    pub fn sha256(&self) -> &str {
        self.digests.first().map_or("", String::as_str)
    }

    /// Whether the file has the digest; `None` when that algorithm was never computed for it.
    pub fn has(&self, digest: &Digest) -> Option<bool> {
        let (name, wanted) = (digest.algorithm().name(), digest.hex());
        let known = self.digests.iter().filter_map(|known| known.split_once(':'));
        known.filter(|(other, _)| *other == name).map(|(_, hex)| hex == wanted).next()
    }
}

/// A line that says that a file was removed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Forgotten {
    /// Where it lay.
    pub forgotten: String,
}

/// Which file a line is about, and whether it says that it was removed.
#[derive(Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// Where the file lies that it tells of.
    Known(Cow<'a, str>),
    /// Where the file lay that was removed.
    Gone(Cow<'a, str>),
}

/// The keys that tell it; one of them is there.
#[derive(Deserialize)]
struct Paths<'a> {
    #[serde(borrow, default)]
    path: Cow<'a, str>,
    #[serde(borrow, default)]
    forgotten: Cow<'a, str>,
}

/// How a line begins; 16 hexadecimal digits follow.
const SUM: &[u8] = b"{\"sum\":\"";
/// What stands between the digits and the line's own keys.
const AFTER_SUM: &[u8] = b"\",";

/// `{"sum":"<xxh3 of what follows>",<the line's JSON without its first bracket>`.
pub fn write(lines: &mut Vec<u8>, line: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(line)?;
    lines.extend_from_slice(SUM);
    write!(lines, "{:016x}", xxh3_64(&text[1..]))?;
    lines.extend_from_slice(AFTER_SUM);
    lines.extend_from_slice(&text[1..]);
    lines.push(b'\n');
    Ok(())
}

/// Which file a line is about; nothing for one that is not as it was written.
pub fn about(line: &[u8]) -> Option<About<'_>> {
    let Paths { path, forgotten } = serde_json::from_slice(whole(line)?).ok()?;
    match (path.is_empty(), forgotten.is_empty()) {
        (false, true) => Some(About::Known(path)),
        (true, false) => Some(About::Gone(forgotten)),
        _ => None,
    }
}

/// What a line tells of a file; nothing for one that is not as it was written, that says that the file was removed,
/// or that names what no file here is called.
pub fn read(line: &[u8]) -> Option<Entry> {
    let entry: Entry = serde_json::from_slice(whole(line)?).ok()?;
    is_ours(&entry.path).then_some(entry)
}

/// The line, when its checksum is right.
fn whole(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (digits, rest) = line.strip_prefix(SUM)?.split_at_checked(16)?;
    let sum = u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    let text = rest.strip_prefix(AFTER_SUM)?;
    (xxh3_64(text) == sum).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_names_what_lies_outside_is_none() -> io::Result<()> {
        let stamp = Stamp { size_bytes: 1, mtime_ns: 1, inode: 2 };
        let (url, digests) = ("http://h/x".to_owned(), vec!["sha256:00".to_owned()]);
        let entry = |path: &str| {
            let (path, url, digests) = (path.to_owned(), url.clone(), digests.clone());
            Entry { path, stamp, boot: None, url, who: None, digests, etag: None, last_modified: None }
        };
        for path in ["../x", "/etc/passwd", ".fetch/index.lock", "a/../../x", "a//b", ""] {
            let mut line = Vec::new();
            write(&mut line, &entry(path))?;
            assert!(read(&line).is_none(), "{path}");
        }
        let mut line = Vec::new();
        write(&mut line, &entry("a \"b\""))?;
        assert_eq!(read(&line), Some(entry("a \"b\"")));
        assert_eq!(about(&line), Some(About::Known("a \"b\"".into())));
        Ok(())
    }
}
