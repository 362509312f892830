//! The records of the last run in each folder, kept for `testfan report` and `replay`.
//! Must not know what they say.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use common::fs::FileError;
use common::writer::Output;

use super::kept;

/// A folder where nothing ran for so long is forgotten.
const FORGET_AFTER: Duration = Duration::from_hours(24 * 60);

/// The records of a run under way: in memory until [`Journal::keep`], then in the file of this folder.
#[derive(Clone)]
pub struct Journal {
    spool: Arc<Mutex<Spool>>,
}

enum Spool {
    Memory(Vec<u8>),
    File(File),
    /// A write failed, or there is no home folder.
    Nowhere,
}

impl Journal {
    /// Begins.
    pub fn begin() -> Self {
        Journal { spool: Arc::new(Mutex::new(Spool::Memory(Vec::new()))) }
    }

    /// One that keeps nothing: what is run again and again is no last run.
    pub fn none() -> Self {
        Journal { spool: Arc::new(Mutex::new(Spool::Nowhere)) }
    }

    /// Where to write records.
    pub fn output(&self) -> Output {
        Output::new(self.clone())
    }

    /// From here on this is the last run of the current folder, whatever becomes of it.
    ///
    /// A run that ends at the same time keeps the file that it has open, which then has no name.
    pub fn keep(&self) -> Result<(), FileError> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        let Spool::Memory(begun) = std::mem::replace(&mut *spool, Spool::Nowhere) else { return Ok(()) };
        let Some(path) = current_folder().and_then(|folder| file(&folder)) else { return Ok(()) };
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(FileError::at("create the folder of", &path))?;
        forget_old(folder);
        let temp = tempfile::NamedTempFile::new_in(folder).map_err(FileError::at("create", &path))?;
        let mut file = temp.persist(&path).map_err(|error| FileError::at("replace", &path)(error.error))?;
        file.write_all(&begun).map_err(FileError::at("write", &path))?;
        *spool = Spool::File(file);
        Ok(())
    }
}

impl Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *spool {
            Spool::Memory(memory) => memory.extend_from_slice(bytes),
            Spool::File(file) => {
                // A full disk costs the record of the run, not the run.
                if file.write_all(bytes).is_err() {
                    *spool = Spool::Nowhere;
                }
            }
            Spool::Nowhere => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The records of the last run here, or in the nearest folder above that has one.
pub fn last() -> Option<PathBuf> {
    let here = current_folder()?;
    here.ancestors().filter_map(file).find(|path| path.is_file())
}

fn current_folder() -> Option<PathBuf> {
    std::env::current_dir().ok()
}

fn file(folder: impl AsRef<Path>) -> Option<PathBuf> {
    kept::path("runs", &folder.as_ref().to_string_lossy(), "jsonl")
}

fn forget_old(folder: &Path) {
    let now = SystemTime::now();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|meta| meta.modified()).unwrap_or(now);
        if now.duration_since(modified).is_ok_and(|age| age > FORGET_AFTER) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
