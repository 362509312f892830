//! The folder that holds the packages, one folder each. Must not know where they come from.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::fs::{FileError, Lock};

use super::pins::{PINS, Package};
use crate::config::Config;
use crate::error::RuntimeError;

/// A folder of packages: the cache's own, or one that the user named.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The folder that the user named, else the cache's.
    pub fn new(config: &Config) -> Result<Store, RuntimeError> {
        let folder = match &config.runtime {
            Some(folder) => folder.clone(),
            None => common::fs::cache_dir("pyweb")?.join("runtime"),
        };
        Ok(Store { folder })
    }

    /// The folder; it need not exist.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where `package` is or will be.
    pub fn folder_of(&self, package: &Package) -> PathBuf {
        self.folder.join(package.folder())
    }

    /// The pinned packages that are not here with all their files.
    pub fn missing(&self) -> Vec<&'static Package> {
        let here = |package: &Package| {
            let folder = self.folder_of(package);
            package.files.keys().all(|path| folder.join(path).is_file())
        };
        PINS.packages.iter().filter(|package| !here(package)).collect()
    }

    /// The error that says which packages are not here.
    pub fn incomplete(&self, missing: &[&Package]) -> RuntimeError {
        let packages = missing.iter().map(|package| package.folder()).collect::<Vec<_>>().join(", ");
        RuntimeError::Incomplete { folder: self.folder.clone(), packages }
    }

    /// Keeps other processes from installing at the same time.
    pub fn lock(&self) -> Result<Lock, RuntimeError> {
        Ok(Lock::acquire(&self.folder.join(".lock"))?)
    }

    /// A folder to fill with a package's files, on the same file system as its place.
    pub fn staging(&self) -> Result<tempfile::TempDir, RuntimeError> {
        let made = tempfile::Builder::new()
            .prefix(".part-")
            .permissions(Permissions::from_mode(0o777))
            .tempdir_in(&self.folder);
        Ok(made.map_err(FileError::at("create a folder in", &self.folder))?)
    }

    /// Checks every file of a filled folder against the pins, then moves it into the package's place,
    /// over an incomplete one.
    pub fn publish(&self, staging: tempfile::TempDir, package: &Package) -> Result<PathBuf, RuntimeError> {
        if let Some(path) = package.damaged(staging.path()).into_iter().next() {
            return Err(RuntimeError::WrongFile { package: package.folder(), path });
        }
        let place = self.folder_of(package);
        if place.exists() {
            std::fs::remove_dir_all(&place).map_err(FileError::at("replace", &place))?;
        }
        std::fs::rename(staging.path(), &place).map_err(FileError::at("create", &place))?;
        // It has moved: there is nothing left to clean up.
        let _ = staging.keep();
        Ok(place)
    }
}
