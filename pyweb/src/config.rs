//! The command line made valid, once. Must not do any of the work.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use glob::Pattern;

use crate::bundle;
use crate::cli::{BundleArgs, Cli, Compress, External, NewArgs, PackageArgs};
use crate::error::BadArgument;
use crate::new::{self, Form};
use crate::packages::Sources;

/// What every command may need to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder given for the runtime's packages; else they live in the cache.
    pub runtime: Option<PathBuf>,
    /// What `PYTHONHASHSEED` says, as to any Python: `random`, or a number; nothing when it is empty or not there.
    pub hash_seed: Option<String>,
}

impl Config {
    /// Checks the shared options.
    pub fn new(cli: &Cli) -> Result<Self, BadArgument> {
        let runtime = cli.runtime.clone().map(|path| folder("--runtime", path)).transpose()?;
        let hash_seed = std::env::var_os("PYTHONHASHSEED").filter(|seed| !seed.is_empty());
        let hash_seed = hash_seed.map(|seed| self::hash_seed(&seed.to_string_lossy())).transpose()?;
        Ok(Config { runtime, hash_seed })
    }
}

fn hash_seed(given: &str) -> Result<String, BadArgument> {
    let is_one = given == "random" || given.parse::<u32>().is_ok();
    if is_one { Ok(given.to_owned()) } else { Err(BadArgument::HashSeed(given.to_owned())) }
}

/// What `pyweb bundle` is to do.
#[derive(Clone, Debug)]
pub struct BundleConfig {
    /// The site's folder.
    pub site: PathBuf,
    /// The bundle's folder: missing, empty, or an earlier bundle that may be replaced.
    pub out: PathBuf,
    /// Where the records of further files are; `-` for standard input.
    pub assets: Option<PathBuf>,
    /// How hard to compress.
    pub compress: Compress,
    /// What to do about a URL of another host.
    pub external: External,
    /// What goes in although such files are left out.
    pub include: Vec<Pattern>,
    /// Whether all of PyScript's core goes in, asked for or not.
    pub whole_core: bool,
    /// Where Python packages come from.
    pub packages: Sources,
    /// Whether it is to be an app that can be installed.
    pub pwa: bool,
    /// Whether its pages begin with the memory of a Pyodide that has started.
    pub snapshot: bool,
    /// The modules of Python's library to keep whoever uses them, where only what is used is to be kept.
    pub keep: Option<BTreeSet<String>>,
}

impl BundleConfig {
    /// Checks the arguments against what is there.
    pub fn new(args: BundleArgs) -> Result<Self, BadArgument> {
        let site = folder("the site", args.dir)?;
        let out = args.output;
        let resolved = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if resolved(&site).starts_with(resolved(&out)) {
            return Err(BadArgument::OutHoldsSite { out });
        }
        let occupied = match std::fs::read_dir(&out) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => out.symlink_metadata().is_ok(),
        };
        if occupied && !out.join(bundle::LOCK).is_file() {
            return Err(BadArgument::OutOccupied { out });
        }
        if occupied && !args.force {
            return Err(BadArgument::OutIsBundle { out });
        }
        let packages = sources(args.packages)?;
        let BundleArgs { assets, compress, external, include, whole_core, pwa, snapshot, .. } = args;
        let keep = args.strip_stdlib.then(|| args.keep.into_iter().collect());
        Ok(BundleConfig {
            site,
            out,
            assets,
            compress,
            external,
            include,
            whole_core,
            packages,
            pwa,
            snapshot,
            keep,
        })
    }
}

/// What `pyweb new` is to do.
#[derive(Clone, Debug)]
pub struct NewConfig {
    /// The folder: missing or empty.
    pub folder: PathBuf,
    /// The name of the page.
    pub title: String,
    /// Which page, and what runs it.
    pub form: Form,
}

impl NewConfig {
    /// Checks the arguments against what is there.
    pub fn new(args: &NewArgs) -> Result<Self, BadArgument> {
        let folder = args.folder.clone();
        let form = new::form(args)?;
        // `.` and `..` have a name of their own only once they are resolved.
        let named = if folder.file_name().is_some() { Ok(folder.clone()) } else { folder.canonicalize() };
        let name =
            named.ok().and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
        let Some(title) = name else { return Err(BadArgument::NoName(folder)) };
        match std::fs::read_dir(&folder).map(|mut entries| entries.next().is_none()) {
            Ok(true) => {}
            Ok(false) => return Err(BadArgument::Occupied(folder)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => return Err(BadArgument::NotAFolder { what: "the new page's place", path: folder }),
        }
        Ok(NewConfig { folder, title, form })
    }
}

/// Where Python packages come from, once the folders are there.
pub fn sources(args: PackageArgs) -> Result<Sources, BadArgument> {
    let PackageArgs { wheel_dirs, index_url } = args;
    let wheel_dirs =
        wheel_dirs.into_iter().map(|path| folder("--wheel-dir", path)).collect::<Result<_, _>>()?;
    Ok(Sources { wheel_dirs, index_url })
}

/// `path`, which the argument `what` gave, when it is a folder.
pub fn folder(what: &'static str, path: PathBuf) -> Result<PathBuf, BadArgument> {
    if path.is_dir() { Ok(path) } else { Err(BadArgument::NotAFolder { what, path }) }
}
