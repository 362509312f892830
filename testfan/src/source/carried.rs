//! The Python files that travel in the binary, laid out where Python can import them.
//! Must not know what they do.

use std::path::{Path, PathBuf};

use common::fs::{FileError, cache_dir, write_atomic};

macro_rules! carried {
    ($($path:literal),+ $(,)?) => {
        [$(($path, include_str!(concat!("../../python/", $path)))),+]
    };
}

const FILES: [(&str, &str); 24] = carried![
    "__main__.py",
    "testfan_worker/__init__.py",
    "testfan_worker/afterfork.py",
    "testfan_worker/apart.py",
    "testfan_worker/bythread.py",
    "testfan_worker/channel.py",
    "testfan_worker/compat.py",
    "testfan_worker/focus.py",
    "testfan_worker/foreground.py",
    "testfan_worker/hazards.py",
    "testfan_worker/heap.py",
    "testfan_worker/imports.py",
    "testfan_worker/lanes.py",
    "testfan_worker/memory.py",
    "testfan_worker/parked.py",
    "testfan_worker/ports.py",
    "testfan_worker/recording.py",
    "testfan_worker/resident.py",
    "testfan_worker/serialise.py",
    "testfan_worker/session.py",
    "testfan_worker/spawned.py",
    "testfan_worker/terminal.py",
    "testfan_worker/worker.py",
    "testfan_worker/zygote.py",
];

/// Lays the files out in the cache folder, where Python may also keep their bytecode, and returns the
/// entry point. Files that are already there and the same are left alone.
pub fn lay_out() -> Result<PathBuf, FileError> {
    let folder = folder();
    for (path, text) in FILES {
        let path = folder.join(path);
        if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            write_atomic(path, text.as_bytes())?;
        }
    }
    Ok(folder.join(FILES[0].0))
}

/// Different versions of testfan never share files, so that none replaces what another's run imports.
fn folder() -> PathBuf {
    let name = format!("worker-{}", version());
    cache_dir("testfan").unwrap_or_else(|_| fallback()).join(name)
}

/// A name for what these files are.
pub fn version() -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    FILES.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Without a home folder: the temporary folder, under a name of this user's own.
fn fallback() -> PathBuf {
    let user = rustix::process::getuid().as_raw();
    Path::new(&std::env::temp_dir()).join(format!("testfan-{user}"))
}
