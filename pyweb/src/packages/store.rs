//! Wheels by digest, and folders of them as Pyodide wants them, in the cache. Must not get anything.

use std::fs::File;
use std::path::{Path, PathBuf};

use common::fs::{AtomicFile, FileError};

use super::error::PackagesError;
use super::lockfile::{Lockfile, Package};
use super::wheel::file_name;
use super::{Desk, LOCK, gather};
use crate::digest::{sha256, sha256_file};

/// The cache's folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// It need not exist.
    pub fn new() -> Result<Store, PackagesError> {
        Ok(Store { folder: common::fs::cache_dir("pyweb")?.join("packages") })
    }

    /// The file of a package, if it is here.
    pub fn get(&self, sha256: &str, name: &str) -> Option<PathBuf> {
        let path = self.folder.join("wheels").join(sha256).join(name);
        path.is_file().then_some(path)
    }

    /// Takes a copy of a file, whole or not at all; the answer is its place and its digest.
    pub fn put(&self, from: &Path, name: &str) -> Result<(PathBuf, String), PackagesError> {
        let sha256 = sha256_file(from).map_err(FileError::at("read", from))?;
        if let Some(here) = self.get(&sha256, name) {
            return Ok((here, sha256));
        }
        let place = self.folder.join("wheels").join(&sha256).join(name);
        copy(from, &place)?;
        Ok((place, sha256))
    }

    /// A folder with every file of `lock` and [`LOCK`] itself, which names them from there.
    pub fn folder(&self, lock: &Lockfile, desk: &Desk) -> Result<PathBuf, PackagesError> {
        let mut flat = lock.clone();
        for package in flat.packages.values_mut() {
            package.file_name = file_name(&package.file_name);
        }
        let text = flat.to_text();
        let folder = self.folder.join("sets").join(sha256(text.as_bytes()));
        // It is written last.
        if folder.join(LOCK).is_file() {
            return Ok(folder);
        }
        let files = gather::files(desk, lock)?;
        for (name, package) in &flat.packages {
            let Some(file) = files.get(name) else { continue };
            let place = folder.join(&package.file_name);
            if !place.is_file() {
                copy(file, &place)?;
            }
        }
        common::fs::write_atomic(folder.join(LOCK), text.as_bytes())?;
        Ok(folder)
    }
}

/// An error when `file` is not what the lock has for `package`.
pub fn check(file: &Path, package: &Package) -> Result<(), PackagesError> {
    let got = sha256_file(file).map_err(FileError::at("read", file))?;
    if got == package.sha256 {
        return Ok(());
    }
    Err(PackagesError::WheelChanged {
        file: file.display().to_string(),
        expected: package.sha256.clone(),
        got,
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    let target = AtomicFile::create(to)?;
    let copied = File::open(from).and_then(|mut file| std::io::copy(&mut file, &mut target.file()));
    copied.map_err(FileError::at("copy", from))?;
    target.commit()
}
