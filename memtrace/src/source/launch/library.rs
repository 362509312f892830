//! Puts the preload library, which this binary carries, where the dynamic loader finds it.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use common::Failure;
use common::fs::{FileError, cache_dir, write_atomic};

static LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libmemtrace_preload.so"));

/// The library where the dynamic loader can read it.
pub struct Library {
    /// What goes into `LD_PRELOAD`.
    pub path: PathBuf,
    /// Keeps `path` valid where it is that of a descriptor.
    _open: Option<File>,
}

/// The library's name goes with its content: another version of memtrace has another one, and no running program's is
/// ever overwritten.
const NAME: &str = env!("MEMTRACE_LIBRARY");

/// Puts the library into the cache, if it is not there. It came there as a whole, so it is not read to make sure: a
/// program that is traced would wait for that.
pub fn lay_out() -> Result<PathBuf, Failure> {
    let path = cache_dir("memtrace")?.join(NAME);
    if !std::fs::metadata(&path).is_ok_and(|there| there.is_file() && there.len() == LIBRARY.len() as u64) {
        write_atomic(&path, LIBRARY)?;
    }
    Ok(path)
}

/// Puts the library where `LD_PRELOAD` can name it.
pub fn install() -> Result<Library, Failure> {
    let path = lay_out()?;
    // In LD_PRELOAD these end a path or stand for another; a descriptor's path has none of them.
    if !path.as_os_str().as_bytes().iter().any(|byte| b" :$\t\n".contains(byte)) {
        return Ok(Library { path, _open: None });
    }
    let file = File::open(&path).map_err(FileError::at("open", &path))?;
    let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()));
    Ok(Library { path, _open: Some(file) })
}
