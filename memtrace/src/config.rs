//! The command line made valid, once: which files, which program. Must not know how the work is done.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use memtrace_wire::header::Options;

use crate::cli::{AttachArgs, Command, DestinationArgs, RunArgs};
use crate::error::Error;
use crate::source::attach::name_of;
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
        let capture = args.output.unwrap_or_else(|| default_path(&program.label, std::process::id()));
        free(&capture, args.force)?;
        let options = Options {
            follow: args.follow_fork,
            python_allocators: args.python_allocators,
            native: args.native,
            aggregate: args.aggregate,
        };
        Ok(Run { program, capture, force: args.force, options })
    }
}

/// What `memtrace attach` is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attach {
    /// To which process.
    pub pid: u32,
    /// Where the capture goes; absolute, because the process may be elsewhere.
    pub capture: PathBuf,
    /// Whether it may replace what is there.
    pub force: bool,
    /// What is recorded.
    pub options: Options,
    /// For how long; until `memtrace detach` where it is not said.
    pub duration: Option<Duration>,
}

impl Attach {
    /// Finds a place for the capture.
    pub fn new(args: &AttachArgs) -> Result<Attach, Error> {
        let pid = args.pid;
        let capture = match &args.output {
            Some(path) => path.clone(),
            None => default_path(&name_of(pid)?, pid),
        };
        free(&capture, args.force)?;
        let capture = std::path::absolute(&capture).map_err(|cause| Error::Read { path: capture, cause })?;
        let options = Options {
            follow: args.follow_fork,
            python_allocators: args.python_allocators,
            native: args.native,
            aggregate: false,
        };
        Ok(Attach { pid, capture, force: args.force, options, duration: args.duration })
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

/// The folder in which a report is to look native code up first, where it was given one.
pub fn symbols(command: &Command) -> Option<&Path> {
    let symbols = match command {
        Command::Summary(args) => &args.input.symbols,
        Command::Stats(args) => &args.input.symbols,
        Command::Flamegraph(args) => &args.input.symbols,
        Command::Table(args) => &args.input.symbols,
        Command::Tree(args) => &args.input.symbols,
        Command::Live(args) => &args.symbols,
        Command::Leaks(args) => &args.input.symbols,
        Command::Diff(args) => &args.symbols,
        Command::Export(args) => &args.input.symbols,
        Command::Records(args) => &args.input.symbols,
        Command::Run(_)
        | Command::Attach(_)
        | Command::Detach(_)
        | Command::Library
        | Command::Measure { .. }
        | Command::Pack { .. }
        | Command::Completions { .. } => return None,
    };
    symbols.symbols.as_deref()
}

/// A number of bytes, with a unit or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    /// `4096`, `64k`, `10M`, `1.5GiB`: units are powers of 1024.
    fn from_str(text: &str) -> Result<Size, String> {
        let unknown = || format!("{text:?} is no size such as 4096, 64k, 10M or 1.5GiB");
        let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.');
        let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
        let unit = unit.trim_start().to_ascii_lowercase();
        let power = match unit.trim_end_matches('b').trim_end_matches('i') {
            "" => 0,
            "k" => 1,
            "m" => 2,
            "g" => 3,
            "t" => 4,
            _ => return Err(unknown()),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let factor = 1024_u64.pow(power);
        let whole: u64 = whole.parse().map_err(|_| unknown())?;
        // Six digits are finer than a byte of any unit that matters.
        let part: u64 = format!("{part:0<6.6}").parse().map_err(|_| unknown())?;
        let part = u128::from(part) * u128::from(factor) / 1_000_000;
        let part = u64::try_from(part).unwrap_or(0);
        whole.checked_mul(factor).and_then(|whole| whole.checked_add(part)).map(Size).ok_or_else(unknown)
    }
}

fn free(path: &Path, force: bool) -> Result<(), Error> {
    if !force && path.symlink_metadata().is_ok() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_or_none() {
        for (text, bytes) in
            [("0", 0), ("4096", 4096), ("64k", 65_536), ("10 M", 10 << 20), ("1.5GiB", 3 << 29)]
        {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "k", "-1", "1.2.3", "3 apples", "99999999T", "1e3", "."] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
