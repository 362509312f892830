//! `cargo xtask sizes`: what bundles weigh when they are packed as tightly as can be, and how much of that a real browser
//! asks for, against the goals. Must not know what is in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::bench::browser::{self, Server};
use crate::shell;

/// A first page and how it is bundled.
struct Page {
    name: &'static str,
    new: &'static [&'static str],
    bundle: &'static [&'static str],
    /// What it may weigh, in bytes.
    goal: Option<u64>,
}

const PAGES: [Page; 4] = [
    Page { name: "MicroPython", new: &["--mpy"], bundle: &[], goal: Some(250_000) },
    Page { name: "Pyodide", new: &["--py"], bundle: &[], goal: Some(5_600_000) },
    Page { name: "Pyodide, stripped", new: &["--py"], bundle: &["--strip-stdlib"], goal: Some(3_800_000) },
    Page {
        name: "Pyodide, stripped, memory image",
        new: &["--py"],
        bundle: &["--strip-stdlib", "--snapshot"],
        goal: None,
    },
];

/// Makes, bundles and loads each page; fails when one is heavier than it may be.
pub fn run() -> Result<()> {
    shell::build()?;
    shell::run(shell::command(shell::binary("pyweb")).args(["runtime", "get", "--format", "human"]))?;
    let scratch = shell::target().join("sizes");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).context("failed to clear the folder of the last run")?;
    }
    std::fs::create_dir_all(&scratch)?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["bundle, Brotli 11", "files", "kB", "asked for", "kB", "goal kB"]);
    let mut heavy = Vec::new();
    for page in &PAGES {
        shell::say(page.name);
        let row = weigh(page, &scratch).with_context(|| page.name)?;
        if page.goal.is_some_and(|goal| row.bytes > goal) {
            heavy.push(page.name);
        }
        let goal = page.goal.map_or_else(String::new, kilobytes);
        let (files, asked) = (row.files.to_string(), row.asked.to_string());
        let row = [files, kilobytes(row.bytes), asked, kilobytes(row.asked_bytes), goal];
        table.add_row(std::iter::once(page.name.to_owned()).chain(row));
    }
    for column in 1..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    shell::say(&table.to_string());
    if !heavy.is_empty() {
        bail!("heavier than the goal: {}", heavy.join(", "));
    }
    Ok(())
}

/// What came out for one page.
struct Row {
    files: u64,
    bytes: u64,
    asked: usize,
    asked_bytes: u64,
}

fn weigh(page: &Page, scratch: &Path) -> Result<Row> {
    let name = page.name.replace([' ', ','], "-");
    let (site, out) = (scratch.join(format!("{name}-site")), scratch.join(&name));
    let pyweb = || shell::command(shell::binary("pyweb"));
    shell::output(pyweb().arg("new").args(page.new).arg(&site))?;
    let mut bundle = pyweb();
    bundle.arg("bundle").args(page.bundle).args(["--compress", "best", "--format", "jsonl", "-o"]);
    let records = shell::output(bundle.arg(&out).arg(&site))?;
    let written = records.lines().find(|line| line.contains("\"pyweb.bundle.written\""));
    let written: Value = serde_json::from_str(written.context("no record of the bundle")?)?;
    let count = |field: &str| written[field].as_u64().with_context(|| format!("no {field} in {written}"));
    let asked = asked_for(&out, scratch)?;
    let sizes = asked.iter().map(|path| packed_size(&out.join(path))).collect::<Result<Vec<u64>>>()?;
    Ok(Row {
        files: count("files")?,
        bytes: count("br_bytes")?,
        asked: asked.len(),
        asked_bytes: sizes.iter().sum(),
    })
}

/// The files that a browser asks for until the page's Python is done.
fn asked_for(bundle: &Path, scratch: &Path) -> Result<BTreeSet<PathBuf>> {
    let profile = scratch.join("profile");
    if profile.exists() {
        std::fs::remove_dir_all(&profile)?;
    }
    let server = Server::start(bundle)?;
    let mut chromium = browser::load(&server.url(), &profile);
    let shown = chromium.stderr(Stdio::null()).output().context("no chromium")?;
    if !String::from_utf8_lossy(&shown.stdout).contains("id=\"done\"") {
        bail!("the page's Python did not get done");
    }
    Ok(server.asked().into_iter().collect())
}

/// What a server that hands out the Brotli copies sends for a file.
fn packed_size(file: &Path) -> Result<u64> {
    let mut packed = file.as_os_str().to_owned();
    packed.push(".br");
    let metadata = std::fs::metadata(&packed).or_else(|_| std::fs::metadata(file));
    Ok(metadata.with_context(|| file.display().to_string())?.len())
}

fn kilobytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1000, bytes % 1000 / 100)
}
