//! How tests that ever failed ended in their last runs, kept in the cache folder, one file a suite.
//! Must not know which of them are flaky.

use std::path::PathBuf;

use common::fs::{FileError, Lock, write_atomic};

use super::kept;
use crate::reduce::History;

/// What is known of the suite at `root`: nothing when none of its tests failed here or the file is damaged.
pub fn load(root: &str) -> History {
    let text = file(root).and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Has `change` change it; runs that end at the same time lose nothing of each other's.
pub fn update(root: &str, change: impl FnOnce(&mut History)) -> Result<(), FileError> {
    let Some(path) = file(root) else { return Ok(()) };
    let _lock = Lock::acquire(&path.with_extension("lock"))?;
    let before = load(root);
    let mut history = before.clone();
    change(&mut history);
    if history == before {
        return Ok(());
    }
    let Ok(text) = serde_json::to_vec(&history) else { return Ok(()) };
    write_atomic(path, &text)
}

fn file(root: &str) -> Option<PathBuf> {
    kept::path("history", root, "json")
}
