//! What is known of the files in a cache folder, so that a hit costs a stat instead of a hash.
//! Must not know where files come from.
//!
//! A log of JSON lines, each with a checksum of itself: the last one of a path counts, and may say that the file was
//! removed. Lines are added under a lock, those of a batch by one write; a line that was cut short or spoilt is passed
//! over, and its file is hashed again. The log is rewritten whole, atomically, once
//! most of its lines are out of date. What a line vouches for after a crash: see `settle`.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Metadata, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use common::fs::{FileError, Lock, write_atomic};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::place::is_ours;
use crate::hash::Digest;

/// So many lines out of date are no reason to rewrite a log.
const SLACK: usize = 1000;

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
struct Forgotten {
    /// Where it lay.
    forgotten: String,
}

/// What a line of the log says.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Known(Entry),
    Gone(Forgotten),
}

impl Line {
    fn path(&self) -> &str {
        match self {
            Line::Known(entry) => &entry.path,
            Line::Gone(Forgotten { forgotten }) => forgotten,
        }
    }
}

/// Stands for a digest where whole ones take too much room.
fn short(digest: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    digest.hash(&mut hasher);
    hasher.finish()
}

fn remember(by_digest: &mut HashMap<u64, Vec<String>>, entry: &Entry) {
    for digest in &entry.digests {
        let paths = by_digest.entry(short(digest)).or_default();
        if !paths.contains(&entry.path) {
            paths.push(entry.path.clone());
        }
    }
}

/// The index of one cache folder, as far as it was read.
#[derive(Debug)]
pub struct Index {
    log: PathBuf,
    lock: PathBuf,
    entries: BTreeMap<String, Entry>,
    /// What this process knows of files that are not in the log yet.
    unsettled: BTreeMap<String, Entry>,
    /// Paths by digest, once somebody asked; may name too many, never too few.
    by_digest: Option<HashMap<u64, Vec<String>>>,
    lines: usize,
    /// The inode of the log, and how many of its bytes were read.
    read: (u64, u64),
}

impl Index {
    /// Reads the index in `folder`, which need not exist.
    pub fn open(folder: &Path) -> Result<Index, FileError> {
        let mut index = Index {
            log: folder.join("index.jsonl"),
            lock: folder.join("index.lock"),
            entries: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            by_digest: None,
            lines: 0,
            read: (0, 0),
        };
        index.refresh()?;
        if index.lines > 2 * index.entries.len() + SLACK {
            // Where it cannot be rewritten, it is only longer than it need be.
            let _ = index.rewrite();
        }
        Ok(index)
    }

    /// What is known of the file at `path`.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.unsettled.get(path).or_else(|| self.entries.get(path))
    }

    /// All entries of the log, sorted by path.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Takes in what other processes have added.
    pub fn refresh(&mut self) -> Result<(), FileError> {
        self.read_on().map_err(FileError::at("read the cache index", &self.log))
    }

    /// Notes what is now known of a file for this process alone, until [`Index::add`] is called for it.
    pub fn note(&mut self, entry: Entry) {
        self.remember(&entry);
        self.unsettled.insert(entry.path.clone(), entry);
    }

    /// Where a file with this digest lies, as far as the index knows.
    pub fn with_digest(&mut self, digest: &Digest) -> Vec<Entry> {
        let wanted = digest.to_string();
        let has = |entry: &&Entry| entry.digests.contains(&wanted);
        let known = self.entries.values().chain(self.unsettled.values());
        let by_digest = self.by_digest.get_or_insert_with(|| {
            let mut by_digest = HashMap::new();
            known.for_each(|entry| remember(&mut by_digest, entry));
            by_digest
        });
        let paths = by_digest.get(&short(&wanted)).cloned().unwrap_or_default();
        paths.iter().filter_map(|path| self.get(path)).filter(has).cloned().collect()
    }

    fn remember(&mut self, entry: &Entry) {
        if let Some(by_digest) = &mut self.by_digest {
            remember(by_digest, entry);
        }
    }

    /// Forgets files, for this process and all others.
    pub fn forget(&mut self, paths: &[String]) -> Result<(), FileError> {
        let _lock = Lock::acquire(&self.lock)?;
        let lines: Vec<Forgotten> = paths.iter().map(|path| Forgotten { forgotten: path.clone() }).collect();
        self.append(&lines).map_err(FileError::at("write the cache index", &self.log))?;
        for path in paths {
            self.entries.remove(path);
            self.unsettled.remove(path);
        }
        Ok(())
    }

    /// Adds what is now known of files, for this process and all others.
    pub fn add(&mut self, entries: Vec<Entry>) -> Result<(), FileError> {
        let _lock = Lock::acquire(&self.lock)?;
        self.append(&entries).map_err(FileError::at("write the cache index", &self.log))?;
        for entry in entries {
            if self.unsettled.get(&entry.path).is_some_and(|noted| noted.stamp == entry.stamp) {
                self.unsettled.remove(&entry.path);
            }
            self.remember(&entry);
            self.entries.insert(entry.path.clone(), entry);
        }
        Ok(())
    }

    fn append(&self, entries: &[impl Serialize]) -> io::Result<()> {
        let mut log = OpenOptions::new().create(true).append(true).read(true).open(&self.log)?;
        let mut lines = Vec::with_capacity(512 * entries.len());
        // Keep apart from a line that its writer did not get to finish.
        if log.seek(SeekFrom::End(0))? > 0 {
            log.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            log.read_exact(&mut last)?;
            if last != *b"\n" {
                lines.push(b'\n');
            }
        }
        for entry in entries {
            write_line(&mut lines, entry)?;
        }
        log.write_all(&lines)
    }

    fn read_on(&mut self) -> io::Result<()> {
        match self.log.metadata() {
            Ok(metadata) if (metadata.ino(), metadata.len()) == self.read => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        let mut log = File::open(&self.log)?;
        let metadata = log.metadata()?;
        let (inode, read) = self.read;
        if inode != metadata.ino() || metadata.len() < read {
            (self.entries, self.lines, self.read) = (BTreeMap::new(), 0, (metadata.ino(), 0));
        }
        log.seek(SeekFrom::Start(self.read.1))?;
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes)?;
        // What stands behind the last line's end is still being written.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.read.1 += whole as u64;
        for line in bytes[..whole].split_inclusive(|byte| *byte == b'\n') {
            self.lines += 1;
            match read_line(line) {
                Some(Line::Known(entry)) => {
                    self.remember(&entry);
                    self.entries.insert(entry.path.clone(), entry);
                }
                Some(Line::Gone(Forgotten { forgotten })) => {
                    self.entries.remove(&forgotten);
                }
                None => {}
            }
        }
        Ok(())
    }

    fn rewrite(&mut self) -> Result<(), FileError> {
        let _lock = Lock::acquire(&self.lock)?;
        self.refresh()?;
        let mut text = Vec::new();
        for entry in self.entries.values() {
            write_line(&mut text, entry).map_err(FileError::at("write the cache index", &self.log))?;
        }
        write_atomic(&self.log, &text)?;
        self.refresh()
    }
}

/// How a line begins; 16 hexadecimal digits follow.
const SUM: &[u8] = b"{\"sum\":\"";
/// What stands between the digits and the line's own keys.
const AFTER_SUM: &[u8] = b"\",";

/// `{"sum":"<xxh3 of what follows>",<the line's JSON without its first bracket>`.
fn write_line(lines: &mut Vec<u8>, line: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(line)?;
    lines.extend_from_slice(SUM);
    write!(lines, "{:016x}", xxh3_64(&text[1..]))?;
    lines.extend_from_slice(AFTER_SUM);
    lines.extend_from_slice(&text[1..]);
    lines.push(b'\n');
    Ok(())
}

/// What a line says; nothing for one that is not as it was written, or that names what no file here is called.
fn read_line(line: &[u8]) -> Option<Line> {
    let (digits, rest) = line.strip_suffix(b"\n").unwrap_or(line).strip_prefix(SUM)?.split_at_checked(16)?;
    let sum = u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    let text = rest.strip_prefix(AFTER_SUM).filter(|text| xxh3_64(text) == sum)?;
    let line: Line = serde_json::from_slice(&[b"{", text].concat()).ok()?;
    is_ours(line.path()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, size_bytes: u64) -> Entry {
        Entry {
            path: path.into(),
            stamp: Stamp { size_bytes, mtime_ns: 1, inode: 2 },
            boot: None,
            url: "http://h/x".into(),
            who: None,
            digests: vec!["sha256:00".into()],
            etag: None,
            last_modified: None,
        }
    }

    #[test]
    fn two_processes_see_what_the_other_adds() -> Result<(), FileError> {
        let folder = tempfile::tempdir().map_err(FileError::at("make", Path::new("temp")))?;
        let (mut one, mut two) = (Index::open(folder.path())?, Index::open(folder.path())?);
        one.add(vec![entry("a", 1)])?;
        two.add(vec![entry("b", 2)])?;
        one.refresh()?;
        two.refresh()?;
        assert_eq!(one.entries, two.entries);
        assert_eq!(one.entries.len(), 2);
        Ok(())
    }

    #[test]
    fn a_line_cut_short_costs_only_itself() -> Result<(), FileError> {
        let folder = tempfile::tempdir().map_err(FileError::at("make", Path::new("temp")))?;
        let mut index = Index::open(folder.path())?;
        index.add(vec![entry("a", 1)])?;
        let cut = |error| FileError::at("cut", Path::new("index"))(error);
        let mut log = OpenOptions::new().append(true).open(&index.log).map_err(cut)?;
        log.write_all(b"{\"path\":\"b\",\"si").map_err(cut)?;
        index.add(vec![entry("c", 3)])?;
        let again = Index::open(folder.path())?;
        assert_eq!(again.entries.keys().collect::<Vec<_>>(), ["a", "c"]);
        Ok(())
    }

    #[test]
    fn what_is_forgotten_is_forgotten_by_all() -> Result<(), FileError> {
        let folder = tempfile::tempdir().map_err(FileError::at("make", Path::new("temp")))?;
        let (mut one, mut two) = (Index::open(folder.path())?, Index::open(folder.path())?);
        let digest = format!("md5:{}", "0".repeat(32)).parse().unwrap_or_else(|_| unreachable!());
        assert!(one.with_digest(&digest).is_empty());
        one.add(vec![Entry { digests: vec![digest.to_string()], ..entry("a", 1) }, entry("b", 1)])?;
        two.refresh()?;
        assert_eq!((one.with_digest(&digest).len(), two.with_digest(&digest).len()), (1, 1));
        two.forget(&["a".into()])?;
        one.refresh()?;
        assert_eq!(one.entries.keys().collect::<Vec<_>>(), ["b"]);
        assert!(one.with_digest(&digest).is_empty() && two.with_digest(&digest).is_empty());
        one.add(vec![entry("a", 2)])?;
        assert!(Index::open(folder.path())?.get("a").is_some());
        Ok(())
    }

    #[test]
    fn a_log_spoilt_anywhere_costs_only_what_is_spoilt() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let mut index = Index::open(folder.path())?;
        let given = [entry("a", 1), entry("ü b", 2), entry("c", 3)];
        index.add(given.to_vec())?;
        let whole = std::fs::read(&index.log)?;
        let spoilt = |bytes: &[u8]| -> Result<usize, Box<dyn std::error::Error>> {
            std::fs::write(&index.log, bytes)?;
            let again = Index::open(folder.path())?;
            assert!(again.entries().all(|entry| given.contains(entry)), "{}", String::from_utf8_lossy(bytes));
            Ok(again.entries.len())
        };
        for at in 0..whole.len() {
            assert!(spoilt(&whole[..at])? <= 3);
            for flip in [1, 0x20, 0x80, whole[at] ^ b'\n'] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                // A line's end that is gone joins two lines.
                assert!(flip == 0 || spoilt(&bytes)? >= 1);
            }
        }
        assert_eq!(spoilt(&whole)?, 3);
        Ok(())
    }

    #[test]
    fn a_line_that_names_what_lies_outside_is_none() -> io::Result<()> {
        for path in ["../x", "/etc/passwd", ".fetch/index.lock", "a/../../x", "a//b", ""] {
            let mut line = Vec::new();
            write_line(&mut line, &entry(path, 1))?;
            assert!(read_line(&line).is_none(), "{path}");
        }
        Ok(())
    }

    #[test]
    fn a_log_out_of_date_is_rewritten() -> Result<(), FileError> {
        let folder = tempfile::tempdir().map_err(FileError::at("make", Path::new("temp")))?;
        let mut index = Index::open(folder.path())?;
        for size in 0..SLACK as u64 + 10 {
            index.add(vec![entry("a", size)])?;
        }
        Index::open(folder.path())?;
        let again = Index::open(folder.path())?;
        assert_eq!(again.lines, 1);
        assert_eq!(again.get("a").map(|entry| entry.stamp.size_bytes), Some(SLACK as u64 + 9));
        Ok(())
    }
}
