//! The folder where an archive is unpacked before anybody sees it. Must not know archives.
//!
//! Who unpacks has locked the folder itself: one among all processes, and the lock ends with the process. So what is in
//! a folder that one has just locked was left by a process that was killed. The content is a folder in it, which is
//! moved to its target as a whole where nothing is there yet; else file by file, each of which is replaced in one step.
//! The lock is held beyond that, so that nobody begins again before it is noted what was done.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use common::fs::FileError;

use super::target::{Target, What, unchanged};
use super::{ArchiveError, Items, MemberPath};

/// What is unpacked goes in here.
const CONTENT: &str = "content";

/// A locked folder, gone with all that is in it when it is dropped.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    content: PathBuf,
    lock: File,
}

impl Staging {
    /// Waits for the folder at `path`, making it and those it lies in as needed.
    pub fn acquire(path: &Path) -> Result<Staging, FileError> {
        loop {
            std::fs::create_dir_all(path).map_err(FileError::at("create", path))?;
            let lock = match File::open(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                opened => opened.map_err(FileError::at("open", path))?,
            };
            lock.lock().map_err(FileError::at("lock", path))?;
            if let Some(staging) = Staging::locked(lock, path)? {
                return Ok(staging);
            }
        }
    }

    /// The folder at `path`, unless somebody is at work in it.
    pub fn try_acquire(path: &Path) -> Result<Option<Staging>, FileError> {
        std::fs::create_dir_all(path).map_err(FileError::at("create", path))?;
        let lock = File::open(path).map_err(FileError::at("open", path))?;
        if lock.try_lock().is_ok() { Staging::locked(lock, path) } else { Ok(None) }
    }

    /// Removes the folder at `path`, unless somebody is at work in it.
    pub fn sweep(path: &Path) -> Result<(), FileError> {
        let lock = File::open(path).map_err(FileError::at("open", path))?;
        if lock.try_lock().is_ok() {
            drop(Staging::locked(lock, path)?);
        }
        Ok(())
    }

    /// Nothing when the one who held it before has removed it.
    fn locked(lock: File, path: &Path) -> Result<Option<Staging>, FileError> {
        let state = lock.metadata().map_err(FileError::at("read", path))?;
        match path.symlink_metadata() {
            Ok(there) if (there.dev(), there.ino()) == (state.dev(), state.ino()) => {}
            _ => return Ok(None),
        }
        let staging = Staging { path: path.to_owned(), content: path.join(CONTENT), lock };
        clear(path).map_err(FileError::at("clear", path))?;
        std::fs::create_dir(&staging.content).map_err(FileError::at("create", &staging.content))?;
        Ok(Some(staging))
    }

    /// Where to unpack: an empty folder.
    pub fn content(&self) -> &Path {
        &self.content
    }

    /// Moves all `items`, which lie in it, to `target`; and takes away what is left there of `earlier` ones.
    ///
    /// Whatever else is in the target stays.
    pub fn publish(&self, target: &Path, items: &Items, earlier: &Items) -> Result<(), ArchiveError> {
        if target.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            if let Some(folder) = target.parent() {
                std::fs::create_dir_all(folder).map_err(FileError::at("create the folder of", target))?;
            }
            match std::fs::rename(&self.content, target) {
                Ok(()) => return Ok(()),
                // Another archive is unpacked there too.
                Err(error)
                    if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {}
                Err(error) => return Err(FileError::at("create", target)(error).into()),
            }
        }
        remove_stale(target, items, earlier);
        let (from, to) = (Target::open(&self.content)?, Target::open(target)?);
        let (mut from, mut to) = (from.writer(), to.writer());
        for (path, what) in items {
            if *what == What::Folder {
                to.folder(path)?;
                continue;
            }
            let name = std::ffi::OsStr::from_bytes(path.split().1);
            let moved = rustix::fs::renameat(from.parent(path)?, name, to.parent(path)?, name);
            moved.map_err(|error| FileError::at("replace", &target.join(path.as_path()))(error.into()))?;
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed by who locks it next. The lock is held until then.
        let _ = std::fs::remove_dir_all(&self.path);
        let _ = self.lock.unlock();
    }
}

/// Removes what only the earlier version had, as far as nobody has changed it; and folders that are empty then.
pub fn remove_stale(target: &Path, items: &Items, earlier: &Items) {
    let goes = |path: &MemberPath, what: &What| match (items.get(path), what) {
        (None, _) => true,
        (Some(now), What::Folder) => *now != What::Folder,
        (Some(now), _) => *now == What::Folder,
    };
    for (path, what) in earlier.iter().rev().filter(|(path, what)| goes(path, what)) {
        // Never over a link that somebody has put in the place of a folder.
        let below = |folder: &MemberPath| {
            target.join(folder.as_path()).symlink_metadata().is_ok_and(|state| state.is_dir())
        };
        if !path.folders().all(|folder| below(&folder)) || !unchanged(target, path, what) {
            continue;
        }
        // What cannot be removed is in nobody's way, or is told when its successor is moved there.
        let full = target.join(path.as_path());
        let _ = if *what == What::Folder { std::fs::remove_dir(&full) } else { std::fs::remove_file(&full) };
        for folder in path.folders().rev() {
            if items.get(&folder) == Some(&What::Folder)
                || std::fs::remove_dir(target.join(folder.as_path())).is_err()
            {
                break;
            }
        }
    }
}

fn clear(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_for_a_folder_gets_one_of_its_own_once_the_first_is_done()
    -> Result<(), Box<dyn std::error::Error>> {
        let home = tempfile::tempdir()?;
        let (path, target) = (home.path().join("staging"), home.path().join("target"));
        let first = Staging::acquire(&path)?;
        std::fs::write(first.content().join("x"), "whole")?;
        // The second has opened the folder, and waits for its lock, until the first has noted what it did.
        let opened = File::open(&path)?;
        let waits =
            || Ok::<_, FileError>(opened.try_lock().is_err() && Staging::try_acquire(&path)?.is_none());
        assert!(waits()?);
        first.publish(&target, &Items::new(), &Items::new())?;
        assert!(waits()?);
        drop(first);
        opened.lock()?;
        assert!(Staging::locked(opened, &path)?.is_none());
        assert_eq!(std::fs::read(target.join("x"))?, b"whole", "it was not cleared");
        // What lies there under the old name is another folder, which is cleared for who locks it.
        std::fs::create_dir(&path)?;
        std::fs::write(path.join("left"), "")?;
        let next = Staging::acquire(&path)?;
        assert_eq!(std::fs::read_dir(next.content())?.count(), 0);
        assert!(!path.join("left").exists());
        Ok(())
    }
}
