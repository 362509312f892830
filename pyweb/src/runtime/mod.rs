//! The packages that pages run on: Pyodide, MicroPython, PyScript's core, linkedom. Pinned by digest, got
//! once, kept in the cache. Must not know what a page is.
//!
//! - [`pins`]: what `runtime.lock.toml` pins
//! - [`address`]: the URLs by which pages name these packages
//! - [`store`]: the folder that holds them
//! - [`source`]: where they come from: npm's registry through `fetch`, a folder, or the public network
//! - [`archive`]: an npm archive unpacked, file by pinned file
//! - [`npm`], [`fetcher`]: what asks npm where an archive is; what downloads it

pub mod address;
mod archive;
pub mod fetcher;
mod npm;
pub mod pins;
mod source;
mod store;

use std::path::{Path, PathBuf};

use common::Session;

use crate::config::Config;
use crate::error::RuntimeError;
use crate::events::Record;
use pins::{PINS, Package};
pub use source::Source;
use store::Store;

/// Pyodide's package: `CPython` for WebAssembly.
pub const PYODIDE: &str = "pyodide";
/// MicroPython's package.
pub const MICROPYTHON: &str = "@micropython/micropython-webassembly-pyscript";
/// PyScript's core: the script that pages load.
pub const CORE: &str = "@pyscript/core";
/// linkedom's package: the document of the headless browser.
pub const LINKEDOM: &str = "linkedom";

/// The packages, all of them in place.
#[derive(Clone, Debug)]
pub struct Runtime {
    store: Store,
    /// The folder of the Python packages that pages find beside Pyodide.
    python_packages: Option<PathBuf>,
    hash_seed: Option<String>,
}

impl Runtime {
    /// The packages; gets those that are missing, unless the user named the folder to take them from.
    ///
    /// Where nothing is missing this costs a `stat` per file.
    pub fn ensure(session: &Session, config: &Config) -> Result<Runtime, RuntimeError> {
        let store = Store::new(config)?;
        let missing = store.missing();
        if !missing.is_empty() {
            if config.runtime.is_some() {
                return Err(store.incomplete(&missing));
            }
            source::install(&store, &Source::Network, session, &mut |_| Ok(()))?;
        }
        Ok(Runtime { store, python_packages: None, hash_seed: config.hash_seed.clone() })
    }

    /// The same with the Python packages in `folder`, as `packages::Provided` has it.
    #[must_use]
    pub fn with_python_packages(self, folder: Option<PathBuf>) -> Runtime {
        Runtime { python_packages: folder, ..self }
    }

    /// By what Pyodide is to hash texts: `random`, or a number; nothing when it does not matter.
    pub fn hash_seed(&self) -> Option<&str> {
        self.hash_seed.as_deref()
    }

    /// The file of this name beside Pyodide that comes with the Python packages, its list of them among it.
    pub fn python_package(&self, name: &str) -> Option<PathBuf> {
        let file = self.python_packages.as_ref()?.join(Path::new(name).file_name()?);
        file.is_file().then_some(file)
    }

    /// Where a file of a package is; both as the lock file names them.
    pub fn file(&self, package: &str, path: &str) -> PathBuf {
        let folder = PINS.package(package).map_or_else(|| package.to_owned(), Package::folder);
        self.store.folder().join(folder).join(path)
    }
}

/// Gets what is missing and tells `report` of each package as it comes into place.
pub fn get(
    session: &Session,
    config: &Config,
    source: &Source,
    report: &mut dyn FnMut(Record) -> Result<(), RuntimeError>,
) -> Result<(), RuntimeError> {
    source::install(&Store::new(config)?, source, session, report)
}

/// Every pinned package and whether it is here.
pub fn list(config: &Config) -> Result<Vec<Record>, RuntimeError> {
    let store = Store::new(config)?;
    let missing = store.missing();
    let listed = |package: &'static Package| Record::PackageListed {
        name: package.name.clone(),
        version: package.version.clone(),
        integrity: package.integrity.clone(),
        installed: !missing.contains(&package),
    };
    Ok(PINS.packages.iter().map(listed).collect())
}

/// Hashes every file of every package again.
pub fn verify(config: &Config) -> Result<Vec<Record>, RuntimeError> {
    let store = Store::new(config)?;
    let verified = |package: &'static Package| Record::PackageVerified {
        name: package.name.clone(),
        version: package.version.clone(),
        files: package.files.len() as u64,
        damaged: package.damaged(&store.folder_of(package)),
    };
    Ok(PINS.packages.iter().map(verified).collect())
}

/// The folder that holds the packages; it need not exist.
pub fn folder(config: &Config) -> Result<PathBuf, RuntimeError> {
    Ok(Store::new(config)?.folder().to_owned())
}

/// The name under which `path` of `package` travels, such as `pyodide-314.0.7/pyodide.mjs`.
fn joined(package: &Package, path: &str) -> String {
    Path::new(&package.folder()).join(path).to_string_lossy().into_owned()
}
