//! A list of packages in the form of `pyodide-lock.json`, which Pyodide reads itself. Must not get anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use common::fs::FileError;
use pep440_rs::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::PackagesError;
use super::target::{Info, Target};
use super::wanted::{Wanted, What};

/// The list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lockfile {
    /// The interpreter that it is for.
    pub info: Info,
    /// The packages by their canonical names.
    pub packages: BTreeMap<String, Package>,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name as it calls itself.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its file, from the folder of the list.
    pub file_name: String,
    /// `site`, or where else it is unpacked.
    #[serde(default = "site")]
    pub install_dir: String,
    /// The digest of its file in hexadecimal.
    pub sha256: String,
    /// `package`, or what else it is.
    #[serde(default = "package")]
    pub package_type: String,
    /// The modules that it has.
    pub imports: Vec<String>,
    /// The canonical names of the packages that it needs.
    pub depends: Vec<String>,
    /// What else Pyodide's own list says of it.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

fn site() -> String {
    "site".into()
}

fn package() -> String {
    "package".into()
}

impl Lockfile {
    /// Reads a list.
    pub fn read(path: &Path) -> Result<Lockfile, PackagesError> {
        let text = std::fs::read_to_string(path).map_err(FileError::at("read", path))?;
        let bad = |error: serde_json::Error| PackagesError::BadLock {
            file: path.display().to_string(),
            reason: error.to_string(),
        };
        serde_json::from_str(&text).map_err(bad)
    }

    /// The list as a file holds it; the same list is always the same text.
    pub fn to_text(&self) -> String {
        // Maps of texts cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The part of it that `wanted` needs, where it has all of that and is for the same interpreter.
    pub fn for_wanted(
        self,
        wanted: &[Wanted],
        info: &Info,
        target: &Target,
    ) -> Result<Lockfile, PackagesError> {
        if self.info.python != info.python || self.info.abi_version != info.abi_version {
            return Err(PackagesError::LockForOther { python: self.info.python, abi: self.info.abi_version });
        }
        let mut open: Vec<String> = Vec::new();
        for wanted in wanted.iter().filter(|wanted| wanted.applies(target)) {
            let name = wanted.name.clone();
            let fits = self.packages.get(&name).is_some_and(|package| fits(wanted, package));
            if !fits {
                let (place, entry) = (wanted.place(), wanted.text.clone());
                return Err(PackagesError::NotInLock { place, entry });
            }
            open.push(name);
        }
        self.reachable(open)
    }

    /// The part of it that is reached from these names.
    pub fn reachable(self, mut open: Vec<String>) -> Result<Lockfile, PackagesError> {
        let mut reached = BTreeSet::new();
        while let Some(name) = open.pop() {
            let Some(package) = self.packages.get(&name) else {
                return Err(PackagesError::NotInLock { place: super::LOCK.into(), entry: name });
            };
            if reached.insert(name) {
                open.extend(package.depends.iter().map(|name| super::wheel::canonical(name)));
            }
        }
        let Lockfile { info, mut packages } = self;
        packages.retain(|name, _| reached.contains(name));
        Ok(Lockfile { info, packages })
    }
}

fn fits(wanted: &Wanted, package: &Package) -> bool {
    match &wanted.what {
        What::Named(requirement) => {
            Version::from_str(&package.version).is_ok_and(|version| requirement.versions.contains(&version))
        }
        What::Site(path) => package.file_name == *path,
        What::Remote(url) => package.file_name == super::wheel::file_name(url.path()),
    }
}
