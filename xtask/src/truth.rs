//! `cargo xtask truth`: memtrace's random stacks, far more of them than the tests have, and a table of what was wrong.

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use tempfile::NamedTempFile;

use crate::shell;

const HEADINGS: [&str; 7] =
    ["Program", "Mode", "Stacks", "Frames", "Wrong", "Events", "Blocks given out twice"];

/// Holds at least so many stacks of each Python in each mode against what the program saw itself.
pub fn run(stacks: usize) -> Result<()> {
    shell::heading(&format!("memtrace: {stacks} random stacks of each Python in each mode"));
    shell::build()?;
    let found = NamedTempFile::new().context("failed to make a file for what is found")?;
    let mut tests = shell::cargo();
    tests.env("SNAKEPIPE_STACKS", stacks.to_string()).env("SNAKEPIPE_TRUTH", found.path());
    // Not by nextest, which would end a test that takes long.
    tests.args(["test", "--workspace", "--locked", "--test", "truth", "--", "--nocapture"]);
    let passed = shell::run(&mut tests);
    let rows = std::fs::read_to_string(found.path()).context("failed to read what was found")?;
    let mut rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split('\t').collect()).collect();
    // Pythons in the order of their versions, then other programs.
    let version =
        |row: &[&str]| row[0].split_once('.').map_or(u32::MAX, |(_, minor)| minor.parse().unwrap_or(0));
    rows.sort_by(|a, b| (version(a), a).cmp(&(version(b), b)));
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEADINGS).add_rows(rows);
    shell::say(&format!("\n{table}"));
    passed
}
