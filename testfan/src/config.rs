//! The command line made valid, once; nobody looks at options after this.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use common::app::Session;
use common::format::Format;

use crate::cli::{RunArgs, Start};
use crate::error::Error;
use crate::reduce::{Dist, Focus, Part};

/// What a run needs to know.
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// The interpreter.
    pub python: PathBuf,
    /// How many workers at most, where that was said.
    pub workers: Option<Workers>,
    /// Which tests stay together, where that was said.
    pub dist: Option<Dist>,
    /// Which part of the suite is to run; none: all of it.
    pub part: Option<Part>,
    /// How long a test may take.
    pub timeout: Option<Duration>,
    /// How many times a failed test runs again.
    pub retries: usize,
    /// How many lost workers are replaced, where that was said.
    pub restarts: Option<usize>,
    /// How workers start.
    pub start: Start,
    /// Whether the daemon is to be asked for a zygote.
    pub daemon: bool,
    /// Which part of the suite is to run, where that is not all.
    pub focus: Option<Focus>,
    /// pytest's arguments, testfan's own among them.
    pub pytest: Vec<String>,
    /// Columns for pytest's text, where standard output is a terminal.
    pub width: Option<u16>,
}

impl RunConfig {
    /// Makes the options of `testfan run` valid.
    pub fn new(args: RunArgs, session: &Session) -> Result<RunConfig, Error> {
        Ok(RunConfig {
            workers: args.workers.as_deref().map(str::parse).transpose()?,
            dist: args.dist,
            part: args.partition.as_deref().map(part).transpose()?,
            timeout: args.timeout.map(timeout).transpose()?,
            retries: args.retries,
            restarts: args.max_worker_restart,
            start: args.start,
            daemon: args.daemon,
            focus: None,
            pytest: pytest_args(&args, session)?,
            python: args.python.unwrap_or_else(default_python),
            width: width(),
        })
    }
}

/// The columns of the terminal that is standard output, if it is one.
pub fn width() -> Option<u16> {
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| size.ws_col).filter(|&w| w > 0)
}

/// How many workers, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// One a core.
    Auto,
    /// One a hardware thread.
    Logical,
    /// So many; 0: one process that is told of no other.
    Number(usize),
}

impl FromStr for Workers {
    type Err = Error;

    fn from_str(text: &str) -> Result<Workers, Error> {
        match text {
            "auto" => Ok(Workers::Auto),
            "logical" => Ok(Workers::Logical),
            _ => text.parse().map(Workers::Number).map_err(|_| {
                let expected = "a number of workers, auto or logical";
                Error::Option { option: "-n", value: text.to_owned(), expected }
            }),
        }
    }
}

fn part(text: &str) -> Result<Part, Error> {
    let expected = "a part and the number of parts, such as 2/3";
    let wrong = || Error::Option { option: "--partition", value: text.to_owned(), expected };
    let (number, of) = text.split_once('/').ok_or_else(wrong)?;
    let (Ok(number), Ok(of)) = (number.parse(), of.parse()) else { return Err(wrong()) };
    if number == 0 || number > of { Err(wrong()) } else { Ok(Part { number, of }) }
}

fn timeout(seconds: f64) -> Result<Duration, Error> {
    self::seconds("--timeout", seconds)
}

/// A time that an option gives.
pub fn seconds(option: &'static str, seconds: f64) -> Result<Duration, Error> {
    let expected = "a number of seconds above 0";
    let wrong = || Error::Option { option, value: seconds.to_string(), expected };
    Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero()).ok_or_else(wrong)
}

/// `$VIRTUAL_ENV`'s interpreter, else the first `python3` on `PATH`.
fn default_python() -> PathBuf {
    let environment = std::env::var_os("VIRTUAL_ENV").filter(|folder| !folder.is_empty());
    environment.map_or_else(|| "python3".into(), |folder| Path::new(&folder).join("bin/python"))
}

/// The user's arguments come last, so that where both say something the user's word counts.
fn pytest_args(args: &RunArgs, session: &Session) -> Result<Vec<String>, Error> {
    let color = session.format == Format::Human && session.styles.color();
    let mut all = vec![format!("--color={}", if color { "yes" } else { "no" })];
    if let Some(file) = &args.junit {
        all.push(format!("--junitxml={}", file.display()));
    }
    if session.quiet {
        all.push("-q".into());
    }
    all.extend((0..session.verbose).map(|_| "-v".into()));
    for arg in &args.pytest {
        let expected = "readable text (UTF-8)";
        let wrong = || Error::Option { option: "argument", value: arg.to_string_lossy().into(), expected };
        let arg = arg.to_str().ok_or_else(wrong)?;
        if matches!(arg, "--pdb" | "--trace") {
            return Err(Error::Interactive(arg.to_owned()));
        }
        all.push(arg.to_owned());
    }
    Ok(all)
}
