//! The verified cache: which files are there, whole and right. Must not know how a file is transferred.

mod index;
mod place;

pub use index::{Entry, Stamp};
pub use place::Layout;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::fs::{AtomicFile, FileError, Lock};

use crate::error::Problem;
use crate::hash::{Algorithm, Digest, Hasher};
use crate::source::Request;
use index::Index;

/// How a file that is there is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Verify {
    /// By size, time of writing and inode, which were noted when it was hashed
    #[default]
    Stat,
    /// By hashing it again
    Full,
}

/// A cache folder.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    layout: Layout,
    index: Mutex<Index>,
}

/// The place of one request's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Relative to the cache folder, parts apart by `/`.
    pub relative: String,
    /// The whole path.
    pub path: PathBuf,
}

impl Cache {
    /// Opens the cache folder `root`, which need not exist.
    pub fn open(root: &Path, layout: Layout) -> Result<Cache, FileError> {
        let index = Index::open(&root.join(place::CONTROL))?;
        Ok(Cache { root: root.to_owned(), layout, index: Mutex::new(index) })
    }

    /// Where the file of a request lies or will lie.
    pub fn place(&self, request: &Request) -> Result<Place, Problem> {
        let relative = place::relative_path(self.layout, request)?;
        let path = self.root.join(&relative);
        Ok(Place { relative, path })
    }

    /// The lock under which the file at a place is made: one maker among all processes.
    ///
    /// There are 4096 of them, so that two downloads seldom wait for one another and the folder stays small.
    pub fn lock(&self, place: &Place) -> Result<Lock, FileError> {
        let stripe = &place::short_hash(&place.relative)[..3];
        Lock::acquire(&self.root.join(place::CONTROL).join("locks").join(stripe))
    }

    /// The file at a place, when the index and its stat tell that it is the one asked for.
    pub fn stat_hit(&self, place: &Place, request: &Request) -> Option<Entry> {
        let entry = self.index().get(&place.relative)?.clone();
        let wanted = wanted(request, Some(&entry))?;
        let same = stamp(&place.path) == Some(entry.stamp);
        (same && entry.has(&wanted) == Some(true)).then_some(entry)
    }

    /// The file at a place, when its bytes have the digest asked for; the index then knows it.
    pub fn hash_hit(&self, place: &Place, request: &Request) -> Result<Option<Entry>, FileError> {
        let known = self.index().get(&place.relative).cloned();
        let Some(wanted) = wanted(request, known.as_ref()) else { return Ok(None) };
        let Some(stamp) = stamp(&place.path) else { return Ok(None) };
        let hasher = Hasher::new([Algorithm::Sha256, wanted.algorithm()]);
        let read = File::open(&place.path).and_then(|file| hasher.read(file));
        let (digests, _) = read.map_err(FileError::at("read", &place.path))?;
        if !digests.contains(&wanted) {
            return Ok(None);
        }
        // What is known of other bytes, such as their ETag, does not hold for these.
        let known = known.filter(|known| digests[0].to_string() == known.sha256());
        let url = known.as_ref().map(|known| known.url.clone());
        let url = url.or_else(|| Some(request.addresses.first()?.to_string())).unwrap_or_default();
        let (etag, last_modified) = known.map(|known| (known.etag, known.last_modified)).unwrap_or_default();
        let entry = Entry { etag, last_modified, ..Entry::new(place, stamp, url, &digests) };
        self.index().add(entry.clone())?;
        Ok(Some(entry))
    }

    /// Takes in what other processes have learnt.
    pub fn refresh(&self) -> Result<(), FileError> {
        self.index().refresh()
    }

    /// Begins the file of a place; it is published by [`Cache::publish`] or leaves nothing behind.
    pub fn create(&self, place: &Place) -> Result<AtomicFile, Problem> {
        place::check_links(&self.root, &place.relative)?;
        Ok(AtomicFile::create(&place.path)?)
    }

    /// Moves a verified file into its place, durably, and notes it in the index.
    pub fn publish(&self, file: AtomicFile, entry: Entry) -> Result<(), FileError> {
        file.commit()?;
        self.index().add(entry)
    }

    /// All files of the index that are still there, with their paths.
    pub fn list(&self) -> Vec<(PathBuf, Entry)> {
        let index = self.index();
        let with_path = index.entries().map(|entry| (self.root.join(&entry.path), entry.clone()));
        with_path.filter(|(path, _)| path.is_file()).collect()
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// An entry for a file that was just verified.
    pub fn new(place: &Place, stamp: Stamp, url: String, digests: &[Digest]) -> Entry {
        Entry {
            path: place.relative.clone(),
            stamp,
            url,
            digests: digests.iter().map(Digest::to_string).collect(),
            etag: None,
            last_modified: None,
        }
    }
}

/// The digest that a file must have: the one asked for, else the one it had when it came from the same URL.
fn wanted(request: &Request, known: Option<&Entry>) -> Option<Digest> {
    if let Some(expected) = &request.expected {
        return Some(expected.clone());
    }
    let known = known?;
    let same_source = request.addresses.iter().any(|address| address.to_string() == known.url);
    same_source.then(|| known.sha256().parse().ok()).flatten()
}

/// Never follows a link: what lies in the cache is a file.
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = path.symlink_metadata().ok()?;
    metadata.is_file().then(|| Stamp::from(&metadata))
}
