//! The command line made valid, once: which files, which program. Must not know how the work is done.

use std::path::{Path, PathBuf};

use memtrace_wire::header::Options;

use crate::cli::{FlamegraphArgs, RunArgs};
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
    /// What is recorded.
    pub options: Options,
}

impl Run {
    /// Finds the program and a place for its capture.
    pub fn new(args: RunArgs) -> Result<Run, Error> {
        let program = Program::find(&args.program, args.python.as_deref())?;
        let capture = args.output.unwrap_or_else(|| default_path(&program.label));
        free(&capture, args.force)?;
        let options = Options { follow: args.follow_fork, python_allocators: args.python_allocators };
        Ok(Run { program, capture, force: args.force, options })
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
    pub fn new(args: &FlamegraphArgs) -> Result<Destination, Error> {
        let input = &args.input.input;
        let path = match &args.output {
            Some(path) if path == Path::new("-") => return Ok(Destination::Output),
            Some(path) => path.clone(),
            None if input == Path::new("-") => PathBuf::from("memtrace.html"),
            None => input.with_extension("html"),
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
