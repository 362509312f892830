//! The command line made valid, once; nobody looks at options after this.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use common::app::Session;
use common::format::Format;

use crate::cli::{CollectArgs, PartArgs, ReplayArgs, ReportArgs, RunArgs, Start};
use crate::error::Error;
use crate::reduce::{Dist, Focus, Part};
use crate::source::durations::{self, Durations};
use crate::source::journal;
use crate::source::records::Input;

/// What a run needs to know.
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// The interpreter.
    pub python: PathBuf,
    /// How many workers at most, where that was said.
    pub workers: Option<Workers>,
    /// How many tests a worker runs at a time, 1 or more.
    pub threads: usize,
    /// Which part of the suite is to run.
    pub selection: Selection,
    /// How long a test may take.
    pub timeout: Option<Duration>,
    /// How many times a failed test runs again.
    pub retries: usize,
    /// How many lost workers are replaced, where that was said.
    pub restarts: Option<usize>,
    /// How workers start.
    pub start: Start,
    /// Whether pytest's debugger is asked for, which needs one process with the terminal.
    pub debugger: bool,
    /// Whether the daemon is to be asked for a zygote.
    pub daemon: bool,
    /// Whether the memory of each test is measured.
    pub memory: bool,
    /// Which part of the suite is to run, where that is not all.
    pub focus: Option<Focus>,
    /// pytest's arguments, testfan's own among them.
    pub pytest: Vec<String>,
    /// Columns for pytest's text, where standard output is a terminal.
    pub width: Option<u16>,
    /// Where to tell GitHub of failures, in one of its jobs.
    pub github: Option<GithubConfig>,
}

impl RunConfig {
    /// Makes the options of `testfan run` valid.
    pub fn new(args: RunArgs, session: &Session) -> Result<RunConfig, Error> {
        Ok(RunConfig {
            workers: args.workers.as_deref().map(str::parse).transpose()?,
            threads: threads(args.threads)?,
            timeout: args.timeout.map(timeout).transpose()?,
            retries: args.retries,
            restarts: args.max_worker_restart,
            start: args.start,
            debugger: debugger(&args, session)?,
            daemon: args.daemon,
            memory: memory(&args)?,
            focus: None,
            pytest: pytest_args(run_options(&args), &args.pytest, session)?,
            selection: Selection::new(args.part)?,
            python: args.python.unwrap_or_else(default_python),
            width: width(),
            github: std::env::var_os("GITHUB_ACTIONS")
                .is_some_and(|value| value == "true")
                .then(GithubConfig::from_environment),
        })
    }
}

/// What one thread allocates cannot be told from what the others do.
fn memory(args: &RunArgs) -> Result<bool, Error> {
    if args.memory && args.threads > 1 { Err(Error::Threads("--memory")) } else { Ok(args.memory) }
}

/// Which part of a suite is meant.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Which tests stay together, where that was said.
    pub dist: Option<Dist>,
    /// Which part; none: all of it.
    pub part: Option<Part>,
    /// How long tests take, as far as a file says it.
    pub durations: Durations,
}

impl Selection {
    fn new(args: PartArgs) -> Result<Selection, Error> {
        Ok(Selection {
            dist: args.dist,
            part: args.partition.as_deref().map(part).transpose()?,
            durations: args
                .durations_from
                .map_or_else(|| Ok(Durations::new()), |file| durations::read(&file))?,
        })
    }
}

/// What `testfan collect` needs to know.
#[derive(Clone, Debug)]
pub struct CollectConfig {
    /// The interpreter.
    pub python: PathBuf,
    /// Which part of the suite is to be listed.
    pub selection: Selection,
    /// pytest's arguments, testfan's own among them.
    pub pytest: Vec<String>,
}

impl CollectConfig {
    /// Makes the options of `testfan collect` valid.
    pub fn new(args: CollectArgs, session: &Session) -> Result<CollectConfig, Error> {
        let own = vec!["--collect-only".to_owned(), "-q".to_owned()];
        Ok(CollectConfig {
            pytest: pytest_args(own, &args.pytest, session)?,
            selection: Selection::new(args.part)?,
            python: args.python.unwrap_or_else(default_python),
        })
    }
}

/// What `testfan report` needs to know.
#[derive(Clone, Debug)]
pub struct ReportConfig {
    /// Where the records are, one input at least.
    pub inputs: Vec<Input>,
    /// Where the XML report goes.
    pub junit: Option<PathBuf>,
    /// Where to tell GitHub of failures.
    pub github: Option<GithubConfig>,
    /// How many of the slowest tests to name.
    pub slowest: usize,
}

impl ReportConfig {
    /// Makes the options of `testfan report` valid.
    pub fn new(args: ReportArgs) -> Result<ReportConfig, Error> {
        let inputs: Vec<Input> = args.files.into_iter().map(input).collect();
        Ok(ReportConfig {
            inputs: if inputs.is_empty() { vec![last_run()?] } else { inputs },
            junit: args.junit,
            github: args.github.then(GithubConfig::from_environment),
            slowest: args.slowest,
        })
    }
}

/// What `testfan replay` needs to know: where the records are.
pub fn replayed(args: ReplayArgs) -> Result<Input, Error> {
    args.file.map_or_else(last_run, |file| Ok(input(file)))
}

fn input(file: PathBuf) -> Input {
    if file.as_os_str() == "-" { Input::Stdin } else { Input::File(file) }
}

fn last_run() -> Result<Input, Error> {
    journal::last().map(Input::File).ok_or(Error::NoLastRun)
}

/// What a job of GitHub Actions says of itself.
#[derive(Clone, Debug, Default)]
pub struct GithubConfig {
    /// The current folder as seen from the repository; files are named from there.
    pub folder: PathBuf,
    /// The file that takes the job's summary.
    pub summary: Option<PathBuf>,
}

impl GithubConfig {
    fn from_environment() -> Self {
        let named = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let here = std::env::current_dir().unwrap_or_default();
        let inside = |repository: PathBuf| here.strip_prefix(repository).map(Path::to_owned).ok();
        GithubConfig {
            folder: named("GITHUB_WORKSPACE").and_then(inside).unwrap_or_default(),
            summary: named("GITHUB_STEP_SUMMARY"),
        }
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

fn threads(number: usize) -> Result<usize, Error> {
    let expected = "a number of tests at a time, 1 or more";
    if number > 0 {
        Ok(number)
    } else {
        Err(Error::Option { option: "--threads", value: "0".into(), expected })
    }
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

fn run_options(args: &RunArgs) -> Vec<String> {
    args.junit.iter().map(|file| format!("--junitxml={}", file.display())).collect()
}

/// Whether an option asks for pytest's debugger. Its prompt is no record.
fn debugger(args: &RunArgs, session: &Session) -> Result<bool, Error> {
    let option = args.pytest.iter().find(|arg| *arg == "--pdb" || *arg == "--trace");
    match option.map(|option| option.to_string_lossy().into_owned()) {
        Some(option) if session.format == Format::Jsonl => Err(Error::Interactive(option)),
        option => Ok(option.is_some()),
    }
}

/// The user's arguments come last, so that where both say something the user's word counts.
fn pytest_args(own: Vec<String>, users: &[OsString], session: &Session) -> Result<Vec<String>, Error> {
    let color = session.format == Format::Human && session.styles.color();
    let reporter = !users.iter().any(|arg| arg == "no:terminal" || arg == "-pno:terminal");
    let mut all = Vec::new();
    if reporter {
        all.push(format!("--color={}", if color { "yes" } else { "no" }));
    }
    all.extend(own);
    if session.quiet && reporter {
        all.push("-q".into());
    }
    all.extend((0..session.verbose).filter(|_| reporter).map(|_| "-v".into()));
    for arg in users {
        let expected = "readable text (UTF-8)";
        let wrong = || Error::Option { option: "argument", value: arg.to_string_lossy().into(), expected };
        all.push(arg.to_str().ok_or_else(wrong)?.to_owned());
    }
    Ok(all)
}
