//! What `runtime.lock.toml` pins. Must not know where the packages are or come from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::digest::sha256_file;

/// The lock file that this binary was built with.
#[expect(clippy::expect_used, reason = "the lock file is part of the binary and a test parses it")]
pub static PINS: LazyLock<Pins> =
    LazyLock::new(|| toml::from_str(include_str!("../../runtime.lock.toml")).expect("a valid lock file"));

/// All pinned packages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// In the order of the file.
    #[serde(rename = "package")]
    pub packages: Vec<Package>,
}

impl Pins {
    /// The package of that name.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

/// One pinned package.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name on npm.
    pub name: String,
    /// Its exact version.
    pub version: String,
    /// The digest of its archive as a Subresource Integrity string: `sha512-` and base64.
    pub integrity: String,
    /// The files that are used, from the package's root, each with its SHA-256 in hexadecimal.
    pub files: BTreeMap<String, String>,
}

impl Package {
    /// The name of its folder, as `npm pack` names the archive: `pyscript-core-0.7.31`.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.name.trim_start_matches('@').replace('/', "-"), self.version)
    }

    /// The files under `folder` that are missing or not what is pinned.
    pub fn damaged(&self, folder: &Path) -> Vec<String> {
        let differs = |(path, pinned): &(&String, &String)| {
            sha256_file(&folder.join(path.as_str())).map_or(true, |found| found != **pinned)
        };
        self.files.iter().filter(differs).map(|(path, _)| path.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_pins_every_file_by_a_whole_digest() {
        assert_eq!(PINS.packages.len(), 4);
        for package in &PINS.packages {
            assert!(package.integrity.starts_with("sha512-"), "{}", package.name);
            assert!(!package.files.is_empty(), "{}", package.name);
            for (path, digest) in &package.files {
                assert_eq!(digest.len(), 64, "{path}");
                assert!(Path::new(path).components().all(|c| matches!(c, std::path::Component::Normal(_))));
            }
        }
    }

    #[test]
    fn a_scoped_package_has_a_flat_folder() {
        let folder = PINS.package("@pyscript/core").map(Package::folder);
        assert!(folder.is_some_and(|name| name.starts_with("pyscript-core-")));
    }
}
