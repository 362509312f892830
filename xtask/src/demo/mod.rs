//! `cargo xtask demo`: the main job of all four tools on real input, and a table of what came of it.

mod steps;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets};

use crate::{setup, shell};

/// What one step did, as the closing table says it.
struct Done {
    tool: &'static str,
    what: String,
    took: Duration,
    result: PathBuf,
}

/// Sets up, runs the steps and prints the table.
pub fn run() -> Result<()> {
    setup::run(false, &setup::Needed::Named(&["flask"]))?;
    let folder = shell::target().join("demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("failed to clear target/demo")?;
    }
    std::fs::create_dir_all(&folder)?;
    let mut done = Vec::new();
    for step in [
        steps::npm,
        steps::pip,
        steps::memory,
        steps::plain_pytest,
        steps::testfan,
        steps::bundle,
        steps::page,
    ] {
        let began = Instant::now();
        let (tool, what, result) = step(&folder)?;
        done.push(Done { tool, what, took: began.elapsed(), result });
    }
    shell::say(&format!("\n{}", table(&done)));
    Ok(())
}

fn table(done: &[Done]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["tool", "what was done", "took", "result"]);
    for Done { tool, what, took, result } in done {
        let result = result.strip_prefix(shell::root()).unwrap_or(result).display().to_string();
        table.add_row([(*tool).to_owned(), what.clone(), format!("{:.2} s", took.as_secs_f64()), result]);
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
