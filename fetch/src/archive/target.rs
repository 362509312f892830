//! The folder that an archive is unpacked into. Must not know archives.
//!
//! Everything is done relative to an open folder, part by part, and no part may be a symbolic link: so nothing is
//! ever written outside, whatever links an archive has brought in before.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use common::fs::FileError;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::{ArchiveError, Budget, MemberPath};
use crate::cache::Stamp;

/// How much is written at a time.
const PIECE: usize = 256 * 1024;

/// One thing in a folder, with its path there.
pub type Item = (MemberPath, What);

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A file.
    File {
        /// Its state when it was written.
        #[serde(flatten)]
        stamp: Stamp,
        /// The xxh3-64 of its content.
        xxh3: u64,
    },
    /// A symbolic link, and where it leads.
    Link(Vec<u8>),
    /// A folder that the archive names.
    Folder,
}

impl What {
    /// The size in bytes of a file; 0 for anything else.
    pub fn size_bytes(&self) -> u64 {
        match self {
            What::File { stamp, .. } => stamp.size_bytes,
            What::Link(_) | What::Folder => 0,
        }
    }
}

/// What an archive says of a file besides its content.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileMeta {
    /// Whether it is a program.
    pub executable: bool,
    /// When it was written: seconds since 1970, and nanoseconds.
    pub mtime: Option<(i64, u32)>,
    /// Whether its zeros are to be holes.
    pub sparse: bool,
    /// Its size in bytes, where the archive says it.
    pub size: Option<u64>,
}

/// A folder that is written into.
#[derive(Debug)]
pub struct Target {
    root: OwnedFd,
    path: PathBuf,
}

impl Target {
    /// The folder at `path`, which must be there.
    pub fn open(path: &Path) -> Result<Target, FileError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty());
        let root = root.map_err(|error| FileError::at("open", path)(error.into()))?;
        Ok(Target { root, path: path.to_owned() })
    }

    /// One who writes into it; each thread has its own.
    pub fn writer(&self) -> Writer<'_> {
        Writer { target: self, folder: None, piece: Vec::new() }
    }
}

/// Writes into a [`Target`].
pub struct Writer<'a> {
    target: &'a Target,
    /// The folder of the last path, which is often that of the next.
    folder: Option<(Vec<u8>, OwnedFd)>,
    piece: Vec<u8>,
}

impl Writer<'_> {
    /// Makes a folder, and those it lies in.
    pub fn folder(&mut self, path: &MemberPath) -> Result<(), ArchiveError> {
        self.open_folder(path, path.as_bytes())
    }

    /// Writes a file with all that `content` gives, over a file or link that is there.
    pub fn file(
        &mut self,
        path: &MemberPath,
        meta: &FileMeta,
        content: &mut dyn Read,
        budget: &Budget<'_>,
    ) -> Result<What, ArchiveError> {
        let mut file = self.create(path, meta.executable)?;
        self.piece.resize(PIECE, 0);
        let (mut hasher, mut size) = (Xxh3Default::new(), 0);
        loop {
            let read = match content.read(&mut self.piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(ArchiveError::damaged(&error)),
            };
            let bytes = &self.piece[..read];
            size += read as u64;
            budget.spend(read as u64)?;
            hasher.update(bytes);
            let written = if meta.sparse && bytes.iter().all(|byte| *byte == 0) {
                i64::try_from(read)
                    .map_err(io::Error::other)
                    .and_then(|skip| file.seek(SeekFrom::Current(skip)).map(|_| ()))
            } else {
                file.write_all(bytes)
            };
            written.map_err(failed_at(self.target, "write", path))?;
        }
        if meta.size.is_some_and(|told| told != size) {
            return Err(ArchiveError::Damaged(format!(
                "{:?} has {size} bytes and not as many as told",
                path.text()
            )));
        }
        if meta.sparse {
            file.set_len(size).map_err(failed_at(self.target, "write", path))?;
        }
        if let Some((seconds, nanoseconds)) = meta.mtime {
            let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
            let times = Timestamps { last_access: time, last_modification: time };
            rustix::fs::futimens(&file, &times)
                .map_err(|error| failed_at(self.target, "write", path)(error.into()))?;
        }
        let state = file.metadata().map_err(failed_at(self.target, "write", path))?;
        Ok(What::File { stamp: Stamp::from(&state), xxh3: hasher.digest() })
    }

    /// Makes a symbolic link, over a file or link that is there, if it leads nowhere outside.
    pub fn link(&mut self, path: &MemberPath, leads_to: &[u8]) -> Result<What, ArchiveError> {
        path.check_link(leads_to).map_err(|why| ArchiveError::unsafe_member(path.as_bytes(), why))?;
        let make = |folder: BorrowedFd<'_>, name: &OsStr| {
            rustix::fs::symlinkat(OsStr::from_bytes(leads_to), folder, name)
        };
        self.put(path, make)?;
        Ok(What::Link(leads_to.to_vec()))
    }

    /// Makes `path` another name of the file at `source`.
    pub fn hard_link(&mut self, path: &MemberPath, source: &MemberPath) -> Result<(), ArchiveError> {
        let from = Writer { target: self.target, folder: None, piece: Vec::new() }.parent(source)?;
        let source = OsStr::from_bytes(source.split().1);
        self.put(path, |folder, name| rustix::fs::linkat(&from, source, folder, name, AtFlags::empty()))
    }

    /// The open folder of a path, made as needed.
    pub fn parent(&mut self, path: &MemberPath) -> Result<OwnedFd, ArchiveError> {
        self.open_folder(path, path.split().0)?;
        let folder = self.folder_fd().try_clone_to_owned();
        folder.map_err(|error| failed_at(self.target, "open the folder of", path)(error))
    }

    fn create(&mut self, path: &MemberPath, executable: bool) -> Result<File, ArchiveError> {
        // The process's umask takes its bits away; setuid and its like are never given.
        let mode = Mode::from_raw_mode(if executable { 0o777 } else { 0o666 });
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.put(path, |folder, name| rustix::fs::openat(folder, name, flags, mode)).map(File::from)
    }

    /// Makes something new at a path, where a file or link that is there goes: the later member counts.
    fn put<T>(
        &mut self,
        path: &MemberPath,
        make: impl Fn(BorrowedFd<'_>, &OsStr) -> Result<T, Errno>,
    ) -> Result<T, ArchiveError> {
        let (folder, name) = path.split();
        self.open_folder(path, folder)?;
        let name = OsStr::from_bytes(name);
        let folder = self.folder_fd();
        let result = match make(folder, name) {
            Err(Errno::EXIST) => match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
                Ok(()) => make(folder, name),
                Err(Errno::ISDIR) => return Err(both(path)),
                Err(error) => Err(error),
            },
            result => result,
        };
        result.map_err(|error| failed_at(self.target, "create", path)(error.into()))
    }

    fn folder_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_ref().map_or(self.target.root.as_fd(), |(_, folder)| folder.as_fd())
    }

    /// Opens the folder at `folder`, made as needed, for the member `path`.
    fn open_folder(&mut self, path: &MemberPath, folder: &[u8]) -> Result<(), ArchiveError> {
        if self.folder.as_ref().is_some_and(|(last, _)| last == folder) {
            return Ok(());
        }
        self.folder = None;
        if folder.is_empty() {
            return Ok(());
        }
        let mut open: Option<OwnedFd> = None;
        for part in folder.split(|byte| *byte == b'/').map(OsStr::from_bytes) {
            let above = open.as_ref().map_or(self.target.root.as_fd(), AsFd::as_fd);
            let below = step(above, part).map_err(|error| match error {
                Errno::NOTDIR | Errno::LOOP if is_link(above, part) => {
                    ArchiveError::unsafe_member(path.as_bytes(), "it leads through a symbolic link")
                }
                Errno::NOTDIR => both(path),
                error => failed_at(self.target, "create the folder of", path)(error.into()),
            })?;
            open = Some(below);
        }
        self.folder = open.map(|open| (folder.to_vec(), open));
        Ok(())
    }
}

/// Opens the folder called `part`, made when it is not there.
fn step(above: BorrowedFd<'_>, part: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(above, part, flags, Mode::empty());
    match open() {
        Err(Errno::NOENT) => match rustix::fs::mkdirat(above, part, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => open(),
            Err(error) => Err(error),
        },
        opened => opened,
    }
}

fn is_link(folder: BorrowedFd<'_>, name: &OsStr) -> bool {
    let state = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    state.is_ok_and(|state| FileType::from_raw_mode(state.st_mode) == FileType::Symlink)
}

fn both(path: &MemberPath) -> ArchiveError {
    ArchiveError::unsupported(path.as_bytes(), "needs a folder where there is a file, or the other way round")
}

fn failed_at(
    target: &Target,
    action: &'static str,
    path: &MemberPath,
) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = target.path.join(path.as_path());
    move |error| FileError::at(action, &path)(error).into()
}

/// Whether something still lies below `root` as it was written, by what a stat tells.
pub fn unchanged(root: &Path, path: &MemberPath, what: &What) -> bool {
    let path = root.join(path.as_path());
    let Ok(state) = path.symlink_metadata() else { return false };
    match what {
        What::File { stamp, .. } => state.is_file() && Stamp::from(&state) == *stamp,
        What::Link(leads_to) => {
            std::fs::read_link(&path).is_ok_and(|there| there.as_os_str().as_bytes() == leads_to)
        }
        What::Folder => state.is_dir(),
    }
}

/// Whether a file below `root` still has the content that it was written with.
pub fn same_content(root: &Path, path: &MemberPath, what: &What) -> bool {
    let What::File { xxh3, .. } = what else { return true };
    content(&root.join(path.as_path())).is_ok_and(|digest| digest == *xxh3)
}

/// The xxh3-64 of what is in a file.
pub fn content(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let (mut hasher, mut piece) = (Xxh3Default::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hasher.digest()),
            Ok(read) => hasher.update(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
