//! Puts the preload library, which this binary carries, where the dynamic loader finds it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use common::Failure;
use common::fs::{cache_dir, write_atomic};

static LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libmemtrace_preload.so"));

/// The path of the library in the cache, under a name that goes with its content: another version of
/// memtrace has another one, and no running program's is ever overwritten.
pub fn install() -> Result<PathBuf, Failure> {
    let mut hasher = DefaultHasher::new();
    LIBRARY.hash(&mut hasher);
    let path = cache_dir("memtrace")?.join(format!("preload-{:016x}.so", hasher.finish()));
    if !std::fs::read(&path).is_ok_and(|there| there == LIBRARY) {
        write_atomic(&path, LIBRARY)?;
    }
    Ok(path)
}
