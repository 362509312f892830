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
        if let Some(folder) = &cli.runtime
            && !folder.is_dir()
        {
            return Err(BadArgument::NotAFolder { what: "--runtime", path: folder.clone() });
        }
        Ok(Config { runtime: cli.runtime.clone() })
    }
}
