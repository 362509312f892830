//! The command line as typed. Must not know what the commands do.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use common::OutputArgs;
use common::app::{CommandLine, Shell};

use crate::config::Size;
use crate::events::At;
use crate::render::export::Target;

const EXAMPLES: &str = "\
Examples:
  memtrace run app.py --port 8000          profile a script
  memtrace run -o tests.mtr -m pytest -x   profile a module
  memtrace run ./server                    profile a native program
  memtrace attach 4242                     profile a Python program that runs already
  memtrace flamegraph memtrace-app.py.4242.mtr
  memtrace live capture.mtr                watch it while it runs
  memtrace tree capture.mtr                walk through its calls
  memtrace diff before.mtr after.mtr       exit code 1 when a function grew
  memtrace export --to pprof capture.mtr
  memtrace records capture.mtr | jq 'select(.size_bytes > 1000000)'
  memtrace records capture.mtr | memtrace stats -

Exit codes: 0 done; 1 `diff` found growth, or `leaks` more than its limit; 2 could not be done. `memtrace run` ends as the program ends: with its exit code, or by
the signal that killed it.";

/// Profiles the memory of Python and native programs, every allocation.
#[derive(Debug, Parser)]
#[command(name = "memtrace", version, about, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Options of all tools
    #[command(flatten)]
    pub output: OutputArgs,
}

impl CommandLine for Cli {
    fn output(&self) -> &OutputArgs {
        &self.output
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a program and record its allocations
    Run(RunArgs),
    /// Record a Python program that runs already
    Attach(AttachArgs),
    /// End the recording of a program that runs on
    Detach(DetachArgs),
    /// Say which lines hold the most memory
    Summary(SummaryArgs),
    /// Count allocations, sizes and allocators
    Stats(StatsArgs),
    /// Draw a flame graph, as one HTML file that works offline
    Flamegraph(FlamegraphArgs),
    /// List what each line, thread and allocator asked for, as one HTML file
    Table(TableArgs),
    /// Walk through the call tree, with its code; text where there is no terminal
    Tree(TreeArgs),
    /// Watch a program while it is recorded
    Live(LiveArgs),
    /// Say what was never given back, and where it was asked for
    Leaks(LeaksArgs),
    /// Compare two runs
    Diff(DiffArgs),
    /// Write a profile for another program
    Export(ExportArgs),
    /// Write every allocation and free as a record
    Records(RecordsArgs),
    /// Say where the library is that programs load
    #[command(hide = true)]
    Library,
    /// Answer each line on standard input, the path of a capture, with its numbers
    #[command(hide = true)]
    Measure {
        /// How many of the largest locations to tell before
        #[arg(short = 'n', long, default_value_t = 5)]
        top: usize,
    },
    /// Pack a capture that nobody writes to any more
    #[command(hide = true)]
    Pack {
        /// The capture
        capture: PathBuf,
    },
    /// Print the completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// Arguments of `memtrace run`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memtrace run app.py
  memtrace run -m http.server
  memtrace run -c 'x = bytearray(10_000_000)'
  memtrace run --native ./server           functions of a native program, with their lines
  memtrace run --python .venv/bin/python -o app.mtr app.py --its-own-option

Without --follow-fork, neither the children that the program forks nor what they or it execute are traced.")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct RunArgs {
    /// Capture file [default: memtrace-<name>.<pid>.mtr, with the pid of memtrace itself]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite the capture file
    #[arg(short, long)]
    pub force: bool,
    /// Trace forked children and executed programs too; each leaves FILE.<pid>, and reports on FILE count all
    #[arg(long)]
    pub follow_fork: bool,
    /// Record every object, as Python's own allocators give them out, instead of the memory that those get
    #[arg(long)]
    pub python_allocators: bool,
    /// Keep only sums, in a small file that is whole at any time, even after SIGKILL; `records` and `live` need more
    #[arg(long, conflicts_with = "follow_fork")]
    pub aggregate: bool,
    /// Record native stacks (C, C++, Rust) too, in one with Python's
    #[arg(long)]
    pub native: bool,
    /// Interpreter for scripts, -m and -c [default: the active virtual environment, else python3 on PATH]
    #[arg(long, value_name = "EXE")]
    pub python: Option<PathBuf>,
    /// SCRIPT.py, -m MODULE, -c CODE or a PROGRAM; then its own arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM")]
    pub program: Vec<OsString>,
}

/// Arguments of `memtrace attach`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memtrace attach 4242                     then: memtrace live FILE, memtrace detach 4242
  memtrace attach --duration 30 -o web.mtr 4242
  memtrace attach --native 4242            with the functions of C, C++ and Rust

What the program had before is not known. Libraries are recorded from when the program first asks them for a
function on. Whatever goes wrong, the program runs on.")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct AttachArgs {
    /// Capture file [default: memtrace-<name>.<PID>.mtr]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite the capture file
    #[arg(short, long)]
    pub force: bool,
    /// Trace the children that it forks too; each leaves FILE.<pid>, and reports on FILE count all
    #[arg(long)]
    pub follow_fork: bool,
    /// Record every object, as Python's own allocators give them out, instead of the memory that those get
    #[arg(long)]
    pub python_allocators: bool,
    /// Record native stacks (C, C++, Rust) too, in one with Python's
    #[arg(long)]
    pub native: bool,
    /// Detach after so many seconds, or on Ctrl-C
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub duration: Option<Duration>,
    /// The process
    pub pid: u32,
}

/// Arguments of `memtrace detach`.
#[derive(Args, Debug)]
pub struct DetachArgs {
    /// The process
    pub pid: u32,
}

/// Arguments of `memtrace records`.
#[derive(Args, Debug)]
pub struct RecordsArgs {
    /// Where the events come from
    #[command(flatten)]
    pub input: InputArgs,
    /// One record for each stack, thread and allocator instead, with what it had
    #[arg(long, value_enum)]
    pub at: Option<At>,
    /// What counts as temporary
    #[command(flatten)]
    pub temporary: TemporaryArgs,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| format!("{text:?} is no number of seconds"))
}

/// Where a report gets its events.
#[derive(Args, Debug)]
pub struct InputArgs {
    /// Capture file, or - for records on standard input
    #[arg(value_name = "CAPTURE|-")]
    pub input: PathBuf,
    /// Where native code is looked up first
    #[command(flatten)]
    pub symbols: SymbolsArgs,
}

/// Where native code is looked up, besides where it was when it ran.
#[derive(Args, Debug)]
pub struct SymbolsArgs {
    /// Folder with the programs and libraries of the machine that recorded it, or their debug files, known by build-id
    #[arg(long, value_name = "DIR")]
    pub symbols: Option<PathBuf>,
}

/// Arguments of `memtrace summary`.
#[derive(Args, Debug)]
pub struct SummaryArgs {
    /// Where the events come from
    #[command(flatten)]
    pub input: InputArgs,
    /// Which allocations to count
    #[arg(long, value_enum, default_value_t = At::Peak)]
    pub at: At,
    /// How many lines to show
    #[arg(short = 'n', long, default_value_t = 30, value_name = "N")]
    pub top: usize,
}

/// Arguments of `memtrace stats`.
#[derive(Args, Debug)]
pub struct StatsArgs {
    /// Where the events come from
    #[command(flatten)]
    pub input: InputArgs,
    /// How many of the largest locations to show
    #[arg(short = 'n', long, default_value_t = 5, value_name = "N")]
    pub top: usize,
}

/// Where a report is written.
#[derive(Args, Debug)]
pub struct DestinationArgs {
    /// File to write, or - for standard output [default: named after the capture]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Overwrite that file
    #[arg(short, long)]
    pub force: bool,
}

/// What counts as temporary.
#[derive(Args, Debug)]
pub struct TemporaryArgs {
    /// An allocation is temporary when its thread makes at most N others before it is given back
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub temporary_threshold: u32,
}

/// Arguments of `memtrace flamegraph`.
#[derive(Args, Debug)]
pub struct FlamegraphArgs {
    /// Where the events come from
    #[command(flatten)]
    pub input: InputArgs,
    /// Where the page goes
    #[command(flatten)]
    pub destination: DestinationArgs,
    /// Which allocations to show first
    #[arg(long, value_enum, default_value_t = At::Peak)]
    pub at: At,
    /// Show callees above their callers first
    #[arg(long)]
    pub inverted: bool,
    /// Show each thread by itself first
    #[arg(long)]
    pub split_threads: bool,
    /// What counts as temporary
    #[command(flatten)]
    pub temporary: TemporaryArgs,
}

/// Arguments of `memtrace table`.
#[derive(Args, Debug)]
pub struct TableArgs {
    /// Where the events come from
    #[command(flatten)]
    pub input: InputArgs,
    /// Where the page goes
    #[command(flatten)]
    pub destination: DestinationArgs,
    /// Which allocations to show first
    #[arg(long, value_enum, default_value_t = At::Peak)]
    pub at: At,
    /// What counts as temporary
    #[command(flatten)]
    pub temporary: TemporaryArgs,
}

/// Arguments of `memtrace export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Where the events come from
    #[command(flatten)]
    pub input: InputArgs,
    /// For which program
    #[arg(long, value_enum)]
    pub to: Target,
    /// Where the profile goes
    #[command(flatten)]
    pub destination: DestinationArgs,
    /// Which allocations; pprof, DHAT and Massif have several kinds at once
    #[arg(long, value_enum, default_value_t = At::Peak)]
    pub at: At,
}

/// Arguments of `memtrace tree`.
#[derive(Args, Debug)]
pub struct TreeArgs {
    /// Where the events come from
    #[command(flatten)]
    pub input: InputArgs,
    /// Which allocations to show first
    #[arg(long, value_enum, default_value_t = At::Peak)]
    pub at: At,
    /// Show the frames of the import system too
    #[arg(long)]
    pub imports: bool,
}

/// Arguments of `memtrace live`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memtrace run -o app.mtr app.py           in one terminal
  memtrace live app.mtr                    in another; leave it and come back as you like
  memtrace live app.mtr | jq .peak_bytes   once a second, until the program ends
  memtrace live --listen 4000 app.mtr      where the program runs
  ssh -L 4000:localhost:4000 THERE         from where you are, and then
  memtrace live --remote 4000              as if it ran here

The connection is neither secret nor checked: to be reached from elsewhere without ssh, say --listen HOST:PORT.")]
pub struct LiveArgs {
    /// Capture file that a program is being recorded into
    #[arg(value_name = "CAPTURE", required_unless_present = "remote", conflicts_with = "remote")]
    pub capture: Option<PathBuf>,
    /// Show nothing here, but to those who connect to this port
    #[arg(long, value_name = "[HOST:]PORT", conflicts_with = "remote")]
    pub listen: Option<String>,
    /// Watch a program of another machine, where --listen is at work
    #[arg(long, value_name = "[HOST:]PORT")]
    pub remote: Option<String>,
    /// Where native code is looked up first
    #[command(flatten)]
    pub symbols: SymbolsArgs,
}

/// Arguments of `memtrace leaks`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memtrace leaks app.mtr
  memtrace leaks --limit 1M app.mtr        in CI: fail when any stack kept more than a mebibyte

Exit codes: 0 no stack kept more than the limit, or none was set; 1 one did; 2 could not be done.")]
pub struct LeaksArgs {
    /// Where the events come from
    #[command(flatten)]
    pub input: InputArgs,
    /// How many stacks to show
    #[arg(short = 'n', long, default_value_t = 10, value_name = "N")]
    pub top: usize,
    /// Fail when one stack never gave back more than this, such as 500k or 10M
    #[arg(long, value_name = "SIZE")]
    pub limit: Option<Size>,
}

/// Arguments of `memtrace diff`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  memtrace diff before.mtr after.mtr
  memtrace diff --at leaked --grow-by 1M main.mtr branch.mtr

Functions are found again by name and file. Python takes memory for small objects a mebibyte at a time, which
counts for whoever needs the next one: with less for --grow-by, record with --python-allocators.

Exit codes: 0 no function grew; 1 one did; 2 could not be done.")]
pub struct DiffArgs {
    /// Capture of the first run
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// Capture of the second run
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Where native code is looked up first
    #[command(flatten)]
    pub symbols: SymbolsArgs,
    /// Which allocations to compare
    #[arg(long, value_enum, default_value_t = At::Peak)]
    pub at: At,
    /// A function grew when it has at least so much more, such as 64k or 10M
    #[arg(long, default_value = "2M", value_name = "SIZE")]
    pub grow_by: Size,
    /// How many functions to show; all that grew are shown in any case
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    pub top: usize,
}
