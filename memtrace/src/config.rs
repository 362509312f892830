//! The command line made valid, once: which files, which program. Must not know how the work is done.

use std::path::{Path, PathBuf};

use crate::cli::{DestinationArgs, RunArgs};
use crate::error::Error;
use crate::source::launch::{Program, default_path};

/// What `memtrace run` is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What to run.
    pub program: Program,
    /// Where the capture goes.
    pub capture: PathBuf,
    /// Whether it may replace what is there.
    pub force: bool,
}

impl Run {
    /// Finds the program and a place for its capture.
    pub fn new(args: RunArgs) -> Result<Run, Error> {
        let program = Program::find(&args.program, args.python.as_deref())?;
        let capture = args.output.unwrap_or_else(|| default_path(&program.label));
        free(&capture, args.force)?;
        Ok(Run { program, capture, force: args.force })
    }
}

/// Where a report is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To standard output.
    Output,
    /// To this file.
    File(PathBuf),
}

impl Destination {
    /// The file asked for, or the input's name with another ending.
    pub fn new(args: &DestinationArgs, input: &Path, ending: &str) -> Result<Destination, Error> {
        let path = match &args.output {
            Some(path) if path == Path::new("-") => return Ok(Destination::Output),
            Some(path) => path.clone(),
            None if input == Path::new("-") => PathBuf::from("memtrace").with_extension(ending),
            None => input.with_extension(ending),
        };
        free(&path, args.force)?;
        Ok(Destination::File(path))
    }
}

fn free(path: &Path, force: bool) -> Result<(), Error> {
    if !force && path.symlink_metadata().is_ok() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    Ok(())
}
