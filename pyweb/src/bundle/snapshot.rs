//! Pyodide's memory as it is once it has started, for a bundle whose pages begin with it. Must not know how it is made.

use std::path::Path;

use common::fs::FileError;

use super::error::BundleError;
use super::tree::{Content, Tree};
use super::vendor::{LIBRARY, PYODIDE_FOLDER};
use crate::page::image;
use crate::runtime::{PYODIDE, Runtime};
use crate::steps::host;

/// What stands in the place of Pyodide's own module.
const LOADER: &str = include_str!("../../js/bundle/pyodide.mjs");
/// Pyodide's own module, in whose place it stands.
const MODULE: &str = "pyodide.mjs";

/// Adds the image of the Pyodide that begins with `library`; and what loads it.
pub fn add(runtime: &Runtime, library: &[u8], tree: &mut Tree) -> Result<(), BundleError> {
    // The image has in it where the library's modules are.
    let folder = tempfile::tempdir().map_err(FileError::at("create a folder in", &std::env::temp_dir()))?;
    let place = folder.path().join(LIBRARY);
    std::fs::write(&place, library).map_err(FileError::at("write", &place))?;
    let cache = host::cache_dir().map_err(|_| common::fs::NoHome)?;
    let image = image(runtime, folder.path(), &cache)?;
    let path = |name: &str| format!("{PYODIDE_FOLDER}/{name}");
    tree.add(&path("pyodide-image.bin"), Content::Bytes(image))?;
    tree.add(&path("pyodide-published.mjs"), Content::File(runtime.file(PYODIDE, MODULE)))?;
    tree.replace(&path(MODULE), Content::Bytes(LOADER.into()));
    Ok(())
}

fn image(runtime: &Runtime, library: &Path, cache: &Path) -> Result<Vec<u8>, BundleError> {
    let runtime = runtime.clone().with_python_packages(Some(library.to_owned()));
    image::image(&runtime, cache).ok_or(BundleError::NoImage)
}
