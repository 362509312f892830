//! The files of PyScript and its interpreters that a bundle needs, below `pyscript/`.
//! Must not know pages.

use std::collections::BTreeSet;

use common::fs::FileError;
use serde_json::{Map, Value};

use super::interpreter::Interpreter;
use super::stored_zip;
use super::tree::{Content, Tree};
use crate::error::BundleError;
use crate::runtime::pins::{PINS, Package};
use crate::runtime::{CORE, MICROPYTHON, PYODIDE, Runtime};

/// What the pages of a site need.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// PyScript's core.
    pub core: bool,
    /// The interpreters.
    pub interpreters: BTreeSet<Interpreter>,
    /// Other builds of MicroPython: `ulab`, `settrace`.
    pub micropython_builds: BTreeSet<&'static str>,
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
    }
}

/// Adds the files that are needed; the answer is the packages they are of.
pub fn add(needs: &Needs, runtime: &Runtime, tree: &mut Tree) -> Result<Vec<&'static Package>, BundleError> {
    let mut packages = Vec::new();
    let mut add = |name: &str, folder: &str, wanted: &dyn Fn(&str) -> bool| -> Result<(), BundleError> {
        let Some(package) = PINS.package(name) else { return Ok(()) };
        for path in package.files.keys().filter(|path| wanted(path)) {
            let target = format!("{folder}/{}", path.strip_prefix("dist/").unwrap_or(path));
            tree.add(&target, Content::File(runtime.file(name, path)))?;
        }
        packages.push(package);
        Ok(())
    };
    add(CORE, "pyscript", &|_| true)?;
    if needs.interpreters.contains(&Interpreter::Micropython) {
        add(MICROPYTHON, "pyscript/micropython", &|path| is_wanted_build(path, &needs.micropython_builds))?;
    }
    if needs.interpreters.contains(&Interpreter::Pyodide) {
        add(PYODIDE, "pyscript/pyodide", &|_| true)?;
        let lock = runtime.file(PYODIDE, "pyodide-lock.json");
        let text = std::fs::read_to_string(&lock).map_err(FileError::at("read", &lock))?;
        let pruned = without_packages(&text).map_err(|cause| BundleError::PyodideLock { cause })?;
        let library = runtime.file(PYODIDE, "python_stdlib.zip");
        let stored = std::fs::read(&library).and_then(|archive| stored_zip::stored(&archive));
        let stored = stored.map_err(FileError::at("read", &library))?;
        tree.replace("pyscript/pyodide/python_stdlib.zip", Content::Bytes(stored));
        tree.replace("pyscript/pyodide/pyodide-lock.json", Content::Bytes(pruned.into_bytes()));
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
