//! How long each test took last time, kept in the cache folder, one file a suite.
//! Must not know what the times are good for.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use common::fs::{FileError, Lock, cache_dir, write_atomic};

/// Microseconds by node id.
pub type Durations = BTreeMap<String, u64>;

/// What is known of the suite at `root`: nothing when it never ran here or the file is damaged.
pub fn load(root: &str) -> Durations {
    let text = file(root).and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
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
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    Some(cache_dir("testfan").ok()?.join("durations").join(format!("{:016x}.json", hasher.finish())))
}
