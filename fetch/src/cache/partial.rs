//! A file on its way into its place, which a later run goes on with when this one is killed.
//! Must not know where bytes come from, nor what the index says.
//!
//! It lies at `partial/<key>` of the cache's own folder, one for each place. Who holds it has locked it, and the lock
//! stands for the place as a whole: one maker among all processes. It ends with the process that holds it. Beside it,
//! `<key>.json` tells what its bytes are the beginning of; without that they are nothing that could be gone on with.
//! The order that makes a kill at any moment harmless: notes go before the bytes that they no longer describe, and
//! come before the first of those they do; and they go before the file is published, so that they never lie beside
//! the partial of another process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use common::fs::{AtomicFile, FileError};
use serde::{Deserialize, Serialize};

use crate::hash::{CHUNK, Hasher};

/// So often a folder is made for a file, should it be removed again at the same moment.
const TRIES: usize = 16;

/// What the bytes of a partial are the beginning of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// The place of the whole file, relative to the cache folder.
    pub place: String,
    /// Where it comes from, without secrets.
    pub url: String,
    /// Which version of it, in the server's words: what `If-Range` sends back.
    pub validator: String,
    /// Its whole size in bytes, where that is known.
    pub size_bytes: Option<u64>,
    /// The machine's boot in which the first byte was written.
    pub boot: String,
}

/// A partial, locked.
#[derive(Debug)]
pub struct Partial {
    file: File,
    path: PathBuf,
    notes: Option<Notes>,
    published: bool,
}

impl Partial {
    /// Waits for the partial at `path`, making it and its folder as needed.
    pub fn acquire(path: &Path) -> Result<Partial, FileError> {
        loop {
            let file = open(path)?;
            file.lock().map_err(FileError::at("lock", path))?;
            if let Some(partial) = Partial::locked(file, path) {
                return Ok(partial);
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
        let (held, there) = (file.metadata().ok()?, path.symlink_metadata().ok()?);
        if (held.dev(), held.ino()) != (there.dev(), there.ino()) {
            return None;
        }
        let notes = if held.len() > 0 { read_notes(path) } else { None };
        Some(Partial { file, path: path.to_owned(), notes, published: false })
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

    /// Empties it; with `notes`, what comes now can be gone on with.
    pub fn restart(&mut self, notes: Option<Notes>) -> io::Result<()> {
        if self.size_bytes()? > 0 {
            self.file.set_len(0)?;
        }
        self.file.rewind()?;
        if self.notes.take().is_some() {
            remove(&notes_path(&self.path))?;
        }
        if let Some(notes) = &notes {
            std::fs::write(notes_path(&self.path), serde_json::to_vec(notes)?)?;
        }
        self.notes = notes;
        Ok(())
    }

    /// Keeps the first `size_bytes` bytes, gives them to `hasher`, and stands behind them.
    pub fn go_on(&mut self, size_bytes: u64, hasher: &mut Hasher) -> io::Result<()> {
        self.file.set_len(size_bytes)?;
        self.file.rewind()?;
        let mut chunk = vec![0; CHUNK];
        let mut left = size_bytes;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            match self.file.read(&mut chunk[..room]) {
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

    /// Moves the whole file to `target`, over whatever is there, and gives it, still locked when it could be moved.
    /// Its bytes may not be durable yet.
    pub fn publish(mut self, target: &Path) -> Result<File, FileError> {
        let failed = |error| FileError::at("replace", target)(error);
        if self.notes.take().is_some() {
            remove(&notes_path(&self.path)).map_err(failed)?;
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
                self.file.try_clone().map_err(failed)
            }
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                let mut copy = AtomicFile::create(target)?;
                self.file.rewind().map_err(failed)?;
                io::copy(&mut &self.file, &mut copy).map_err(failed)?;
                copy.commit()?;
                File::open(target).map_err(failed)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes it with its notes.
    pub fn discard(mut self) -> io::Result<()> {
        self.restart(None)
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Partial {
    /// Bytes without notes serve nobody.
    fn drop(&mut self) {
        if !self.published && self.notes.is_none() {
            // What cannot be removed now is removed by a later sweep.
            let _ = remove(&notes_path(&self.path)).and_then(|()| remove(&self.path));
        }
    }
}

/// Where the notes of the partial at `path` lie.
pub fn notes_path(path: &Path) -> PathBuf {
    path.with_extension("json")
}

fn open(path: &Path) -> Result<File, FileError> {
    let open = || OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
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
