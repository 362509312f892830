//! The command line made valid, once. Must not do any of the work.

use std::path::PathBuf;

use crate::cli::Cli;
use crate::error::BadArgument;

/// What every command may need to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder given for the runtime's packages; else they live in the cache.
    pub runtime: Option<PathBuf>,
}

impl Config {
    /// Checks the shared options.
    pub fn new(cli: &Cli) -> Result<Self, BadArgument> {
        let runtime = cli.runtime.clone().map(|path| folder("--runtime", path)).transpose()?;
        Ok(Config { runtime })
    }
}

/// `path`, which the argument `what` gave, when it is a folder.
pub fn folder(what: &'static str, path: PathBuf) -> Result<PathBuf, BadArgument> {
    if path.is_dir() { Ok(path) } else { Err(BadArgument::NotAFolder { what, path }) }
}
