//! The steps of the demo: each does one tool's main job on real input and says what came of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::setup::{self, venv};
use crate::shell;

/// The tool, what it did, and where the result lies.
type Step = Result<(&'static str, String, PathBuf)>;

/// `npm view … | fetch get -`
pub fn npm(folder: &Path) -> Step {
    shell::heading("npm view @pyscript/core dist --json | fetch get -");
    let mut view = shell::command("npm");
    let metadata = shell::output(view.args(["view", "@pyscript/core@0.7.31", "dist", "--json"]))?;
    fetch(folder, &metadata, "a package's tarball from npm's own metadata")
}

/// `pip install --dry-run --report - … | fetch get -`
pub fn pip(folder: &Path) -> Step {
    shell::heading("pip install --dry-run --report - flask | fetch get -");
    let mut pip = shell::command(venv("testfan"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run"]);
    let report = shell::output(pip.args(["--ignore-installed", "--report", "-", "flask"]))?;
    fetch(folder, &report, "flask and all it needs from pip's own report")
}

fn fetch(folder: &Path, metadata: &str, what: &str) -> Step {
    let cache = folder.join("downloads");
    let get = || {
        let mut command = shell::command(shell::binary("fetch"));
        command.args(["get", "--format", "jsonl", "--cache"]).arg(&cache).arg("-");
        command
    };
    let first = records(&shell::pipe(metadata, &mut get())?, "fetch.file.finished")?;
    let again = records(&shell::pipe(metadata, &mut get())?, "fetch.file.finished")?;
    let bytes: u64 = first.iter().filter_map(|record| record["size_bytes"].as_u64()).sum();
    for record in &first {
        shell::say(&format!("{} {}", text(record, "digest"), text(record, "name")));
    }
    let cached = again.iter().filter(|record| record["status"] == "cached").count();
    if first.is_empty() || cached != first.len() {
        bail!("{} files came, {cached} of them were cached the second time", first.len());
    }
    Ok(("fetch", format!("{what}: {} verified, {bytes} bytes; again: all cached", first.len()), cache))
}

/// `memtrace run`, `stats`, `flamegraph` on a real program: Pygments renders a module of the standard library.
pub fn memory(folder: &Path) -> Step {
    shell::heading("memtrace run -m pygments … && memtrace flamegraph");
    let capture = folder.join("pygments.mtr");
    let source = shell::output(
        shell::command(venv("testfan")).args(["-c", "import argparse; print(argparse.__file__, end='')"]),
    )?;
    let mut run = memtrace();
    run.args(["run", "-f", "-o"]).arg(&capture).arg("--python").arg(venv("testfan"));
    run.args(["-m", "pygments", "-f", "html", "-O", "full", "-o"])
        .arg(folder.join("argparse.html"))
        .arg(source);
    shell::run(&mut run)?;
    let page = folder.join("memory.html");
    shell::run(memtrace().args(["flamegraph", "--format", "human", "-f", "-o"]).arg(&page).arg(&capture))?;
    shell::run(memtrace().args(["stats", "--format", "human"]).arg(&capture))?;
    let stats = shell::output(memtrace().args(["stats", "--format", "jsonl"]).arg(&capture))?;
    let stats =
        records(&stats, "memtrace.stats.computed")?.pop().context("memtrace computed no statistics")?;
    let what = format!(
        "Pygments profiled: {} allocations, {} bytes at the peak",
        stats["allocations"], stats["peak_bytes"]
    );
    Ok(("memtrace", what, page))
}

fn memtrace() -> Command {
    shell::command(shell::binary("memtrace"))
}

/// The suite of flask by plain pytest, for comparison.
pub fn plain_pytest(folder: &Path) -> Step {
    shell::heading("pytest on the suite of flask");
    let suite = flask()?;
    let junit = folder.join("pytest.xml");
    let mut pytest = shell::command(venv(&suite.venv));
    pytest.current_dir(suite.folder()).args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
    pytest.arg(format!("--junitxml={}", junit.display())).arg(&suite.tests);
    shell::run(&mut pytest)?;
    Ok(("pytest", format!("the suite of flask {}, serially", suite.version), junit))
}

/// The same suite by testfan.
pub fn testfan(folder: &Path) -> Step {
    shell::heading("testfan run on the suite of flask");
    let suite = flask()?;
    let junit = folder.join("testfan.xml");
    let mut testfan = shell::command(shell::binary("testfan"));
    testfan.current_dir(suite.folder()).args(["run", "--format", "human", "--python"]).arg(venv(&suite.venv));
    testfan.arg("--junit").arg(&junit).args(["-p", "no:cacheprovider"]).arg(&suite.tests);
    shell::run(&mut testfan)?;
    Ok(("testfan", format!("the suite of flask {}, on every core", suite.version), junit))
}

fn flask() -> Result<setup::Suite> {
    setup::suites()?
        .into_iter()
        .find(|suite| suite.name == "flask")
        .context("tests/suites.toml pins no flask")
}

/// `pyweb bundle` of a page into a folder that needs no network.
pub fn bundle(folder: &Path) -> Step {
    shell::heading("pyweb bundle tests/pages/todo");
    let site = folder.join("todo");
    let mut bundle = shell::command(shell::binary("pyweb"));
    bundle.args(["bundle", "--format", "jsonl", "tests/pages/todo", "-o"]).arg(&site);
    let written = records(&shell::output(&mut bundle)?, "pyweb.bundle.written")?.pop();
    let written = written.context("pyweb wrote no bundle")?;
    Ok(("pyweb", format!("a page bundled: {} files, {} bytes", written["files"], written["bytes"]), site))
}

/// `pyweb test` of the same page, and its text after a click.
pub fn page(folder: &Path) -> Step {
    shell::heading("pyweb test tests/pages/todo");
    shell::run(shell::command(shell::binary("pyweb")).args([
        "test",
        "--format",
        "human",
        "tests/pages/todo",
    ]))?;
    let mut render = shell::command(shell::binary("pyweb"));
    render.args(["render", "--format", "human", "--click", "#add", "tests/pages/todo/index.html"]);
    let dom = shell::output(&mut render)?;
    let path = folder.join("todo-after-click.html");
    std::fs::write(&path, dom)?;
    Ok(("pyweb", "the page tested without a browser, and its DOM after a click".to_owned(), path))
}

fn records(lines: &str, kind: &str) -> Result<Vec<Value>> {
    let parsed = lines.lines().map(|line| Ok(serde_json::from_str::<Value>(line)?));
    let records: Vec<Value> =
        parsed.collect::<Result<_>>().context("a tool printed a line that is not JSON")?;
    Ok(records.into_iter().filter(|record| record["type"] == kind).collect())
}

fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record[key].as_str().unwrap_or_default()
}
