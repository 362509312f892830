//! The command line of `cargo xtask`, and the one place that reports its errors.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{bench, demo, faults, fuzz, matrix, schema, setup, shell, sizes, suites, test, tidy, truth};

/// The workspace's automation
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The main job of all four tools on real input; sets up what it needs
    Demo,
    /// Every test that this machine can run, naming what is missing; sets up what it needs
    Test {
        /// Arguments for the test runner, such as a name to filter by
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Make the virtual environments, suites and runtime files that tests and demo use
    Setup {
        /// Install Debian packages too (needs root)
        #[arg(long)]
        system: bool,
    },
    /// The tools beside their peers, interleaved in one run, as ratios of medians
    Bench {
        /// fetch, memtrace, testfan or pyweb; all of them when none is named
        tools: Vec<String>,
        /// Counted rounds of each arm, after one that is not counted
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Only works whose name holds this, such as `flask` or `-n8`
        #[arg(long, default_value = "", allow_hyphen_values = true)]
        only: String,
    },
    /// Real suites by serial pytest and by testfan: every outcome the same, again and again
    Suites {
        /// Which of tests/suites.toml; all of them when none is named
        names: Vec<String>,
        /// Runs of testfan on each
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Workers
        #[arg(short = 'n', long, default_value_t = 2)]
        workers: usize,
        /// Threads of each worker
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// What bundles weigh and what of them Chromium asks for, against the goals
    Sizes,
    /// Runs that are killed at random moments, far more of them than the tests have
    Faults {
        /// The tool
        #[arg(value_parser = ["fetch", "testfan"])]
        tool: String,
        /// How many runs are killed in each of the tests
        #[arg(long, default_value_t = 200)]
        rounds: usize,
    },
    /// testfan's tests on each Python and pytest that it is for; makes the environments
    Matrix {
        /// Only the pairs whose name begins so, such as 3.9 or 3.13-8
        pairs: Vec<String>,
    },
    /// memtrace's stacks against what random programs see themselves, on each Python in each mode
    Truth {
        /// At least how many of each
        #[arg(long, default_value_t = 30_000)]
        stacks: usize,
    },
    /// Fuzz the tools' parsers with libFuzzer; installs cargo-fuzz if it is missing
    Fuzz {
        /// Which; all of them when none is named
        targets: Vec<String>,
        /// For how long each
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Write the record schemas from the types
    Schema {
        /// Change nothing; fail when a committed schema is stale
        #[arg(long)]
        check: bool,
    },
    /// Check the rules of the house that no compiler knows
    Tidy,
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let done = match Xtask::parse().command {
        Command::Demo => demo::run(),
        Command::Test { args } => test::run(&args),
        Command::Setup { system } => setup::run(system, &setup::Needed::All),
        Command::Bench { tools, rounds, only } => bench::run(&tools, rounds, &only),
        Command::Suites { names, rounds, workers, threads } => {
            suites::run(&names, &suites::Runs { rounds, workers, threads })
        }
        Command::Sizes => sizes::run(),
        Command::Faults { tool, rounds } => faults::run(&tool, rounds),
        Command::Matrix { pairs } => matrix::run(&pairs),
        Command::Truth { stacks } => truth::run(stacks),
        Command::Fuzz { targets, seconds } => fuzz::run(&targets, seconds),
        Command::Schema { check } => schema::run(check),
        Command::Tidy => tidy::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
