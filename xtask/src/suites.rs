//! `cargo xtask suites`: every pinned real suite by serial pytest and then several times by testfan, outcome by outcome.
//! A run that does not end is ended and counts as a difference. Must not know how fast testfan should be.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::setup::{self, Needed, Suite, venv};
use crate::shell;

/// A run may take so many times as long as serial pytest, and then this much more: far more than it should.
const PATIENCE: u32 = 5;
const MORE: Duration = Duration::from_mins(1);
/// Serial pytest itself may take this long.
const SERIAL_LIMIT: Duration = Duration::from_mins(15);
/// So many differences of a run are named.
const NAMED: usize = 10;

/// How testfan runs each suite.
pub struct Runs {
    pub rounds: usize,
    pub workers: usize,
    /// Of each worker.
    pub threads: usize,
}

/// Runs the suites that are named, or all; fails when an outcome differs.
pub fn run(names: &[String], runs: &Runs) -> Result<()> {
    let scratch = shell::target().join("suites");
    std::fs::create_dir_all(&scratch)?;
    let all = setup::suites()?;
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|suite| suite.name == **name)) {
        bail!("{unknown} is no suite of tests/suites.toml");
    }
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    setup::suites_only(&if names.is_empty() { Needed::All } else { Needed::Named(&wanted) })?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["suite", "tests", "serial s", "testfan s", "ratio", "outcomes"]);
    let mut differing = Vec::new();
    for suite in all.iter().filter(|suite| names.is_empty() || names.contains(&suite.name)) {
        shell::say(&format!("{} {}", suite.name, suite.version));
        let compared = compare(suite, runs, &scratch).with_context(|| suite.name.clone())?;
        table.add_row(compared.row(suite));
        if compared.differing > 0 {
            differing.push(suite.name.clone());
        }
    }
    for column in 1..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    shell::say(&format!("\n{table}"));
    if differing.is_empty() { Ok(()) } else { bail!("outcomes differ: {}", differing.join(", ")) }
}

/// A suite by both.
struct Compared {
    tests: usize,
    serial_s: f64,
    /// The median.
    ours_s: f64,
    rounds: usize,
    differing: usize,
}

impl Compared {
    fn row(&self, suite: &Suite) -> [String; 6] {
        [
            format!("{} {}", suite.name, suite.version),
            self.tests.to_string(),
            format!("{:.2}", self.serial_s),
            format!("{:.2}", self.ours_s),
            format!("{:.2}", self.ours_s / self.serial_s),
            match self.differing {
                0 => format!("equal, {} of {}", self.rounds, self.rounds),
                differing => format!("DIFFERENT, {differing} of {}", self.rounds),
            },
        ]
    }
}

fn compare(suite: &Suite, runs: &Runs, scratch: &Path) -> Result<Compared> {
    let (serial, serial_took) = serially(suite, scratch)?;
    if serial.is_empty() {
        bail!(
            "serial pytest ran no test, see {}",
            scratch.join(format!("{}.serial.log", suite.name)).display()
        );
    }
    let mut took = Vec::new();
    let mut differing = 0;
    for round in 1..=runs.rounds {
        let limit = serial_took * PATIENCE + MORE;
        let (ours, ended) = by_testfan(suite, runs, scratch, limit)?;
        let differences = match ended {
            Some(time) => {
                took.push(time.as_secs_f64());
                differences(&serial, &ours)
            }
            None => vec![format!("it did not end within {} s", limit.as_secs())],
        };
        differing += usize::from(!differences.is_empty());
        for difference in differences.iter().take(NAMED) {
            shell::say(&format!("  run {round}: {difference}"));
        }
    }
    took.sort_by(f64::total_cmp);
    let ours_s = took.get(took.len() / 2).copied().unwrap_or(f64::NAN);
    Ok(Compared {
        tests: serial.len(),
        serial_s: serial_took.as_secs_f64(),
        ours_s,
        rounds: runs.rounds,
        differing,
    })
}

/// Node id and outcome of every test.
type Outcomes = Vec<(String, String)>;

fn serially(suite: &Suite, scratch: &Path) -> Result<(Outcomes, Duration)> {
    let file = scratch.join(format!("{}.serial.json", suite.name));
    let mut command = shell::command(venv(&suite.venv));
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:parallel"]);
    command.args(["-p", "witness"]).args(&suite.args).arg(&suite.tests);
    command.env("PYTHONPATH", shell::root().join("tests/fixtures")).env("WITNESS_FILE", &file);
    let log = scratch.join(format!("{}.serial.log", suite.name));
    let took = ended(&mut command, suite, &log, SERIAL_LIMIT)?;
    let took = took.with_context(|| format!("serial pytest did not end, see {}", log.display()))?;
    let outcomes = std::fs::read(&file).with_context(|| format!("no outcomes, see {}", log.display()))?;
    Ok((serde_json::from_slice(&outcomes)?, took))
}

/// No duration: it did not end in time.
fn by_testfan(
    suite: &Suite,
    runs: &Runs,
    scratch: &Path,
    limit: Duration,
) -> Result<(Outcomes, Option<Duration>)> {
    let mut command = shell::command(shell::binary("testfan"));
    command.args(["run", "--format", "jsonl", &format!("-n{}", runs.workers)]);
    command.args(["--threads", &runs.threads.to_string(), "--python"]).arg(venv(&suite.venv));
    command.args(["-p", "no:cacheprovider", "-p", "no:parallel"]).args(&suite.args).arg(&suite.tests);
    let file = scratch.join(format!("{}.jsonl", suite.name));
    let took = ended(&mut command, suite, &file, limit)?;
    let mut outcomes = Outcomes::new();
    for line in std::fs::read_to_string(&file)?.lines() {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        if let (Some("test.finished"), Some(id), Some(outcome)) =
            (record["type"].as_str(), record["id"].as_str(), record["outcome"].as_str())
        {
            outcomes.push((id.to_owned(), outcome.to_owned()));
        }
    }
    Ok((outcomes, took))
}

/// Runs a command in the suite's folder with its output in a file; nothing when it had to be ended.
fn ended(
    command: &mut Command,
    suite: &Suite,
    output: &PathBuf,
    limit: Duration,
) -> Result<Option<Duration>> {
    command.current_dir(suite.folder()).stdin(Stdio::null()).process_group(0);
    command.stdout(File::create(output)?).stderr(File::create(output.with_extension("err"))?);
    let began = Instant::now();
    let mut child = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
    loop {
        if child.try_wait()?.is_some() {
            return Ok(Some(began.elapsed()));
        }
        if began.elapsed() >= limit {
            let group = format!("-{}", child.id());
            shell::run(Command::new("kill").args(["-9", "--", &group]))?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What is not the same. Where even the ids differ, as those do that hold a clock, tests count by their function.
fn differences(serial: &Outcomes, ours: &Outcomes) -> Vec<String> {
    let ids = |outcomes: &Outcomes| {
        let mut ids: Vec<String> = outcomes.iter().map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    };
    let exact = ids(serial) == ids(ours);
    let counted = |outcomes: &Outcomes| {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for (id, outcome) in outcomes {
            let name = if exact { id } else { id.split('[').next().unwrap_or(id) };
            *counts.entry((name.to_owned(), outcome.clone())).or_default() += 1;
        }
        counts
    };
    let (serial, ours) = (counted(serial), counted(ours));
    let all: std::collections::BTreeSet<_> = serial.keys().chain(ours.keys()).collect();
    let count = |of: &BTreeMap<_, usize>, key| of.get(key).copied().unwrap_or(0);
    let differing = all.into_iter().filter(|key| count(&serial, key) != count(&ours, key));
    let named = differing.map(|key| {
        let (id, outcome) = key;
        format!("{id} {outcome}: {} times by pytest, {} by testfan", count(&serial, key), count(&ours, key))
    });
    named.collect()
}
