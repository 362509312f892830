//! Whether the files that a registry names are there and right. Must not know how that is shown.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::make::hash;
use super::walk::{Selection, walk};
use crate::error::Error;
use crate::hash::Digest;
use crate::source::registry::Entry;

/// How it is with one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has the digest of the registry.
    Right,
    /// It has another one.
    Wrong,
    /// It is not there.
    Missing,
    /// It is there, and the registry does not name it.
    Unknown,
}

/// A file, checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Its name in the registry.
    pub name: String,
    /// Where it lies or should.
    pub path: PathBuf,
    /// How it is with it.
    pub state: State,
    /// The digest that it should have.
    pub expected: Option<Digest>,
    /// The digest that it has, by the same algorithm.
    pub got: Option<Digest>,
    /// Its size in bytes, when it is there.
    pub size_bytes: Option<u64>,
}

/// Checks files, each an entry and where it should lie, by hashing them; in the order given.
pub fn check(files: Vec<(Entry, PathBuf)>) -> Result<Vec<Checked>, Error> {
    let check = |(entry, path): (Entry, PathBuf)| {
        let Entry { name, digest, .. } = entry;
        let (state, got, size_bytes) = match hash(&path, digest.algorithm()) {
            Ok((got, size)) if got == digest => (State::Right, Some(got), Some(size)),
            Ok((got, size)) => (State::Wrong, Some(got), Some(size)),
            Err(error) if matches!(error.cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                (State::Missing, None, None)
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Checked { name, path, state, expected: Some(digest), got, size_bytes })
    };
    files.into_par_iter().map(check).collect()
}

/// The files below `folder` that are none of `known`.
pub fn unknown(
    folder: &Path,
    known: &BTreeSet<PathBuf>,
    selection: &Selection,
) -> Result<Vec<Checked>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let found = walk(folder, selection)?.into_iter().filter(|found| !known.contains(&found.path));
    let unknown = found.map(|found| Checked {
        size_bytes: found.path.metadata().ok().map(|metadata| metadata.len()),
        name: found.name,
        path: found.path,
        state: State::Unknown,
        expected: None,
        got: None,
    });
    Ok(unknown.collect())
}
