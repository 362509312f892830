//! Python packages for Pyodide: from what pages ask for to wheels that lie beside them. Must not know pages,
//! nor wasmtime.
//!
//! The rooms, in the order the data flows:
//!
//! - [`wanted`]: what a `packages` list asks for
//! - [`requirement`], [`marker`]: a requirement as PEP 508 has it, and what it may depend on
//! - [`target`]: the Python that it is for: its markers and the wheels it takes
//! - [`pip`]: which index this machine is configured for
//! - [`index`]: what that index has, got through `fetch`; [`simple`]: how it says so
//! - [`wheel`]: a wheel's name; [`metadata`]: what a wheel says of itself
//! - [`shelf`]: all that can be had of one package, best first: named files, the index, Pyodide's own distribution
//! - [`resolve`]: which versions fit together; pure
//! - [`gather`]: their files; [`lockfile`]: the list of them, in the form that Pyodide reads
//! - [`store`]: wheels by digest, and folders of them as Pyodide wants them
//! - [`error`]: what can go wrong

pub mod error;
mod gather;
mod index;
pub mod lockfile;
mod marker;
mod metadata;
mod pip;
mod requirement;
mod resolve;
mod shelf;
mod simple;
mod store;
pub mod target;
pub mod wanted;
mod wheel;

use std::path::{Path, PathBuf};

use common::Session;

pub use error::PackagesError;
use lockfile::Lockfile;
use shelf::Shelf;
use store::Store;
use target::Target;
use wanted::Wanted;
pub use wheel::file_name;

use crate::runtime::{PYODIDE, Runtime};

/// The lock file of a site, in its root. Pyodide itself can read it.
pub const LOCK: &str = "pyodide-lock.json";

/// Where packages may come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Folders of wheels; a package that is in one of them comes from nowhere else.
    pub wheel_dirs: Vec<PathBuf>,
    /// The index to ask instead of the one that pip is configured for.
    pub index_url: Option<String>,
}

/// What a run of this room stands on.
pub struct Desk<'a> {
    session: &'a Session,
    site: &'a Path,
    sources: &'a Sources,
    distribution: Lockfile,
    target: Target,
    store: Store,
}

impl<'a> Desk<'a> {
    /// For the site in `site` and the Pyodide of `runtime`.
    pub fn new(
        session: &'a Session,
        runtime: &Runtime,
        site: &'a Path,
        sources: &'a Sources,
    ) -> Result<Self, PackagesError> {
        let distribution = Lockfile::read(&runtime.file(PYODIDE, LOCK))?;
        let target = Target::new(&distribution.info)?;
        Ok(Desk { session, site, sources, distribution, target, store: Store::new()? })
    }

    /// Resolves anew, asking the index what is newest.
    pub fn lock(&self, wanted: &[Wanted]) -> Result<Lockfile, PackagesError> {
        self.resolve(wanted, true)
    }

    /// The packages for `wanted`, by the site's lock file where it has one, in a folder that Pyodide can load
    /// them from.
    pub fn provide(&self, wanted: &[Wanted]) -> Result<Provided, PackagesError> {
        let path = self.site.join(LOCK);
        let locked = path.is_file().then(|| Lockfile::read(&path)).transpose()?;
        let lock = match locked {
            Some(locked) => locked.for_wanted(wanted, &self.distribution.info, &self.target)?,
            // What is known of the index does, unless it has become too old for what is wanted.
            None => match self.resolve(wanted, false) {
                Err(PackagesError::Unavailable(_)) => self.resolve(wanted, true)?,
                resolved => resolved?,
            },
        };
        let folder = self.store.folder(&lock, self)?;
        Ok(Provided { lock, folder })
    }

    fn resolve(&self, wanted: &[Wanted], refresh: bool) -> Result<Lockfile, PackagesError> {
        let spinner = self.session.progress.spinner("resolving packages");
        let mut offers = Shelf::new(self, wanted, refresh)?;
        let roots = offers.roots(wanted);
        let chosen = resolve::resolve(&roots, &mut offers)?;
        let lock = gather::lock(self, &offers.candidates(&chosen), &chosen);
        spinner.finish_and_clear();
        lock
    }
}

/// Packages ready for Pyodide.
#[derive(Debug)]
pub struct Provided {
    /// What they are.
    pub lock: Lockfile,
    /// Their wheels and [`LOCK`], which names them from there.
    pub folder: PathBuf,
}
