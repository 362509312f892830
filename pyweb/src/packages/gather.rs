//! The files of packages, chosen or locked: got, held against their digests, kept in the store. Must not choose.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use common::fs::FileError;

use super::error::PackagesError;
use super::index::{self, Index};
use super::lockfile::{Lockfile, Package};
use super::resolve::Chosen;
use super::shelf::{Candidate, From};
use super::{Desk, metadata, store};
use crate::runtime::fetcher::{Got, Request, unanswered};
use crate::runtime::pins::PINS;
use crate::runtime::{PYODIDE, address};

/// Makes the list of the chosen packages, each with its file in the store.
pub fn lock(
    desk: &Desk,
    candidates: &BTreeMap<&String, Candidate>,
    chosen: &BTreeMap<String, Chosen>,
) -> Result<Lockfile, PackagesError> {
    let request = |candidate: &Candidate| match &candidate.from {
        From::File { .. } => None,
        From::Index(link) => Some(index::wheel(link)),
        From::Distribution(entry) => Some(distributed(entry)),
    };
    let requests: Vec<Request> = candidates.values().filter_map(request).collect();
    let got = index::download(desk.session, &requests.iter().collect::<Vec<_>>(), false)?;
    refuse_distribution(candidates, &got, chosen)?;
    let mut packages = BTreeMap::new();
    for (name, candidate) in candidates {
        let mut package = package(desk, name, candidate, &got)?;
        package.depends = chosen[*name].depends.iter().cloned().collect();
        packages.insert((*name).clone(), package);
    }
    Ok(Lockfile { info: desk.distribution.info.clone(), packages })
}

/// The request for a file of Pyodide's own distribution.
fn distributed(entry: &Package) -> Request {
    let version = PINS.package(PYODIDE).map_or("", |package| package.version.as_str());
    let url = format!("{}{version}/full/{}", address::DISTRIBUTION, entry.file_name);
    Request::new(&url, &entry.file_name, Some(&format!("sha256:{}", entry.sha256)))
}

/// One error for all packages that only Pyodide's distribution has, when it cannot be reached.
fn refuse_distribution(
    candidates: &BTreeMap<&String, Candidate>,
    got: &HashMap<String, Got>,
    chosen: &BTreeMap<String, Chosen>,
) -> Result<(), PackagesError> {
    let (mut packages, mut by, mut why) = (Vec::new(), Vec::new(), None);
    for (name, candidate) in candidates {
        let From::Distribution(entry) = &candidate.from else { continue };
        if let Some(Got::Failed { message, .. }) = got.get(&entry.file_name) {
            why.get_or_insert_with(|| message.clone());
            by.extend(&chosen[*name].by);
            packages.push(format!("{name} ({})", entry.file_name));
        }
    }
    let Some(reason) = why else { return Ok(()) };
    by.dedup();
    Err(PackagesError::Distribution { by: by.into_iter().cloned().collect(), packages, reason })
}

/// The entry of a chosen package, without what it needs.
fn package(
    desk: &Desk,
    name: &str,
    candidate: &Candidate,
    got: &HashMap<String, Got>,
) -> Result<Package, PackagesError> {
    let (path, file, entry) = match &candidate.from {
        From::File { path, name, entry } => (path.clone(), name.clone(), entry.clone()),
        From::Index(link) => (taken(got, &link.file)?, link.file.clone(), None),
        From::Distribution(entry) => {
            (taken(got, &entry.file_name)?, entry.file_name.clone(), Some(entry.clone()))
        }
    };
    let (place, sha256) = desk.store.put(&path, &super::wheel::file_name(&file))?;
    if let Some(entry) = entry {
        store::check(&place, &entry)?;
        return Ok(entry);
    }
    let wheel = std::fs::File::open(&place).map_err(FileError::at("open", &place))?;
    let bad = |reason| PackagesError::BadWheel { file: file.clone(), reason };
    let contents = metadata::contents(wheel).map_err(bad)?;
    Ok(Package {
        name: name.to_owned(),
        version: candidate.version.to_string(),
        file_name: file,
        install_dir: "site".into(),
        sha256,
        package_type: "package".into(),
        imports: contents.modules.into_iter().collect(),
        depends: Vec::new(),
        more: serde_json::Map::new(),
    })
}

fn taken(got: &HashMap<String, Got>, name: &str) -> Result<PathBuf, PackagesError> {
    match got.get(name) {
        Some(Got::File(path)) => Ok(path.clone()),
        Some(Got::Failed { message, .. }) => {
            Err(PackagesError::Index { what: name.to_owned(), reason: message.clone() })
        }
        None => Err(unanswered(name).into()),
    }
}

/// The files of a lock by package, each with the digest that the lock has: of the site, of the store, of the user's
/// folders, else of the index or of Pyodide's distribution.
pub fn files(desk: &Desk, lock: &Lockfile) -> Result<BTreeMap<String, PathBuf>, PackagesError> {
    let mut files = BTreeMap::new();
    let mut missing = Vec::new();
    for (name, package) in &lock.packages {
        match here(desk, package)? {
            Some(path) => drop(files.insert(name.clone(), path)),
            None => missing.push((name, package)),
        }
    }
    if missing.is_empty() {
        return Ok(files);
    }
    let requests = requests(desk, &missing)?;
    let got = index::download(desk.session, &requests.iter().collect::<Vec<_>>(), false)?;
    for (name, package) in missing {
        let path = match got.get(&package.file_name) {
            Some(Got::File(path)) => path,
            Some(Got::Failed { message, .. }) => {
                let (file, reason) = (package.file_name.clone(), message.clone());
                return Err(PackagesError::LockedGone { file, reason });
            }
            None => return Err(unanswered(&package.file_name).into()),
        };
        store::check(path, package)?;
        files.insert(name.clone(), desk.store.put(path, &package.file_name)?.0);
    }
    Ok(files)
}

/// The file of a package where it needs no network.
fn here(desk: &Desk, package: &Package) -> Result<Option<PathBuf>, PackagesError> {
    let of_site = desk.site.join(&package.file_name);
    if package.file_name.contains('/') || of_site.is_file() {
        if !of_site.is_file() {
            let (place, path) = (super::LOCK.into(), package.file_name.clone());
            return Err(PackagesError::NoWheel { place, path });
        }
        store::check(&of_site, package)?;
        return Ok(Some(of_site));
    }
    if let Some(stored) = desk.store.get(&package.sha256, &package.file_name) {
        return Ok(Some(stored));
    }
    let mut folders = desk.sources.wheel_dirs.iter().map(|folder| folder.join(&package.file_name));
    Ok(folders.find(|path| path.is_file() && store::check(path, package).is_ok()))
}

/// Where missing files are: on the index's pages of their packages, else in Pyodide's distribution.
fn requests(desk: &Desk, missing: &[(&String, &Package)]) -> Result<Vec<Request>, PackagesError> {
    let own = |name: &String, package: &Package| {
        desk.distribution.packages.get(name).is_some_and(|entry| entry.sha256 == package.sha256)
    };
    let elsewhere: Vec<&str> =
        missing.iter().filter(|(name, package)| !own(name, package)).map(|(name, _)| name.as_str()).collect();
    let pages = if elsewhere.is_empty() {
        BTreeMap::new()
    } else {
        Index::new(desk.session, desk.sources, true)?.pages(&elsewhere)?
    };
    let mut requests = Vec::new();
    for (name, package) in missing {
        if own(name, package) {
            requests.push(distributed(package));
            continue;
        }
        let mut links = pages.get(*name).into_iter().flatten();
        let Some(link) = links.find(|link| link.file == package.file_name) else {
            let reason = "the package index does not have it".into();
            return Err(PackagesError::LockedGone { file: package.file_name.clone(), reason });
        };
        let digest = format!("sha256:{}", package.sha256);
        requests.push(Request::new(link.url.as_str(), &link.file, Some(&digest)));
    }
    Ok(requests)
}
