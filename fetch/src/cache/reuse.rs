//! Content that is there under another name, in this cache folder or the one that all share, put into a further place
//! instead of being got again. Must not know where files come from.
//!
//! The file shares its blocks with the other one where the file system can do that (`FICLONE`: Btrfs, XFS, bcachefs),
//! and is a copy elsewhere. It is never a hard link: then an edit of one project's file would spoil the others'.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use common::fs::FileError;

use super::index::{Entry, Index, Stamp};
use super::partial::Partial;
use super::place::CONTROL;
use super::settle::outlived;
use super::{Cache, Place, Verify, state};
use crate::hash::{Algorithm, CHUNK, Digest, Hasher};

/// The digests whose files are being got, so that content which two requests of a run ask for is got once.
#[derive(Debug, Default)]
pub struct UnderWay {
    digests: Mutex<HashSet<Digest>>,
    ended: Condvar,
}

/// A digest that is being seen to; others may go on when it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    under_way: &'a UnderWay,
    digest: Digest,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.under_way.digests.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.digest);
        self.under_way.ended.notify_all();
    }
}

impl Cache {
    /// Waits until no other request of this run gets content with this digest. The place must be held before: who
    /// waits for a place never has a turn.
    pub fn turn(&self, digest: &Digest) -> Turn<'_> {
        let UnderWay { digests, ended } = &self.under_way;
        let taken = |digests: &mut HashSet<Digest>| digests.contains(digest);
        let digests = digests.lock().unwrap_or_else(PoisonError::into_inner);
        let mut digests = ended.wait_while(digests, taken).unwrap_or_else(PoisonError::into_inner);
        digests.insert(digest.clone());
        Turn { under_way: &self.under_way, digest: digest.clone() }
    }

    /// Fills the partial of a place with content that is there elsewhere and has these digests, and gives all digests
    /// that are known of it; nothing when there is none.
    pub fn reuse(
        &self,
        place: &Place,
        partial: &mut Partial,
        digests: &[Digest],
        verify: Verify,
    ) -> Result<Option<Vec<Digest>>, FileError> {
        let Some(first) = digests.first() else { return Ok(None) };
        let mut candidates: Vec<_> =
            self.index().with_digest(first).into_iter().map(|entry| (&self.root, entry)).collect();
        if let Some((root, index)) = &self.others {
            let index = index.get_or_init(|| Index::open(&root.join(CONTROL)).ok().map(Mutex::new));
            if let Some(index) = index {
                let found = index.lock().unwrap_or_else(PoisonError::into_inner).with_digest(first);
                candidates.extend(found.into_iter().map(|entry| (root, entry)));
            }
        }
        candidates.retain(|(root, entry)| root.join(&entry.path) != place.path);
        for (root, entry) in candidates {
            if digests[1..].iter().any(|digest| entry.has(digest) == Some(false)) {
                continue;
            }
            let source = root.join(&entry.path);
            let filled = fill(partial, &source, &entry, digests, verify);
            if let Some(known) = filled.map_err(FileError::at("write", &place.path))? {
                return Ok(Some(known));
            }
            partial.restart(None).map_err(FileError::at("write", &place.path))?;
        }
        Ok(None)
    }
}

/// Only the partial's errors are errors; a source that cannot be read or has changed is none.
fn fill(
    partial: &mut Partial,
    source: &Path,
    entry: &Entry,
    digests: &[Digest],
    verify: Verify,
) -> io::Result<Option<Vec<Digest>>> {
    let unchanged = || state(source).is_some_and(|state| Stamp::from(&state) == entry.stamp);
    let Ok(mut file) = File::open(source) else { return Ok(None) };
    if !unchanged() {
        return Ok(None);
    }
    partial.restart(None)?;
    let trusted =
        verify == Verify::Stat && !outlived(entry) && digests.iter().all(|one| entry.has(one).is_some());
    if trusted && rustix::fs::ioctl_ficlone(partial.file(), &file).is_ok() {
        // Looked at again, as it may have been written to in between.
        let known = entry.digests.iter().filter_map(|digest| digest.parse().ok());
        return Ok(unchanged().then(|| known.collect()));
    }
    partial.restart(None)?;
    let mut hasher =
        Hasher::new([Algorithm::Sha256].into_iter().chain(digests.iter().map(Digest::algorithm)));
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Ok(None),
        };
        hasher.update(&chunk[..read]);
        partial.write_all(&chunk[..read])?;
    }
    let known = hasher.finish();
    Ok(digests.iter().all(|digest| known.contains(digest)).then_some(known))
}
