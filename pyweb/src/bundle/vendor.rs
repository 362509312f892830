//! The files of PyScript and its interpreters that a bundle needs, below `pyscript/`.
//! Must not know pages.

use std::collections::BTreeSet;

use common::fs::FileError;
use serde_json::{Map, Value};

use super::core_modules::Core;
use super::interpreter::Interpreter;
use super::tree::{Content, Tree};
use crate::error::BundleError;
use crate::packages::wanted::Wanted;
use crate::packages::{self, Provided, file_name};
use crate::runtime::pins::{PINS, Package};
use crate::runtime::{CORE, MICROPYTHON, PYODIDE, Runtime};

/// Where Pyodide is in a bundle.
pub const PYODIDE_FOLDER: &str = "pyscript/pyodide";

/// Python's library.
pub const LIBRARY: &str = "python_stdlib.zip";

/// What the pages of a site need.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// PyScript's core.
    pub core: bool,
    /// The interpreters.
    pub interpreters: BTreeSet<Interpreter>,
    /// Other builds of MicroPython: `ulab`, `settrace`.
    pub micropython_builds: BTreeSet<&'static str>,
    /// Python packages.
    pub packages: Vec<Wanted>,
}

impl Needs {
    /// Whether the pages need anything at all.
    pub fn any(&self) -> bool {
        self.core || !self.interpreters.is_empty()
    }

    /// Adds what another page needs.
    pub fn extend(&mut self, other: Needs) {
        self.core |= other.core;
        self.interpreters.extend(other.interpreters);
        self.micropython_builds.extend(other.micropython_builds);
        self.packages.extend(other.packages);
    }
}

/// Python's library as it is published.
pub fn library(runtime: &Runtime) -> Result<Vec<u8>, FileError> {
    let path = runtime.file(PYODIDE, LIBRARY);
    std::fs::read(&path).map_err(FileError::at("read", &path))
}

/// Puts another library in its place.
pub fn set_library(library: Vec<u8>, tree: &mut Tree) {
    tree.replace(&format!("{PYODIDE_FOLDER}/{LIBRARY}"), Content::Bytes(library));
}

/// Adds the Python packages, where Pyodide looks for them.
pub fn add_packages(provided: &Provided, tree: &mut Tree) -> Result<(), BundleError> {
    for package in provided.lock.packages.values() {
        let name = file_name(&package.file_name);
        tree.add(&format!("{PYODIDE_FOLDER}/{name}"), Content::File(provided.folder.join(&name)))?;
    }
    let lock = provided.folder.join(packages::LOCK);
    tree.replace(&format!("{PYODIDE_FOLDER}/{}", packages::LOCK), Content::File(lock));
    Ok(())
}

/// PyScript's core.
pub fn core(runtime: &Runtime) -> Result<Core, FileError> {
    let files = PINS.package(CORE).into_iter().flat_map(|package| package.files.keys());
    let read = |path: &String| {
        let file = runtime.file(CORE, path);
        let text = std::fs::read_to_string(&file).map_err(FileError::at("read", &file))?;
        Ok((published(path).to_owned(), text))
    };
    files.map(read).collect()
}

/// A file's path in a bundle, from the folder of its package.
fn published(path: &str) -> &str {
    path.strip_prefix("dist/").unwrap_or(path)
}

/// Adds the files that are needed, of core's those in `core`; the answer is the packages they are of.
pub fn add(
    needs: &Needs,
    runtime: &Runtime,
    core: &BTreeSet<String>,
    tree: &mut Tree,
) -> Result<Vec<&'static Package>, BundleError> {
    let mut packages = Vec::new();
    let mut add = |name: &str, folder: &str, wanted: &dyn Fn(&str) -> bool| -> Result<(), BundleError> {
        let Some(package) = PINS.package(name) else { return Ok(()) };
        for path in package.files.keys().filter(|path| wanted(path)) {
            let target = format!("{folder}/{}", published(path));
            tree.add(&target, Content::File(runtime.file(name, path)))?;
        }
        packages.push(package);
        Ok(())
    };
    add(CORE, "pyscript", &|path| core.contains(published(path)))?;
    if needs.interpreters.contains(&Interpreter::Micropython) {
        add(MICROPYTHON, "pyscript/micropython", &|path| is_wanted_build(path, &needs.micropython_builds))?;
    }
    if needs.interpreters.contains(&Interpreter::Pyodide) {
        add(PYODIDE, PYODIDE_FOLDER, &|_| true)?;
        let lock = runtime.file(PYODIDE, packages::LOCK);
        let text = std::fs::read_to_string(&lock).map_err(FileError::at("read", &lock))?;
        let pruned = without_packages(&text).map_err(|cause| BundleError::PyodideLock { cause })?;
        tree.replace(&format!("{PYODIDE_FOLDER}/{}", packages::LOCK), Content::Bytes(pruned.into_bytes()));
    }
    Ok(packages)
}

/// Core turns `.mjs` into `-settrace.wasm`, `-ulab.wasm` or `-settrace-ulab.wasm`, in this order.
fn is_wanted_build(path: &str, builds: &BTreeSet<&'static str>) -> bool {
    let Some(build) = path.strip_prefix("micropython").and_then(|rest| rest.strip_suffix(".wasm")) else {
        return true;
    };
    build.split('-').filter(|part| !part.is_empty()).all(|part| builds.contains(part))
}

/// Pyodide's list of packages without those that are not in the bundle, so that it says of each that it does
/// not know it, rather than ask a server for it.
fn without_packages(lock: &str) -> Result<String, serde_json::Error> {
    let mut lock: Map<String, Value> = serde_json::from_str(lock)?;
    lock.insert("packages".into(), Map::new().into());
    serde_json::to_string(&lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_builds_asked_for() {
        let plain = BTreeSet::new();
        assert!(is_wanted_build("micropython.mjs", &plain));
        assert!(is_wanted_build("micropython.wasm", &plain));
        assert!(!is_wanted_build("micropython-ulab.wasm", &plain));
        let both = BTreeSet::from(["ulab", "settrace"]);
        assert!(is_wanted_build("micropython-settrace-ulab.wasm", &both));
    }
}
