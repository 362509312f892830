//! How long each test took last time, kept in the cache folder, one file a suite; or as a file says it.
//! Must not know what the times are good for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::fs::{FileError, Lock, write_atomic};

use super::kept;
use super::records::{self, Input};
use crate::error::Error;
use crate::events::{Heard, Record};

/// Microseconds by node id.
pub type Durations = BTreeMap<String, u64>;

/// What is known of the suite at `root`: nothing when it never ran here or the file is damaged.
pub fn load(root: &str) -> Durations {
    let text = file(root).and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// What a file says, which is the records of a run, or one JSON object of microseconds by node id.
pub fn read(path: &Path) -> Result<Durations, Error> {
    let text = std::fs::read(path).map_err(FileError::at("read", path))?;
    if let Ok(durations) = serde_json::from_slice(&text) {
        return Ok(durations);
    }
    let mut durations = Durations::new();
    for heard in records::parse(&*text, &Input::File(path.to_owned())) {
        if let Heard::Record(Record::TestFinished(test)) = heard? {
            durations.insert(test.id, test.duration_us);
        }
    }
    if durations.is_empty() { Err(Error::NoDurations { path: path.to_owned() }) } else { Ok(durations) }
}

/// Keeps what was measured of the suite at `root`, beside what is known of its other tests; runs that end at the
/// same time lose nothing of each other's. Without a home folder there is nowhere to.
pub fn add(root: &str, measured: Durations) -> Result<(), FileError> {
    let Some(path) = file(root) else { return Ok(()) };
    let _lock = Lock::acquire(&path.with_extension("lock"))?;
    let mut durations = load(root);
    durations.extend(measured);
    let Ok(text) = serde_json::to_vec(&durations) else { return Ok(()) };
    write_atomic(path, &text)
}

fn file(root: &str) -> Option<PathBuf> {
    kept::path("durations", root, "json")
}
