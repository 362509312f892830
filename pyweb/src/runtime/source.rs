//! Where the packages come from, tried in order: a folder that the user named, or npm's registry, and where
//! that cannot be asked the public network that serves npm's files. Must not know what a package is for.

use std::path::{Path, PathBuf};

use common::Session;
use common::fs::FileError;
use common::record::RecordPath;

use super::pins::Package;
use super::store::Store;
use super::{archive, fetcher, joined, npm};
use crate::error::RuntimeError;
use crate::events::{PackageSource, Record};

/// Serves every file of every public npm package; each is held against its pinned digest.
const CDN: &str = "https://cdn.jsdelivr.net/npm/";

/// Where to get packages.
#[derive(Clone, Debug)]
pub enum Source {
    /// npm's registry as this machine is configured for it, else the public network.
    Network,
    /// A folder of `.tgz` files, or of packages as in `node_modules` or in a cache of ours.
    Folder(PathBuf),
}

/// Gets every missing package into `store` and tells `report` of each.
pub fn install(
    store: &Store,
    source: &Source,
    session: &Session,
    report: &mut dyn FnMut(Record) -> Result<(), RuntimeError>,
) -> Result<(), RuntimeError> {
    let _lock = store.lock()?;
    // Asked under the lock: another process may just have got them.
    let missing = store.missing();
    if missing.is_empty() {
        return Ok(());
    }
    let installer = Installer { store, report };
    match source {
        Source::Folder(folder) => installer.take_from_folder(&missing, folder),
        Source::Network => installer.download(&missing, session),
    }
}

struct Installer<'a> {
    store: &'a Store,
    report: &'a mut dyn FnMut(Record) -> Result<(), RuntimeError>,
}

impl Installer<'_> {
    fn take_from_folder(mut self, missing: &[&Package], folder: &Path) -> Result<(), RuntimeError> {
        for package in missing {
            let archive = folder.join(format!("{}.tgz", package.folder()));
            if archive.is_file() {
                self.unpack(package, &archive, PackageSource::Folder)?;
                continue;
            }
            let places = [folder.join(package.folder()), folder.join(&package.name)];
            let in_modules = folder.join("node_modules").join(&package.name);
            let Some(place) = places.into_iter().chain([in_modules]).find(|place| place.is_dir()) else {
                return Err(RuntimeError::NotInFolder {
                    package: package.folder(),
                    name: package.name.clone(),
                    folder: folder.to_owned(),
                });
            };
            self.copy(package, PackageSource::Folder, |path| Some(place.join(path)))?;
        }
        Ok(())
    }

    fn download(self, missing: &[&Package], session: &Session) -> Result<(), RuntimeError> {
        let names = missing.iter().map(|package| package.folder()).collect::<Vec<_>>().join(", ");
        session.note(&format!("getting {names}"));
        let spinner = session.progress.spinner("asking npm where the packages are");
        let tarballs = npm::tarballs(missing);
        spinner.finish_and_clear();
        match tarballs {
            Ok(requests) => self.download_archives(missing, &requests, session),
            // Another answer than the pinned one is not a reason to look elsewhere.
            Err(error @ RuntimeError::WrongArchive { .. }) => Err(error),
            Err(error) => {
                session.note(&format!("{error}; trying the public network"));
                self.download_files(missing, session).map_err(|cdn| match cdn {
                    RuntimeError::Fetch { message } => {
                        RuntimeError::NoSource { npm: error.to_string(), cdn: message }
                    }
                    other => other,
                })
            }
        }
    }

    fn download_archives(
        mut self,
        missing: &[&Package],
        requests: &[fetcher::Request],
        session: &Session,
    ) -> Result<(), RuntimeError> {
        let got = fetcher::get(requests, session)?;
        for package in missing {
            let name = npm::archive_name(package);
            let archive = got.get(&name).ok_or_else(|| fetcher::unanswered(&name))?;
            self.unpack(package, archive, PackageSource::Npm)?;
        }
        Ok(())
    }

    fn download_files(mut self, missing: &[&Package], session: &Session) -> Result<(), RuntimeError> {
        let request = |package: &Package, path: &str, digest: &str| {
            let url = format!("{CDN}{}@{}/{path}", package.name, package.version);
            fetcher::Request::new(&url, &joined(package, path), Some(&format!("sha256:{digest}")))
        };
        let files = |package: &&Package| {
            let package = *package;
            package.files.iter().map(|(path, digest)| request(package, path, digest)).collect::<Vec<_>>()
        };
        let requests: Vec<_> = missing.iter().flat_map(files).collect();
        let got = fetcher::get(&requests, session)?;
        for package in missing {
            self.copy(package, PackageSource::Cdn, |path| got.get(&joined(package, path)).cloned())?;
        }
        Ok(())
    }

    fn unpack(
        &mut self,
        package: &Package,
        archive: &Path,
        source: PackageSource,
    ) -> Result<(), RuntimeError> {
        let staging = self.store.staging()?;
        archive::unpack(archive, package, staging.path())?;
        self.publish(staging, package, source)
    }

    fn copy(
        &mut self,
        package: &Package,
        source: PackageSource,
        place: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<(), RuntimeError> {
        let staging = self.store.staging()?;
        for path in package.files.keys() {
            let from = place(path).ok_or_else(|| fetcher::unanswered(&joined(package, path)))?;
            let target = staging.path().join(path);
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent).map_err(FileError::at("create", parent))?;
            }
            std::fs::copy(&from, &target).map_err(FileError::at("copy", &from))?;
        }
        self.publish(staging, package, source)
    }

    fn publish(
        &mut self,
        staging: tempfile::TempDir,
        package: &Package,
        source: PackageSource,
    ) -> Result<(), RuntimeError> {
        let place = self.store.publish(staging, package)?;
        let size = |path: &String| std::fs::metadata(place.join(path)).map_or(0, |meta| meta.len());
        (self.report)(Record::PackageInstalled {
            name: package.name.clone(),
            version: package.version.clone(),
            source,
            files: package.files.len() as u64,
            size_bytes: package.files.keys().map(size).sum(),
            path: RecordPath::from(place.as_path()),
        })
    }
}
