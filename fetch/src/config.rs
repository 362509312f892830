//! Arguments made valid, once; behind this nobody looks at flags. Must not get or print anything.

use std::path::{Path, PathBuf};

use common::Failure;
use common::fs::FileError;

use crate::cache::Layout;
use crate::cli::{FolderArgs, GetArgs};
use crate::error::Error;
use crate::get::{Options, Policy};
use crate::source::{self, Address, Requests, registry};

/// A valid `fetch get`.
#[derive(Debug)]
pub struct Get {
    /// What to get.
    pub requests: Requests,
    /// Where to.
    pub folder: Folder,
    /// How.
    pub options: Options,
    /// How often to try.
    pub policy: Policy,
    /// How many files at once.
    pub jobs: usize,
    /// Whether stores are asked without credentials.
    pub anonymous: bool,
}

/// A cache folder and how it is arranged.
#[derive(Debug)]
pub struct Folder {
    /// An absolute path.
    pub root: PathBuf,
    /// The user's own folder, or the cache that all share.
    pub layout: Layout,
}

impl Get {
    /// Reads the arguments, and the registry that they name.
    pub fn new(args: &GetArgs) -> Result<Get, Failure> {
        Ok(Get {
            requests: requests(args)?,
            folder: Folder::new(&args.folder)?,
            options: Options { offline: args.offline, refresh: args.refresh, verify: args.verify },
            policy: Policy { retries: args.retries },
            jobs: usize::from(args.jobs),
            anonymous: args.anonymous,
        })
    }
}

impl Folder {
    /// The folder named, else the shared cache.
    pub fn new(args: &FolderArgs) -> Result<Folder, Failure> {
        let (root, layout) = match &args.cache {
            Some(root) => (root.clone(), Layout::Plain),
            None => (common::fs::cache_dir("fetch")?, Layout::Shared),
        };
        let root = std::path::absolute(&root).map_err(FileError::at("find", &root))?;
        Ok(Folder { root, layout })
    }
}

fn requests(args: &GetArgs) -> Result<Requests, Error> {
    let expected = args.hash.as_deref().map(str::parse).transpose();
    let expected = expected.map_err(|bad| Error::BadHash { bad })?;
    let from_stdin = args.wanted.iter().any(|wanted| wanted == "-");
    if let Some(path) = &args.registry {
        if expected.is_some() {
            return Err(Error::HashElsewhere("-r"));
        }
        let base = args.base_url.as_deref().map(Address::parse).transpose()?;
        let requests = source::from_registry(read_registry(path)?, base.as_ref(), &args.wanted)?;
        return Ok(Requests::Known(requests));
    }
    match args.wanted.as_slice() {
        [] => Err(Error::NothingAsked),
        [_] if from_stdin && expected.is_some() => Err(Error::HashElsewhere("-")),
        [_] if from_stdin => Ok(Requests::StandardInput),
        _ if from_stdin => Err(Error::InputAndUrls),
        urls => Ok(Requests::Known(source::from_arguments(urls, expected.as_ref())?)),
    }
}

fn read_registry(path: &Path) -> Result<Vec<registry::Entry>, Error> {
    let text =
        std::fs::read_to_string(path).map_err(|cause| Error::Unreadable { path: path.to_owned(), cause })?;
    registry::parse(&text).map_err(|(line, bad)| Error::BadRegistry { path: path.to_owned(), line, bad })
}
