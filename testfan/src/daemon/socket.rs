//! Where the daemon is found, and that it and those who ask it are the same user.
//! Must not know what is asked.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use common::fs::{FileError, Lock};
use rustix::net::sockopt::socket_peercred;

use crate::source::carried_version;

/// The folder of this user's sockets: in `XDG_RUNTIME_DIR`, else in the temporary folder. It is made if need be, and
/// refused when anybody else could have made it or can look into it.
pub fn folder() -> Result<PathBuf, FileError> {
    let user = rustix::process::getuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty());
    let folder = match runtime {
        Some(runtime) => Path::new(&runtime).join("snakepipe"),
        None => std::env::temp_dir().join(format!("snakepipe-{user}")),
    };
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(FileError::at("create", &folder)(error));
        }
        _ => {}
    }
    let found = folder.symlink_metadata().map_err(FileError::at("look at", &folder))?;
    if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
        let why = io::Error::new(io::ErrorKind::PermissionDenied, "not a private folder of this user's");
        return Err(FileError::at("use", &folder)(why));
    }
    Ok(folder)
}

/// The socket. Different versions of testfan have different ones, for their Python sides differ.
pub fn path() -> Result<PathBuf, FileError> {
    Ok(folder()?.join(format!("testfan-{}.sock", carried_version())))
}

/// The daemon that listens there, if one does.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    check(&stream)?;
    Ok(stream)
}

/// Who starts a daemon holds this lock, so that there is one.
pub fn lock(path: &Path) -> Result<Lock, FileError> {
    Lock::acquire(&path.with_extension("lock"))
}

/// Takes the place of a daemon that is gone. The caller holds the lock.
pub fn bind(path: &Path) -> Result<UnixListener, FileError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(FileError::at("remove", path)(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(FileError::at("listen on", path))?;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, private).map_err(FileError::at("protect", path))?;
    Ok(listener)
}

/// That the other side is this user.
pub fn check(stream: &UnixStream) -> io::Result<()> {
    if socket_peercred(stream)?.uid == rustix::process::getuid() {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user is at the other end"))
    }
}
