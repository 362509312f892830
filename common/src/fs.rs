//! Files that appear whole or not at all, locks between processes, cache folders, and how many of
//! them may be open.
//! Must not know what is in the files.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::NamedTempFile;

use crate::error::Explain;

/// A file operation that failed, with the path.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} {}", path.display())]
pub struct FileError {
    /// What was tried: "create", "replace", "lock".
    pub action: &'static str,
    /// Where.
    pub path: PathBuf,
    /// The system's words.
    #[source]
    pub cause: io::Error,
}

impl FileError {
    /// Turns an I/O error into one that names what was tried and where.
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
        let path = path.to_owned();
        move |cause| FileError { action, path, cause }
    }
}

impl Explain for FileError {
    fn hint(&self) -> Option<String> {
        match self.cause.kind() {
            io::ErrorKind::PermissionDenied => Some("check who owns it and its permissions".into()),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("free some space and run it again".into())
            }
            io::ErrorKind::ReadOnlyFilesystem => Some("name a folder that can be written to".into()),
            io::ErrorKind::Unsupported if self.action == "lock" => {
                Some("name a folder on a file system that has locks".into())
            }
            io::ErrorKind::NotFound => Some("check the path".into()),
            _ => None,
        }
    }
    fn code(&self) -> &'static str {
        "file_error"
    }
}

/// How the name of an [`AtomicFile`] begins until it is in its place.
pub const PART_PREFIX: &str = ".snakepipe-";
/// How it ends.
pub const PART_SUFFIX: &str = ".part";

/// A file that is written beside its final place and moved there by [`AtomicFile::commit`].
///
/// Dropped without commit it leaves nothing behind; a process that is killed leaves `.snakepipe-*.part`, no longer
/// locked. The mode is 0666 less the umask, as `open` gives. A device, a pipe or a socket is never replaced: it gets
/// the bytes, from a temporary file.
pub struct AtomicFile {
    temp: NamedTempFile,
    target: PathBuf,
}

impl AtomicFile {
    /// Begins a file that will be at `target`; missing folders are made.
    pub fn create(target: impl Into<PathBuf>) -> Result<Self, FileError> {
        let target = target.into();
        let folder = match target.parent() {
            _ if is_special(&target) => std::env::temp_dir(),
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        std::fs::create_dir_all(&folder).map_err(FileError::at("create the folder of", &target))?;
        let temp = tempfile::Builder::new()
            .prefix(PART_PREFIX)
            .suffix(PART_SUFFIX)
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(&folder)
            .map_err(FileError::at("create", &target))?;
        // Tells who tidies up that somebody is still at it. Where locks do not work, its age must do.
        let _ = temp.as_file().try_lock();
        Ok(AtomicFile { temp, target })
    }

    /// Where the bytes are until then.
    pub fn temp_path(&self) -> &Path {
        self.temp.path()
    }

    /// The open file.
    pub fn file(&self) -> &File {
        self.temp.as_file()
    }

    /// Makes the bytes durable and moves the file into place, over whatever is there.
    pub fn commit(self) -> Result<(), FileError> {
        let target = self.target;
        if is_special(&target) {
            let mut whole = File::open(self.temp.path()).map_err(FileError::at("read again for", &target))?;
            let mut special =
                OpenOptions::new().write(true).open(&target).map_err(FileError::at("open", &target))?;
            io::copy(&mut whole, &mut special).map_err(FileError::at("write", &target))?;
            return Ok(());
        }
        self.temp.as_file().sync_all().map_err(FileError::at("write", &target))?;
        self.temp.persist(&target).map_err(|error| FileError::at("replace", &target)(error.error))?;
        Ok(())
    }
}

/// Whether something is there that is written to, but is no file.
fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temp.as_file_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.temp.as_file_mut().flush()
    }
}

/// Writes `bytes` to `target`, whole or not at all.
pub fn write_atomic(target: impl Into<PathBuf>, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = AtomicFile::create(target)?;
    let path = file.target.clone();
    file.write_all(bytes).map_err(FileError::at("write", &path))?;
    file.commit()
}

/// An exclusive lock between processes, held until it is dropped or the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock file at `path`, making it and its folders as needed.
    pub fn acquire(path: &Path) -> Result<Lock, FileError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(FileError::at("create the folder of", path))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(FileError::at("open the lock", path))?;
        file.lock().map_err(FileError::at("lock", path))?;
        Ok(Lock { _file: file })
    }
}

/// The cache folder of one tool: `$SNAKEPIPE_CACHE/<tool>`, else `$XDG_CACHE_HOME/snakepipe/<tool>`,
/// else `~/.cache/snakepipe/<tool>`. The folder need not exist.
pub fn cache_dir(tool: &str) -> Result<PathBuf, NoHome> {
    if let Some(root) = std::env::var_os("SNAKEPIPE_CACHE").filter(|root| !root.is_empty()) {
        return Ok(PathBuf::from(root).join(tool));
    }
    Ok(user_cache_dir()?.join("snakepipe").join(tool))
}

/// Where all programs of the user keep their caches: `$XDG_CACHE_HOME`, else `~/.cache`.
pub fn user_cache_dir() -> Result<PathBuf, NoHome> {
    Ok(etcetera::choose_base_strategy().map_err(|_| NoHome)?.cache_dir())
}

/// The user has no home folder to keep a cache in.
#[derive(Debug, thiserror::Error)]
#[error("no home folder to keep a cache in")]
pub struct NoHome;

impl Explain for NoHome {
    fn hint(&self) -> Option<String> {
        Some("set SNAKEPIPE_CACHE to a folder".into())
    }
}

/// Lets this process have as many files open at once as the system allows, instead of the few that are customary.
pub fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // With the customary ones it works too, as long as few files or connections are asked for at once.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let target = folder.path().join("deep/er/x.txt");
        let mut file = AtomicFile::create(&target)?;
        file.write_all(b"half")?;
        drop(file);
        assert!(!target.exists());
        assert_eq!(std::fs::read_dir(folder.path().join("deep/er"))?.count(), 0);

        write_atomic(&target, b"whole")?;
        assert_eq!(std::fs::read(&target)?, b"whole");
        let plain = folder.path().join("plain");
        std::fs::write(&plain, b"")?;
        let mode = |path: &Path| std::fs::metadata(path).map(|meta| meta.permissions().mode());
        assert_eq!(mode(&target)?, mode(&plain)?);
        Ok(())
    }

    #[test]
    fn a_pipe_gets_the_bytes_and_stays_a_pipe() -> Result<(), Box<dyn std::error::Error>> {
        use std::os::unix::fs::FileTypeExt;

        let folder = tempfile::tempdir()?;
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status()?.success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read(pipe)
        });
        write_atomic(&pipe, b"whole")?;
        assert_eq!(reader.join().map_err(|_| "the reader panicked")??, b"whole");
        assert!(pipe.metadata()?.file_type().is_fifo());
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }
}
