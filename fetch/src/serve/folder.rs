//! The served folder without what fetch keeps for itself in it. Must not know HTTP.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Mutex;

use common::below::{self, Below, Found};
use common::fs::{PART_PREFIX, PART_SUFFIX};

use super::listing::Digests;
use crate::cache::CONTROL;

/// The served folder.
#[derive(Debug)]
pub struct Folder {
    below: Below,
    /// The digests of files that a registry was made of.
    pub digests: Mutex<Digests>,
}

impl Folder {
    /// Opens the folder to serve.
    pub fn open(root: &Path) -> io::Result<Folder> {
        Ok(Folder { below: Below::open(root)?, digests: Mutex::default() })
    }

    /// What the parts of a path name; an error too for what is neither a file nor a folder.
    pub fn find(&self, parts: &[Vec<u8>]) -> io::Result<Found> {
        self.below.find(parts)
    }

    /// The names in a folder that was found, in no order.
    pub fn names(opened: &File) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Below::names(opened)?;
        names.retain(|name| !is_hidden(name));
        Ok(names)
    }
}

/// The parts of a URL's path; nothing for one that names no file here or what fetch keeps for itself.
pub fn parts(path: &str) -> Option<Vec<Vec<u8>>> {
    below::parts(path).filter(|parts| !parts.iter().any(|part| is_hidden(part)))
}

/// Whether a file or folder of this name is fetch's own, or not yet whole.
fn is_hidden(name: &[u8]) -> bool {
    let unfinished = name.starts_with(PART_PREFIX.as_bytes()) && name.ends_with(PART_SUFFIX.as_bytes());
    OsStr::from_bytes(name) == CONTROL || unfinished
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fetch_keeps_for_itself_is_not_there() {
        for path in ["/.fetch/x", "/a/.fetch", "/.snakepipe-x.part", "/../x"] {
            assert_eq!(parts(path), None, "{path}");
        }
        assert_eq!(parts("/a/b"), Some(vec![b"a".to_vec(), b"b".to_vec()]));
    }
}
