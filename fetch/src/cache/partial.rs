//! A file on its way into its place, which a later run goes on with when this one is killed.
//! Must not know where bytes come from, nor what the index says.
//!
//! It lies at `partial/<key>` of the cache's own folder, one for each place. Who holds it has locked it, and the lock
//! stands for the place as a whole: one maker among all processes. It ends with the process that holds it. Beside it,
//! `<key>.json` tells what its bytes are the beginning of; without that they are nothing that could be gone on with.
//! The order that makes a kill at any moment harmless: notes go before the bytes that they no longer describe, and
//! come before the first of those they do; and they go before the file is published, so that they never lie beside
//! the partial of another process. Bytes behind a gap are written once the notes tell the parts instead of leaving it
//! to the length, and count once the notes name them.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use common::fs::{AtomicFile, FileError};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::hash::{CHUNK, Hasher};

/// So often a folder is made for a file, should it be removed again at the same moment.
const TRIES: usize = 16;

/// How soon a lock that somebody holds is tried again at first; each time it takes twice as long,
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What the bytes of a partial are the beginning of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// The place of the whole file, relative to the cache folder.
    pub place: String,
    /// Where it comes from, without secrets.
    pub url: String,
    /// For whom it came, as an entry of the index has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub who: Option<String>,
    /// Which version of it, in the server's words: what `If-Range` sends back.
    pub validator: String,
    /// Its whole size in bytes, where that is known.
    pub size_bytes: Option<u64>,
    /// The machine's boot in which the first byte was written.
    pub boot: String,
    /// Which of its bytes are there, sorted; without, all of the partial's length.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<Range<u64>>,
}

/// A partial, locked.
#[derive(Debug)]
pub struct Partial {
    file: Arc<File>,
    path: PathBuf,
    notes: Option<Notes>,
    published: bool,
}

impl Partial {
    /// Waits for the partial at `path`, making it and its folder as needed; nothing once `stopped`.
    pub fn acquire(path: &Path, stopped: impl Fn() -> bool) -> Result<Option<Partial>, FileError> {
        loop {
            let file = open(path)?;
            if !wait(|| file.try_lock(), &stopped).map_err(FileError::at("lock", path))? {
                return Ok(None);
            }
            if let Some(partial) = Partial::locked(file, path) {
                return Ok(Some(partial));
            }
            if stopped() {
                return Ok(None);
            }
        }
    }

    /// The partial at `path`, unless somebody holds it.
    pub fn try_acquire(path: &Path) -> Result<Option<Partial>, FileError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Partial::locked(file, path)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(FileError::at("lock", path)(error)),
        }
    }

    /// Nothing when the one who held it before has published or removed it.
    fn locked(file: File, path: &Path) -> Option<Partial> {
        let empty = at(&file, path)?.len() == 0;
        let notes = if empty { None } else { read_notes(path) };
        Some(Partial { file: Arc::new(file), path: path.to_owned(), notes, published: false })
    }

    /// What it is the beginning of, when it has bytes to go on from.
    pub fn notes(&self) -> Option<&Notes> {
        self.notes.as_ref()
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// How many bytes there are.
    pub fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Which bytes are there, of the file that the notes tell of.
    pub fn parts(&self) -> io::Result<Vec<Range<u64>>> {
        let there = self.size_bytes()?;
        let noted = self.notes.iter().flat_map(|notes| &notes.parts);
        let parts: Vec<_> = noted.map(|part| part.start.min(there)..part.end.min(there)).collect();
        Ok(if parts.is_empty() { std::iter::once(0..there).collect() } else { parts })
    }

    /// Notes which bytes are there, all of them written before; nothing for a partial without notes.
    pub fn note_parts(&mut self, parts: &[Range<u64>]) -> io::Result<()> {
        let Some(notes) = &mut self.notes else { return Ok(()) };
        notes.parts = parts.to_vec();
        // Notes half-written must not take the place of whole ones.
        let beside = new_notes_path(&self.path);
        std::fs::write(&beside, serde_json::to_vec(notes)?)?;
        std::fs::rename(beside, notes_path(&self.path))
    }

    /// Empties it; with `notes`, what comes now can be gone on with.
    pub fn restart(&mut self, notes: Option<Notes>) -> io::Result<()> {
        if self.size_bytes()? > 0 {
            self.file.set_len(0)?;
        }
        (&*self.file).rewind()?;
        // Also when none were read: those of a run that was killed between the two steps of this would tell of
        // the bytes that come now what is not so.
        self.forget()?;
        if let Some(notes) = &notes {
            std::fs::write(notes_path(&self.path), serde_json::to_vec(notes)?)?;
        }
        self.notes = notes;
        Ok(())
    }

    /// Keeps the first `size_bytes` bytes, gives them to `hasher`, and stands behind them.
    pub fn go_on(&mut self, size_bytes: u64, hasher: &mut Hasher) -> io::Result<()> {
        self.file.set_len(size_bytes)?;
        if self.notes.as_ref().is_some_and(|notes| !notes.parts.is_empty()) {
            self.note_parts(&[])?;
        }
        (&*self.file).rewind()?;
        let mut chunk = vec![0; CHUNK];
        let mut left = size_bytes;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            match (&*self.file).read(&mut chunk[..room]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    hasher.update(&chunk[..read]);
                    left -= read as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Moves the whole file to `target`, over whatever is there, and gives it with its state, still locked when it could
    /// be moved. Its bytes may not be durable yet.
    pub fn publish(mut self, target: &Path) -> Result<(Arc<File>, Metadata), FileError> {
        let failed = |error| FileError::at("replace", target)(error);
        // Somebody who removed the folder meanwhile has made room for the partial of another process.
        let Some(state) = at(&self.file, &self.path) else {
            return Err(failed(io::Error::new(
                ErrorKind::NotFound,
                "the cache folder was removed meanwhile",
            )));
        };
        if self.notes.is_some() {
            self.forget().map_err(failed)?;
        }
        let mut moved = std::fs::rename(&self.path, target);
        // Whoever removes files may remove the new folder while it is empty.
        for _ in 0..TRIES {
            let (Err(error), Some(folder)) = (&moved, target.parent()) else { break };
            if error.kind() != ErrorKind::NotFound {
                break;
            }
            std::fs::create_dir_all(folder).map_err(FileError::at("create the folder of", target))?;
            moved = std::fs::rename(&self.path, target);
        }
        match moved {
            Ok(()) => {
                self.published = true;
                Ok((Arc::clone(&self.file), state))
            }
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                let mut copy = AtomicFile::create(target)?;
                (&*self.file).rewind().map_err(failed)?;
                io::copy(&mut &*self.file, &mut copy).map_err(failed)?;
                copy.commit()?;
                let file = File::open(target).map_err(failed)?;
                let state = file.metadata().map_err(failed)?;
                Ok((Arc::new(file), state))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes the notes.
    fn forget(&mut self) -> io::Result<()> {
        self.notes = None;
        remove(&notes_path(&self.path))?;
        remove(&new_notes_path(&self.path))
    }

    /// Removes it with its notes.
    pub fn discard(mut self) -> io::Result<()> {
        self.restart(None)
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.file).write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        (&*self.file).flush()
    }
}

impl Drop for Partial {
    /// Bytes without notes serve nobody.
    fn drop(&mut self) {
        if !self.published && self.notes.is_none() && at(&self.file, &self.path).is_some() {
            // What cannot be removed now is removed by a later sweep.
            let notes = [notes_path(&self.path), new_notes_path(&self.path)];
            let _ = notes.iter().try_for_each(|path| remove(path)).and_then(|()| remove(&self.path));
        }
    }
}

/// Tries to lock until it is so, for which it gives true, or until `stopped`.
///
/// A lock that is waited for by the system itself could not be given up.
pub fn wait(lock: impl Fn() -> Result<(), TryLockError>, stopped: impl Fn() -> bool) -> io::Result<bool> {
    let mut pause = SHORTEST_PAUSE;
    loop {
        match lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if stopped() => return Ok(false),
            Err(TryLockError::WouldBlock) => thread::sleep(pause),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// The state of the open file, when it is the one that lies at `path`.
fn at(file: &File, path: &Path) -> Option<Metadata> {
    let (held, there) = (file.metadata().ok()?, path.symlink_metadata().ok()?);
    ((held.dev(), held.ino()) == (there.dev(), there.ino())).then_some(held)
}

/// Where the notes of the partial at `path` lie.
pub fn notes_path(path: &Path) -> PathBuf {
    path.with_extension("json")
}

/// Where they are written before they take their place; a kill may leave that.
fn new_notes_path(path: &Path) -> PathBuf {
    path.with_extension("new")
}

fn open(path: &Path) -> Result<File, FileError> {
    // A link is none of ours: what it leads to must not be written.
    let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).custom_flags(nofollow);
    let open = || options.open(path);
    let opened = match (open(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == ErrorKind::NotFound => {
            std::fs::create_dir_all(folder).map_err(FileError::at("create the folder of", path))?;
            open()
        }
        (opened, _) => opened,
    };
    opened.map_err(FileError::at("open", path))
}

fn read_notes(path: &Path) -> Option<Notes> {
    serde_json::from_slice(&std::fs::read(notes_path(path)).ok()?).ok()
}

fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
        .or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_never_tell_of_bytes_that_are_not_theirs() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("0123456789abcdef");
        let acquire = || Partial::acquire(&path, || false).map(|partial| partial.ok_or("stopped"));
        let (place, url, validator) = ("x".to_owned(), "http://h/x".to_owned(), "\"1\"".to_owned());
        let notes = Notes {
            place,
            url,
            who: None,
            validator,
            size_bytes: None,
            boot: "b".to_owned(),
            parts: Vec::new(),
        };
        let mut partial = acquire()??;
        partial.restart(Some(notes.clone()))?;
        partial.write_all(b"beginning")?;
        drop(partial);
        assert_eq!(acquire()??.notes(), Some(&notes));

        // A run is killed when it has emptied the file and not yet removed the notes.
        File::options().write(true).open(&path)?.set_len(0)?;
        let mut partial = acquire()??;
        partial.restart(None)?;
        partial.write_all(b"other bytes")?;
        // The next one is killed as well: nothing of it ends in order.
        partial.published = true;
        drop(partial);
        assert_eq!(acquire()??.notes(), None);
        Ok(())
    }

    #[test]
    fn who_waited_for_a_lock_never_gets_what_was_published_meanwhile()
    -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (path, place) = (folder.path().join("0123456789abcdef"), folder.path().join("x"));
        let mut first = Partial::acquire(&path, || false)?.ok_or("stopped")?;
        first.write_all(b"whole")?;
        // The second has opened the file, and waits for its lock, when it moves into its place.
        let opened = open(&path)?;
        assert!(opened.try_lock().is_err());
        drop(first.publish(&place)?);
        opened.lock()?;
        assert!(
            Partial::locked(opened, &path).is_none(),
            "its lock is on a file that is no longer a partial"
        );
        let mut second = Partial::acquire(&path, || false)?.ok_or("stopped")?;
        second.write_all(b"other")?;
        assert_eq!(std::fs::read(&place)?, b"whole");
        // The same with one that was removed, and one that another has made since.
        let opened = open(&path)?;
        second.discard()?;
        opened.lock()?;
        let third = Partial::acquire(&path, || false)?.ok_or("stopped")?;
        assert!(Partial::locked(opened, &path).is_none() && at(third.file(), &path).is_some());
        Ok(())
    }
}
