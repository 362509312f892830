//! What the path of a URL names: a file of the folder, or one of PyScript's below a folder named `pyscript`; and never
//! anything else. Must not know HTTP.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::below::{Below, Found};
use common::fs::FileError;

use super::{Provision, ServeError};
use crate::runtime::{PYODIDE, Runtime, address};

/// The file that stands for its folder.
const INDEX: &[u8] = b"index.html";

/// A folder and the PyScript that its pages find in it.
#[derive(Debug)]
pub struct Site {
    below: Below,
    root: PathBuf,
    runtime: Runtime,
    provision: Arc<Provision>,
}

/// A file.
#[derive(Debug)]
pub struct Named {
    /// The open file.
    pub file: File,
    /// Its state.
    pub metadata: Metadata,
    /// Its path from the root; what is not UTF-8 in it is replaced.
    pub path: String,
}

/// What a path names.
#[derive(Debug)]
pub enum Meant {
    /// A file, or the page that stands for its folder.
    File(Named),
    /// A folder, which is to be asked for with a slash at the end.
    Folder,
    /// A folder without a page.
    Names(Vec<Name>),
    /// Nothing that may be got: not there, hidden, unreadable or outside, which looks the same.
    Nothing,
}

/// What is in a folder.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Whether it is a file; folders come first.
    pub is_file: bool,
    /// Its name.
    pub name: Vec<u8>,
}

impl Site {
    /// The site in the folder `root`.
    pub fn open(root: &Path, runtime: Runtime) -> Result<Site, ServeError> {
        let below = Below::open(root).map_err(FileError::at("serve", root))?;
        let root = root.canonicalize().map_err(FileError::at("serve", root))?;
        Ok(Site { below, root, runtime, provision: Arc::new(Provision::none()) })
    }

    /// The packages that its pages find.
    pub fn provision(&self) -> Arc<Provision> {
        Arc::clone(&self.provision)
    }

    /// The folder, as an absolute path without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the parts of a path name, which ends with a slash or does not.
    pub fn find(&self, parts: &[Vec<u8>], slash: bool) -> Meant {
        if parts.iter().any(|part| is_hidden(part)) {
            return Meant::Nothing;
        }
        match self.below.find(parts) {
            Ok(Found::File(file, metadata)) if !slash => Meant::File(named(file, metadata, parts)),
            Ok(Found::Folder(_)) if !slash => Meant::Folder,
            Ok(Found::Folder(folder)) => {
                let index = [parts, &[INDEX.to_vec()]].concat();
                match self.below.find(&index) {
                    Ok(Found::File(file, metadata)) => Meant::File(named(file, metadata, &index)),
                    _ => self.names(&folder, parts).map_or(Meant::Nothing, Meant::Names),
                }
            }
            _ if !slash => self.pyscript(parts).map_or(Meant::Nothing, Meant::File),
            _ => Meant::Nothing,
        }
    }

    /// A file of PyScript's, or a wheel beside Pyodide, where a page has it in a folder named `pyscript`.
    fn pyscript(&self, parts: &[Vec<u8>]) -> Option<Named> {
        let path = String::from_utf8(parts.join(&b'/')).ok()?;
        let address = address::in_bundle(&path)?;
        let packages = || self.runtime.clone().with_python_packages(self.provision.folder());
        let wheel = (address.package == PYODIDE).then(|| packages().python_package(&address.path)).flatten();
        let pinned = || address.is_pinned().then(|| self.runtime.file(address.package, &address.path));
        let file = File::open(wheel.or_else(pinned)?).ok()?;
        let metadata = file.metadata().ok()?;
        Some(Named { file, metadata, path })
    }

    /// What can be got of a folder: links count as what they lead to, where they may.
    fn names(&self, folder: &File, parts: &[Vec<u8>]) -> io::Result<Vec<Name>> {
        let found = |name: Vec<u8>| {
            let found = self.below.find(&[parts, std::slice::from_ref(&name)].concat()).ok()?;
            Some(Name { is_file: matches!(found, Found::File(..)), name })
        };
        let names = Below::names(folder)?.into_iter().filter(|name| !is_hidden(name));
        let mut names: Vec<Name> = names.filter_map(found).collect();
        names.sort();
        Ok(names)
    }
}

/// Hidden files hold what is nobody else's business: keys, the history of version control.
fn is_hidden(part: &[u8]) -> bool {
    part.starts_with(b".") && part != b".well-known"
}

fn named(file: File, metadata: Metadata, parts: &[Vec<u8>]) -> Named {
    Named { file, metadata, path: String::from_utf8_lossy(&parts.join(&b'/')).into_owned() }
}
