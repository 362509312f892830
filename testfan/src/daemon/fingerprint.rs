//! Whether files and folders are what they were. Must not know who read them, nor what follows when they are not.
//!
//! A file whose status (`stat`) is the same is the same: every write changes its `ctime`, which no program can set
//! back. Where it differs, the content of a file of the project decides, and the names in a folder.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

/// The clock of files may be behind by a tick of the kernel's timer, 10 ms at most.
pub const TICK: Duration = Duration::from_millis(20);
/// A longer file has changed when its status has.
const LONGEST: u64 = 16 << 20;
/// A project with more folders is not looked through before each run.
const MOST_FOLDERS: usize = 20_000;
/// Folders that hold no input: caches, version control, other interpreters' packages.
const PASSED_OVER: [&str; 10] = [
    ".git",
    ".hg",
    ".hypothesis",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    "__pycache__",
    "node_modules",
];

/// What a set of files and folders was.
#[derive(Debug)]
pub struct Fingerprint {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    path: PathBuf,
    status: Option<Status>,
    /// The content, or the names in a folder; none where the status alone counts.
    content: Option<blake3::Hash>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Status {
    device: u64,
    inode: u64,
    mode: u32,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What is to be looked at.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Files, there or not.
    pub files: Vec<PathBuf>,
    /// Folders, of which the names count.
    pub folders: Vec<PathBuf>,
    /// Folders of which the names count, and those of all folders below.
    pub roots: Vec<PathBuf>,
}

/// Why there is no fingerprint.
#[derive(Debug, thiserror::Error)]
pub enum Unsteady {
    /// It may have been read before it changed.
    #[error("{} changed while it was read", .0.display())]
    Changed(PathBuf),
    /// Looking at them all would take longer than it saves.
    #[error("{} has more than {MOST_FOLDERS} folders below it", .0.display())]
    TooMany(PathBuf),
}

impl Fingerprint {
    /// Of inputs that were read after `began`.
    pub fn take(inputs: &Inputs, began: SystemTime) -> Result<Fingerprint, Unsteady> {
        let mut folders: BTreeSet<PathBuf> = inputs.folders.iter().cloned().collect();
        for root in &inputs.roots {
            walk(root, &mut folders)?;
        }
        let files: BTreeSet<&PathBuf> = inputs.files.iter().collect();
        let mut paths: Vec<(PathBuf, bool)> = files.into_iter().cloned().map(|path| (path, false)).collect();
        paths.extend(folders.into_iter().map(|path| (path, true)));
        let entries: Vec<Entry> = paths
            .into_par_iter()
            .map(|(path, folder)| {
                let hashed = folder || inputs.roots.iter().any(|root| path.starts_with(root));
                let status = status(&path);
                let content = if hashed { content(&path, status) } else { None };
                Entry { path, status, content }
            })
            .collect();
        let limit = began.checked_sub(TICK).unwrap_or(began);
        let limit = limit.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let limit = (i64::try_from(limit.as_secs()).unwrap_or(i64::MAX), i64::from(limit.subsec_nanos()));
        // Of a folder only the names count, and writing bytecode beside its files leaves them as they are.
        let late = entries
            .iter()
            .find(|entry| entry.status.is_some_and(|at| !at.is_folder() && at.changed >= limit));
        match late {
            Some(entry) => Err(Unsteady::Changed(entry.path.clone())),
            None => Ok(Fingerprint { entries }),
        }
    }

    /// Something that is not what it was, if there is anything.
    pub fn changed(&mut self) -> Option<PathBuf> {
        self.entries.par_iter_mut().find_map_any(|entry| (!entry.holds()).then(|| entry.path.clone()))
    }

    /// Everything of both.
    pub fn extend(&mut self, other: Fingerprint) {
        self.entries.extend(other.entries);
    }
}

impl Entry {
    /// Whether it is what it was; a status that is new while the content is not is remembered.
    fn holds(&mut self) -> bool {
        let now = status(&self.path);
        if now == self.status {
            return true;
        }
        let same_kind = now.map(|now| now.mode) == self.status.map(|then| then.mode);
        if !same_kind || self.content.is_none() || content(&self.path, now) != self.content {
            return false;
        }
        self.status = now;
        true
    }
}

impl Status {
    fn is_folder(self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }
}

fn status(path: &Path) -> Option<Status> {
    path.metadata().ok().map(|data: Metadata| Status {
        device: data.dev(),
        inode: data.ino(),
        mode: data.mode(),
        size: data.size(),
        modified: (data.mtime(), data.mtime_nsec()),
        changed: (data.ctime(), data.ctime_nsec()),
    })
}

/// None where there is no telling.
fn content(path: &Path, status: Option<Status>) -> Option<blake3::Hash> {
    let status = status?;
    if status.is_folder() {
        let mut names = blake3::Hasher::new();
        for name in names_in(path).ok()? {
            names.update(&name);
            names.update(b"\0");
        }
        return Some(names.finalize());
    }
    // Nothing but a plain file can be read without consequences.
    if status.mode & libc::S_IFMT != libc::S_IFREG || status.size > LONGEST {
        return None;
    }
    std::fs::read(path).ok().map(|text| blake3::hash(&text))
}

/// Sorted, without those that are no input.
fn names_in(folder: &Path) -> io::Result<BTreeSet<Vec<u8>>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !is_passed_over(&name) {
            names.insert(name.as_bytes().to_vec());
        }
    }
    Ok(names)
}

/// Whether a file or folder of this name is an input of nothing.
pub fn is_passed_over(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    bytes.starts_with(b".coverage")
        || bytes.ends_with(b".pyc")
        || PASSED_OVER.iter().any(|other| name == *other)
}

/// The folders below and including this one in which there may be inputs.
pub fn folders(root: &Path) -> Result<BTreeSet<PathBuf>, Unsteady> {
    let mut found = BTreeSet::new();
    walk(root, &mut found)?;
    Ok(found)
}

fn walk(root: &Path, found: &mut BTreeSet<PathBuf>) -> Result<(), Unsteady> {
    let mut left = vec![root.to_owned()];
    let mut count = 0;
    while let Some(folder) = left.pop() {
        count += 1;
        if count > MOST_FOLDERS {
            return Err(Unsteady::TooMany(root.to_owned()));
        }
        let entries = std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        // A virtual environment's packages count as far as they are imported.
        let below = below.filter(|entry| !PASSED_OVER.iter().any(|name| entry.file_name() == *name));
        left.extend(below.map(|entry| entry.path()).filter(|path| !path.join("pyvenv.cfg").exists()));
        found.insert(folder);
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn inputs(root: &Path) -> Inputs {
        Inputs {
            files: vec![root.join("a.py"), root.join("missing.py")],
            folders: vec![],
            roots: vec![root.into()],
        }
    }

    /// A project, and the time at which it was there.
    fn project() -> (tempfile::TempDir, SystemTime) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("a.py"), "one").unwrap();
        (folder, SystemTime::now() + 3 * TICK)
    }

    #[test]
    fn what_is_written_made_or_removed_is_a_change() {
        let changes: [fn(&Path); 6] = [
            |root| std::fs::write(root.join("a.py"), "two").unwrap(),
            |root| std::fs::write(root.join("missing.py"), "").unwrap(),
            |root| std::fs::write(root.join("sub/new.py"), "").unwrap(),
            |root| std::fs::remove_file(root.join("a.py")).unwrap(),
            |root| std::fs::create_dir(root.join("sub/new")).unwrap(),
            |root| {
                std::fs::remove_file(root.join("a.py")).unwrap();
                std::fs::create_dir(root.join("a.py")).unwrap();
            },
        ];
        for (number, change) in changes.iter().enumerate() {
            let (folder, then) = project();
            let mut print = Fingerprint::take(&inputs(folder.path()), then).unwrap();
            assert_eq!(print.changed(), None);
            change(folder.path());
            assert!(print.changed().is_some(), "{number}");
        }
    }

    #[test]
    fn what_comes_to_the_same_is_none() {
        let (folder, then) = project();
        let mut print = Fingerprint::take(&inputs(folder.path()), then).unwrap();
        std::fs::write(folder.path().join("a.py"), "one").unwrap();
        std::fs::create_dir(folder.path().join("__pycache__")).unwrap();
        std::fs::write(folder.path().join("new"), "").unwrap();
        std::fs::remove_file(folder.path().join("new")).unwrap();
        assert_eq!(print.changed(), None);
        std::fs::write(folder.path().join("a.py"), "two").unwrap();
        assert_eq!(print.changed(), Some(folder.path().join("a.py")));
    }

    #[test]
    fn what_changed_while_it_was_read_is_not_trusted() {
        let (folder, _) = project();
        let began = SystemTime::now();
        std::fs::write(folder.path().join("a.py"), "two").unwrap();
        let taken = Fingerprint::take(&inputs(folder.path()), began);
        assert!(matches!(taken, Err(Unsteady::Changed(path)) if path.ends_with("a.py")));
    }
}
