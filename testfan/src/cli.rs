//! What may be written on the command line. Must not know what it leads to.
//!
//! Options of testfan may stand anywhere among pytest's: they are lifted out first, and what is left
//! is pytest's, so that `testfan run -k foo -x tests/ -n 4` works.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{ArgAction, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use common::app::{CommandLine, OutputArgs, Shell};

use crate::reduce::Dist;

/// The whole command line.
#[derive(Clone, Debug, Args)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Commands,
    /// The options all tools share.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What testfan can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Commands {
    /// Run a suite in parallel, with pytest's own outcomes and exit codes
    #[command(after_help = RUN_EXAMPLES, args_override_self = true)]
    Run(RunArgs),
    /// List the tests that pytest collects, in its order; run none
    #[command(after_help = COLLECT_EXAMPLES)]
    Collect(CollectArgs),
    /// Sum up the records of runs: failures, slowest and flaky tests, XML file, marks for GitHub
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Show the records of a run as it showed them itself
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
    /// Run a suite, then run again what each change touches, what failed first
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(WatchArgs),
    /// Keep Python, pytest and collected tests ready for `run --daemon`
    #[command(after_help = DAEMON_EXAMPLES)]
    Daemon {
        /// What to do with it
        #[command(subcommand)]
        command: DaemonCommands,
    },
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

const RUN_EXAMPLES: &str = "\
Options that testfan does not know, and all paths, go to pytest; behind -- everything does.

Examples:
  testfan run                          the suite of this folder, one worker a core
  testfan run -n 4 -x -k login tests/  four workers, stop at the first failure
  testfan run -n 2 --threads 8         tests that mostly wait: up to sixteen at a time in two processes
  testfan run --partition 2/3          the second third, while other machines run the others
  testfan run --junit out.xml -- -p no:cacheprovider
  testfan run | jq -r 'select(.outcome==\"failed\").id'

Exit codes are pytest's: 0 passed, 1 failed, 2 interrupted, 3 internal error, 4 usage error, 5 no tests.
With GITHUB_ACTIONS=true failures are marked as by `testfan report --github`.";

const COLLECT_EXAMPLES: &str = "\
Options that testfan does not know, and all paths, go to pytest. Ids go to standard output, what pytest says of errors
to standard error.

Examples:
  testfan collect tests/ | jq -r .id
  testfan collect --format human -k login | wc -l
  testfan collect --partition 2/3      what another machine would run

Exit codes are pytest's: 0 collected, 2 errors while collecting, 4 usage error, 5 no tests.";

const REPORT_EXAMPLES: &str = "\
Without a file, reports the last run in this folder. Several files are parts of one whole, as --partition makes them.

Examples:
  testfan report                       the last run here
  testfan report --junit out.xml part-*.jsonl
  pyweb test page/ | testfan report --junit out.xml --github -

Exit codes: that of the run, of several the worst; 2 where a run was cut short or the records cannot be read.";

const REPLAY_EXAMPLES: &str = "\
Examples:
  testfan replay                       the last run here
  testfan run > run.jsonl; testfan replay --format human run.jsonl

Exit codes: that of the run; 2 where it was cut short or the records cannot be read.";

const WATCH_EXAMPLES: &str = "\
Takes all options of testfan run. A change runs the test files that import what changed, directly or not, and the
tests that failed before; of a file that no test is known to depend on, it runs all.

Examples:
  testfan watch                        keys: a all, f failed, enter again, q quit
  testfan watch --stepwise             stop at the first failure, go on from there once it is mended
  testfan watch | jq -r 'select(.outcome==\"failed\").id'";

/// `testfan watch`
#[derive(Clone, Debug, Args)]
pub struct WatchArgs {
    /// As for a run.
    #[command(flatten)]
    pub run: RunArgs,
    /// Start Python anew for each run, without the daemon
    #[arg(long)]
    pub no_daemon: bool,
}

const DAEMON_EXAMPLES: &str = "\
A run with --daemon starts it by itself. What it keeps is used only while every file that was read, every name in
the suite's folders, the environment, the interpreter and the arguments are what they were; else it collects anew.

Examples:
  testfan run --daemon tests/test_a.py     twice: the second time nothing need be imported
  testfan daemon status                    what it keeps, and what it cannot keep, and why
  testfan daemon stop

Exit codes: 0 yes, 1 there is no daemon, 2 it could not be asked.";

/// `testfan daemon`
#[derive(Clone, Debug, Subcommand)]
pub enum DaemonCommands {
    /// Start it, unless it runs
    Start {
        /// End it when nobody has asked for so long [default: 900]
        #[arg(long, value_name = "SECONDS")]
        idle: Option<f64>,
    },
    /// Say what it keeps
    Status,
    /// End it; runs that go on are left alone
    Stop,
    /// Be it, with the socket as standard input
    #[command(hide = true)]
    Serve {
        /// Where the socket is
        path: PathBuf,
        /// End when nobody has asked for so long
        #[arg(long)]
        idle: f64,
    },
}

/// `testfan run`
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The Python that has pytest and the suite's packages [default: the active virtual environment's, else python3]
    #[arg(long, value_name = "EXE")]
    pub python: Option<PathBuf>,
    /// How many workers: a number, auto for one a core, logical for one a hardware thread; 0 is --dist no
    /// [default: what pytest's options ask for, else auto]
    #[arg(short = 'n', long = "workers", alias = "numprocesses", value_name = "N")]
    pub workers: Option<String>,
    /// How many tests a worker runs at a time, in threads; tests that change what all threads share, or are marked
    /// `thread_unsafe`, run alone, and so do failed ones, again, before they count
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// Which tests are meant
    #[command(flatten)]
    pub part: PartArgs,
    /// Write an XML report to this file, as pytest --junitxml does
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// End a test that runs longer than this, and fail it
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<f64>,
    /// Run a failed test again, so many times at most; one that then passes is flaky
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub retries: usize,
    /// How many lost workers to replace before giving up [default: 4 for each worker]
    #[arg(long, value_name = "N")]
    pub max_worker_restart: Option<usize>,
    /// Measure what each test has in use at once and what it leaves behind, from its setup to its teardown, with memtrace
    #[arg(long)]
    pub memory: bool,
    /// Have what does not change from run to run done ahead by a process that stays, see testfan daemon
    #[arg(long)]
    pub daemon: bool,
    /// How workers start: copies of the process that collected, or fresh ones
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub start: Start,
    /// Options and paths for pytest
    #[arg(last = true, value_name = "PYTEST ARGS")]
    pub pytest: Vec<OsString>,
}

/// Which part of a suite is meant.
#[derive(Clone, Debug, Args)]
pub struct PartArgs {
    /// Which tests stay together in one worker, as in pytest-xdist [default: what pytest's options ask for, else load]
    #[arg(long, value_enum, value_name = "MODE")]
    pub dist: Option<Dist>,
    /// Only part K of N, each of which another machine runs: 2/3. The machines agree by themselves where they have the
    /// same suite and the same --durations-from; without it parts have equally many tests
    #[arg(long, value_name = "K/N")]
    pub partition: Option<String>,
    /// How long tests take: the records of a run, or a JSON object of microseconds by node id
    #[arg(long, value_name = "FILE")]
    pub durations_from: Option<PathBuf>,
}

/// `testfan collect`
#[derive(Clone, Debug, Args)]
pub struct CollectArgs {
    /// The Python that has pytest and the suite's packages [default: the active virtual environment's, else python3]
    #[arg(long, value_name = "EXE")]
    pub python: Option<PathBuf>,
    /// Which tests are meant
    #[command(flatten)]
    pub part: PartArgs,
    /// Options and paths for pytest
    #[arg(last = true, value_name = "PYTEST ARGS")]
    pub pytest: Vec<OsString>,
}

/// `testfan report`
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Files of records, - for standard input [default: the last run in this folder]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write an XML report to this file, of the same form as pytest's
    #[arg(long, value_name = "OUT")]
    pub junit: Option<PathBuf>,
    /// Mark failures for GitHub Actions, on standard error, and add to the summary of the job
    #[arg(long)]
    pub github: bool,
    /// How many of the slowest tests to name
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub slowest: usize,
}

/// `testfan replay`
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// A file of records, - for standard input [default: the last run in this folder]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// How workers start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Start {
    /// Fork, unless something makes that unsafe; the reason is then printed
    #[default]
    Auto,
    /// Copies of the process that collected: quick to start, and they share its memory
    Fork,
    /// Fresh processes, each of which collects for itself
    Spawn,
}

impl CommandLine for Cli {
    fn output(&self) -> &OutputArgs {
        &self.output
    }
}

impl CommandFactory for Cli {
    fn command() -> Command {
        let command = Command::new(crate::TOOL.name)
            .version(crate::TOOL.version)
            .about("Runs a pytest suite in parallel with pytest's own outcomes")
            .after_help(RUN_EXAMPLES)
            .subcommand_required(true)
            .arg_required_else_help(true);
        Cli::augment_args(command)
    }

    fn command_for_update() -> Command {
        Cli::command()
    }
}

impl Parser for Cli {
    fn try_parse_from<I, T>(args: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let mut command = Cli::command();
        command.build();
        let args = lift(&command, args.into_iter().map(Into::into).collect());
        let mut matches = command.try_get_matches_from_mut(args)?;
        Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// The commands that take pytest's arguments.
const TAKE_PYTESTS: [&str; 3] = ["run", "collect", "watch"];

/// Reorders `testfan run ARGS` so that testfan's own options come first, then `--` and pytest's.
fn lift(command: &Command, args: Vec<OsString>) -> Vec<OsString> {
    let Some(at) = subcommand(command, &args) else { return args };
    let known = args[at].to_str().filter(|name| TAKE_PYTESTS.contains(name));
    let Some(run) = known.and_then(|name| command.find_subcommand(name)) else { return args };
    let mut args = args.into_iter();
    let mut own: Vec<OsString> = args.by_ref().take(at + 1).collect();
    let mut pytest: Vec<OsString> = Vec::new();
    let mut quiet = false;
    while let Some(arg) = args.next() {
        if arg == "--" {
            pytest.extend(args);
            break;
        }
        match kind(run, &arg) {
            Kind::Pytest => pytest.push(arg),
            // testfan's own is one step down; each further one is pytest's.
            Kind::Complete if is_quiet(&arg) => {
                let steps = if arg == "--quiet" { 1 } else { arg.len() - 1 };
                let further = if std::mem::replace(&mut quiet, true) { steps } else { steps - 1 };
                own.push("-q".into());
                pytest.extend(std::iter::repeat_n("-q".into(), further));
            }
            Kind::Complete => own.push(arg),
            Kind::ValueFollows => {
                own.push(arg);
                own.extend(args.next());
            }
        }
    }
    own.push("--".into());
    own.extend(pytest);
    own
}

/// Where the name of the subcommand stands: the first word that is neither an option nor its value.
fn subcommand(command: &Command, args: &[OsString]) -> Option<usize> {
    let mut at = 1;
    while let Some(arg) = args.get(at) {
        match kind(command, arg) {
            Kind::Pytest if !arg.as_encoded_bytes().starts_with(b"-") => return Some(at),
            Kind::Pytest | Kind::Complete => at += 1,
            Kind::ValueFollows => at += 2,
        }
    }
    None
}

/// `-q`, `-qq` and so on, or in full.
fn is_quiet(arg: &OsStr) -> bool {
    arg == "--quiet"
        || arg.to_str().is_some_and(|text| text.trim_start_matches('-').chars().all(|c| c == 'q'))
}

enum Kind {
    Pytest,
    Complete,
    ValueFollows,
}

/// Whose option `arg` is, and whether the next argument is its value.
fn kind(run: &Command, arg: &OsStr) -> Kind {
    let Some(text) = arg.to_str() else { return Kind::Pytest };
    let (found, has_value) = if let Some(long) = text.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or(long);
        (run.get_arguments().find(|known| known.get_long() == Some(name)), long.contains('='))
    } else if let Some(short) = text.strip_prefix('-') {
        let Some(letter) = short.chars().next() else { return Kind::Pytest };
        let found = run.get_arguments().find(|known| known.get_short() == Some(letter));
        // Flags of one letter may be repeated (-vv); -qx is left to pytest, which has both.
        let repeated = short.chars().all(|other| other == letter);
        let takes_value = found.is_some_and(|known| known.get_action().takes_values());
        (found.filter(|_| repeated || takes_value), short.len() > 1)
    } else {
        (None, false)
    };
    match found {
        None => Kind::Pytest,
        Some(known) if !has_value && matches!(known.get_action(), ArgAction::Set) => Kind::ValueFollows,
        Some(_) => Kind::Complete,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn run(args: &[&str]) -> (RunArgs, OutputArgs) {
        let cli = Cli::try_parse_from([&["testfan", "run"], args].concat()).unwrap();
        match cli.command {
            Commands::Run(run) => (run, cli.output),
            _ => unreachable!("only run is asked for"),
        }
    }

    #[test]
    fn options_may_stand_anywhere_and_the_rest_is_pytests() {
        let (args, output) =
            run(&["-k", "foo", "-x", "tests/", "-n4", "-q", "--junit=o.xml", "--start", "fork"]);
        assert_eq!(args.pytest, ["-k", "foo", "-x", "tests/"]);
        assert_eq!((args.workers.as_deref(), args.start), (Some("4"), Start::Fork));
        assert_eq!(args.junit, Some("o.xml".into()));
        assert!(output.quiet);
    }

    #[test]
    fn only_the_command_itself_is_looked_for() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["testfan"], args].concat()).map(|cli| cli.command);
        let report = parse(&["--format", "human", "report", "run", "--slowest", "3"]).unwrap();
        assert!(matches!(report, Commands::Report(args) if args.files == [PathBuf::from("run")]));
        let collect = parse(&["-v", "collect", "-k", "run", "--partition", "1/2"]).unwrap();
        assert!(matches!(collect, Commands::Collect(args) if args.pytest == ["-k", "run"]));
    }

    #[test]
    fn the_last_word_counts_and_quieter_is_pytests() {
        let (args, output) = run(&["-n2", "-qq", "--dist=each", "-n", "3", "-q", "--dist", "load"]);
        let dist = args.part.dist;
        assert_eq!((args.workers.as_deref(), dist, output.quiet), (Some("3"), Some(Dist::Load), true));
        assert_eq!(args.pytest, ["-q", "-q"]);
    }

    #[test]
    fn behind_two_dashes_everything_is_pytests() {
        let (args, _) = run(&["-n", "2", "--", "-n", "3", "--timeout=4"]);
        assert_eq!(args.workers.as_deref(), Some("2"));
        assert_eq!(args.pytest, ["-n", "3", "--timeout=4"]);
    }
}
