//! What is known of the files in a cache folder, so that a hit costs a stat instead of a hash.
//! Must not know where files come from.
//!
//! A log of JSON lines, each with a checksum of itself: the last one of a path counts, and may say that the file was
//! removed. Lines are added under a lock, those of a batch by one write; a line that was cut short or spoilt is passed
//! over, and its file is hashed again. The log is rewritten whole, atomically, once
//! most of its lines are out of date. What a line vouches for after a crash: see `settle`.
//!
//! A cache may hold a million files and a run may ask for one of them. So what is kept is where the lines stand, and a
//! line is read when somebody asks for its file.

mod line;

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use common::fs::{AtomicFile, FileError, Lock};
use serde::Serialize;

use crate::hash::{CHUNK, Digest};
use line::{About, Forgotten};
pub use line::{Entry, Stamp};

/// So many lines out of date are no reason to rewrite a log.
const SLACK: usize = 1000;

/// One of so many files with the same content will do.
const ALIKE: usize = 8;

/// Stands for a path or a digest, which take too much room: hashed by a key that nobody outside this process knows,
/// so that nobody can make up two paths which share one. Should two do so all the same, one of them is not known.
type Short = u64;

/// Where a line stands in the log.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: u64,
    bytes: u32,
}

/// The index of one cache folder, as far as it was read.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    lock: PathBuf,
    /// The log, open: what others may put in its place has other lines.
    log: Option<File>,
    keys: RandomState,
    /// The line that counts, by path.
    spans: HashMap<Short, Span>,
    /// What this process knows of files that are not in the log yet, by path.
    unsettled: HashMap<Short, Entry>,
    /// Digests with their paths, once somebody asked; may name too many, never too few.
    by_digest: Option<BTreeSet<(Short, Short)>>,
    lines: usize,
    /// The inode of the log, and how many of its bytes were read.
    read: (u64, u64),
}

impl Index {
    /// Reads the index in `folder`, which need not exist.
    pub fn open(folder: &Path) -> Result<Index, FileError> {
        let mut index = Index {
            path: folder.join("index.jsonl"),
            lock: folder.join("index.lock"),
            log: None,
            keys: RandomState::new(),
            spans: HashMap::new(),
            unsettled: HashMap::new(),
            by_digest: None,
            lines: 0,
            read: (0, 0),
        };
        index.refresh()?;
        if index.lines > 2 * index.spans.len() + SLACK {
            // Where it cannot be rewritten, it is only longer than it need be.
            let _ = index.rewrite();
        }
        Ok(index)
    }

    /// What is known of the file at `path`.
    pub fn get(&self, path: &str) -> Option<Entry> {
        self.entry(self.short(path)).filter(|entry| entry.path == path)
    }

    /// All entries of the log, sorted by path.
    pub fn entries(&self) -> Vec<Entry> {
        let read = |span: Span| line::read(&self.line(span).ok()?);
        let mut entries: Vec<Entry> = self.in_order().into_iter().filter_map(read).collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }

    /// Takes in what other processes have added.
    pub fn refresh(&mut self) -> Result<(), FileError> {
        self.read_on().map_err(FileError::at("read the cache index", &self.path))
    }

    /// Notes what is now known of a file for this process alone, until [`Index::add`] is called for it.
    pub fn note(&mut self, entry: Entry) {
        self.remember(&entry);
        self.unsettled.insert(self.short(&entry.path), entry);
    }

    /// Where files with this digest lie, as far as the index knows; some of them when they are many.
    pub fn with_digest(&mut self, digest: &Digest) -> Vec<Entry> {
        let wanted = digest.to_string();
        if self.by_digest.is_none() && self.read_digests().is_err() {
            return Vec::new();
        }
        let short = self.short(&wanted);
        let paths = self.by_digest.iter().flat_map(|known| known.range((short, 0)..=(short, Short::MAX)));
        let entries = paths.filter_map(|(_, path)| self.entry(*path));
        entries.filter(|entry| entry.digests.contains(&wanted)).take(ALIKE).collect()
    }

    /// Forgets files, for this process and all others.
    pub fn forget(&mut self, paths: &[String]) -> Result<(), FileError> {
        let lines: Vec<Forgotten> = paths.iter().map(|path| Forgotten { forgotten: path.clone() }).collect();
        self.append(&lines)?;
        for path in paths {
            self.unsettled.remove(&self.short(path));
        }
        Ok(())
    }

    /// Adds what is now known of files, for this process and all others.
    pub fn add(&mut self, entries: &[Entry]) -> Result<(), FileError> {
        self.append(entries)?;
        for entry in entries {
            let short = self.short(&entry.path);
            if self.unsettled.get(&short).is_some_and(|noted| noted.stamp == entry.stamp) {
                self.unsettled.remove(&short);
            }
        }
        Ok(())
    }

    fn short(&self, text: &str) -> Short {
        self.keys.hash_one(text)
    }

    fn entry(&self, path: Short) -> Option<Entry> {
        let unsettled = self.unsettled.get(&path).cloned();
        unsettled.or_else(|| line::read(&self.line(*self.spans.get(&path)?).ok()?))
    }

    fn line(&self, span: Span) -> io::Result<Vec<u8>> {
        let Some(log) = &self.log else { return Err(io::ErrorKind::NotFound.into()) };
        let mut line = vec![0; span.bytes as usize];
        log.read_exact_at(&mut line, span.from)?;
        Ok(line)
    }

    /// The lines that count, as they stand in the log.
    fn in_order(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = self.spans.values().copied().collect();
        spans.sort_by_key(|span| span.from);
        spans
    }

    fn remember(&mut self, entry: &Entry) {
        let path = self.short(&entry.path);
        if let Some(by_digest) = &mut self.by_digest {
            by_digest.extend(entry.digests.iter().map(|digest| (self.keys.hash_one(digest.as_str()), path)));
        }
    }

    /// Reads the digests of all files.
    fn read_digests(&mut self) -> io::Result<()> {
        self.by_digest = Some(BTreeSet::new());
        for entry in self.unsettled.values().cloned().collect::<Vec<_>>() {
            self.remember(&entry);
        }
        for span in self.in_order() {
            let text = self.line(span).inspect_err(|_| self.by_digest = None)?;
            if let Some(entry) = &line::read(&text) {
                self.remember(entry);
            }
        }
        Ok(())
    }

    /// Adds lines, and takes in what others have added before.
    fn append(&mut self, entries: &[impl Serialize]) -> Result<(), FileError> {
        let _lock = Lock::acquire(&self.lock)?;
        self.write(entries).map_err(FileError::at("write the cache index", &self.path))?;
        self.refresh()
    }

    fn write(&self, entries: &[impl Serialize]) -> io::Result<()> {
        let mut log = OpenOptions::new().create(true).append(true).read(true).open(&self.path)?;
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
            line::write(&mut lines, entry)?;
        }
        log.write_all(&lines)
    }

    fn read_on(&mut self) -> io::Result<()> {
        match self.path.metadata() {
            Ok(metadata) if (metadata.ino(), metadata.len()) == self.read => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        let log = File::open(&self.path)?;
        let metadata = log.metadata()?;
        let (inode, read) = self.read;
        if inode != metadata.ino() || metadata.len() < read {
            (self.spans, self.lines, self.read) = (HashMap::new(), 0, (metadata.ino(), 0));
        }
        let left = usize::try_from(metadata.len() - self.read.1).unwrap_or(CHUNK);
        let mut input = BufReader::with_capacity(left.min(CHUNK), &log);
        input.seek(SeekFrom::Start(self.read.1))?;
        let mut line = Vec::new();
        // What stands behind the last line's end is still being written.
        while input.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            self.take(&line);
            line.clear();
        }
        self.log = Some(log);
        Ok(())
    }

    /// Takes in the next line of the log.
    fn take(&mut self, text: &[u8]) {
        let from = self.read.1;
        self.read.1 += text.len() as u64;
        self.lines += 1;
        // No path is so long that its line is longer than that.
        let Ok(bytes) = u32::try_from(text.len()) else { return };
        match line::about(text) {
            Some(About::Known(path)) => {
                let path = self.short(&path);
                self.spans.insert(path, Span { from, bytes });
                if self.by_digest.is_some()
                    && let Some(entry) = line::read(text)
                {
                    self.remember(&entry);
                }
            }
            Some(About::Gone(path)) => {
                self.spans.remove(&self.short(&path));
            }
            None => {}
        }
    }

    fn rewrite(&mut self) -> Result<(), FileError> {
        let _lock = Lock::acquire(&self.lock)?;
        self.refresh()?;
        let failed = |error| FileError::at("write the cache index", &self.path)(error);
        let mut log = BufWriter::new(AtomicFile::create(&self.path)?);
        for span in self.in_order() {
            self.line(span).and_then(|line| log.write_all(&line)).map_err(failed)?;
        }
        log.into_inner().map_err(|error| failed(error.into_error()))?.commit()?;
        self.refresh()
    }
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

    fn paths(index: &Index) -> Vec<String> {
        index.entries().into_iter().map(|entry| entry.path).collect()
    }

    #[test]
    fn two_processes_see_what_the_other_adds() -> Result<(), FileError> {
        let folder = tempfile::tempdir().map_err(FileError::at("make", Path::new("temp")))?;
        let (mut one, mut two) = (Index::open(folder.path())?, Index::open(folder.path())?);
        one.add(&[entry("a", 1)])?;
        two.add(&[entry("b", 2)])?;
        one.refresh()?;
        two.refresh()?;
        assert_eq!(one.entries(), two.entries());
        assert_eq!(one.entries().len(), 2);
        Ok(())
    }

    #[test]
    fn a_line_cut_short_costs_only_itself() -> Result<(), FileError> {
        let folder = tempfile::tempdir().map_err(FileError::at("make", Path::new("temp")))?;
        let mut index = Index::open(folder.path())?;
        index.add(&[entry("a", 1)])?;
        let cut = |error| FileError::at("cut", Path::new("index"))(error);
        let mut log = OpenOptions::new().append(true).open(&index.path).map_err(cut)?;
        log.write_all(b"{\"path\":\"b\",\"si").map_err(cut)?;
        index.add(&[entry("c", 3)])?;
        let again = Index::open(folder.path())?;
        assert_eq!(paths(&again), ["a", "c"]);
        Ok(())
    }

    #[test]
    fn what_is_forgotten_is_forgotten_by_all() -> Result<(), FileError> {
        let folder = tempfile::tempdir().map_err(FileError::at("make", Path::new("temp")))?;
        let (mut one, mut two) = (Index::open(folder.path())?, Index::open(folder.path())?);
        let digest = format!("md5:{}", "0".repeat(32)).parse().unwrap_or_else(|_| unreachable!());
        assert!(one.with_digest(&digest).is_empty());
        one.add(&[Entry { digests: vec![digest.to_string()], ..entry("a", 1) }, entry("b", 1)])?;
        two.refresh()?;
        assert_eq!((one.with_digest(&digest).len(), two.with_digest(&digest).len()), (1, 1));
        two.forget(&["a".into()])?;
        one.refresh()?;
        assert_eq!(paths(&one), ["b"]);
        assert!(one.with_digest(&digest).is_empty() && two.with_digest(&digest).is_empty());
        one.add(&[entry("a", 2)])?;
        assert!(Index::open(folder.path())?.get("a").is_some());
        Ok(())
    }

    #[test]
    fn a_log_spoilt_anywhere_costs_only_what_is_spoilt() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let mut index = Index::open(folder.path())?;
        let given = [entry("a", 1), entry("ü b", 2), entry("c", 3)];
        index.add(&given)?;
        let whole = std::fs::read(&index.path)?;
        let spoilt = |bytes: &[u8]| -> Result<usize, Box<dyn std::error::Error>> {
            std::fs::write(&index.path, bytes)?;
            let again = Index::open(folder.path())?;
            assert!(
                again.entries().iter().all(|entry| given.contains(entry)),
                "{}",
                String::from_utf8_lossy(bytes)
            );
            Ok(again.entries().len())
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
    fn a_log_out_of_date_is_rewritten() -> Result<(), FileError> {
        let folder = tempfile::tempdir().map_err(FileError::at("make", Path::new("temp")))?;
        let mut index = Index::open(folder.path())?;
        for size in 0..SLACK as u64 + 10 {
            index.add(&[entry("a", size)])?;
        }
        Index::open(folder.path())?;
        let again = Index::open(folder.path())?;
        assert_eq!(again.lines, 1);
        assert_eq!(again.get("a").map(|entry| entry.stamp.size_bytes), Some(SLACK as u64 + 9));
        Ok(())
    }
}
