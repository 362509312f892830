//! Runs a program with the preload library in it and waits for its end. Must not know what the capture
//! holds.

mod child;
mod elf;
mod library;
mod program;

use std::ffi::OsStr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use common::Failure;
use common::fs::FileError;
use memtrace_wire::header::{End, Header, SIZE};

pub use child::die_by;
pub use program::Program;

use crate::error::Error;
use crate::source::capture::{self, Ending};

/// How the program ended and what became of its capture.
pub struct Launched {
    /// The header of the finished capture, or why there is none.
    pub capture: Result<Header, Failure>,
    /// How it ended.
    pub end: End,
}

/// Runs `program` to its end, its allocations going into a new file at `path`.
pub fn launch(program: &Program, path: &Path, force: bool) -> Result<Launched, Failure> {
    elf::check(&program.executable)?;
    let library = library::install()?;
    let path = std::path::absolute(path).map_err(FileError::at("find", path))?;
    let header =
        Header { claimed: SIZE as u64, started_us: now_us(), command: program.words(), ..Header::default() };
    create(&path, &header, force)?;
    let ended = child::run(program, &library.path, &path);
    match ended {
        Ok(child::Ended { end, peak_resident }) => {
            let ending = Ending { end: Some(end), ended_us: now_us(), peak_resident };
            // Where there is no room to pack it, it can be read as it is.
            let capture = capture::pack(&path, ending);
            let capture = capture.or_else(|_| capture::end_in_place(&path, ending));
            Ok(Launched { capture, end })
        }
        Err(error) => {
            // Nothing ran, so there is nothing to keep.
            let _ = std::fs::remove_file(&path);
            Err(error.into())
        }
    }
}

/// `memtrace-<name>.<pid>.mtr`, or with a number before the end where an older process left that one.
pub fn default_path(name: &OsStr) -> PathBuf {
    let stem = format!("memtrace-{}.{}", name.to_string_lossy(), std::process::id());
    let numbered = (2..).map(|number| PathBuf::from(format!("{stem}-{number}.mtr")));
    let mut candidates = std::iter::once(PathBuf::from(format!("{stem}.mtr"))).chain(numbered);
    candidates.find(|path| !path.exists()).unwrap_or_default()
}

fn create(path: &Path, header: &Header, force: bool) -> Result<(), Failure> {
    use std::io::Write;
    if force && path.is_file() {
        // Not truncated: another program may still be recording into it.
        std::fs::remove_file(path).map_err(FileError::at("replace", path))?;
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o666).open(path);
    let mut file = file.map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::from(Error::Exists { path: path.to_owned() }),
        _ => FileError::at("create", path)(cause).into(),
    })?;
    file.write_all(&header.encode()).map_err(FileError::at("write", path))?;
    Ok(())
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
