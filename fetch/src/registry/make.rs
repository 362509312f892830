//! The registry of a folder: every file's name and digest. Must not know how a registry is written.

use std::fs::File;
use std::path::{Path, PathBuf};

use common::fs::FileError;
use rayon::prelude::*;

use super::walk::{Found, Selection, walk};
use crate::error::Error;
use crate::hash::{Algorithm, Digest, Hasher};
use crate::source::registry::Entry;

/// A file and what is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hashed {
    /// Its entry, without a URL.
    pub entry: Entry,
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// Hashes all files of the selection below `folder`; sorted by name.
pub fn make(folder: &Path, selection: &Selection, algorithm: Algorithm) -> Result<Vec<Hashed>, Error> {
    let found = walk(folder, selection)?;
    let hash = |Found { name, path }: Found| {
        let (digest, size_bytes) = hash(&path, algorithm)?;
        Ok(Hashed { entry: Entry { name, digest, addresses: vec![] }, path, size_bytes })
    };
    found.into_par_iter().map(hash).collect()
}

/// The digest of a file by one algorithm, and its size in bytes.
pub(super) fn hash(path: &Path, algorithm: Algorithm) -> Result<(Digest, u64), FileError> {
    let read = File::open(path).and_then(|file| Hasher::new([algorithm]).read(file));
    let (mut digests, size_bytes) = read.map_err(FileError::at("read", path))?;
    // One algorithm gives one digest.
    Ok((digests.swap_remove(0), size_bytes))
}
