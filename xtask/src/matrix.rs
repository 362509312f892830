//! `cargo xtask matrix`: testfan's tests on each Python and pytest that it is for. Too long for every day.

use std::path::Path;

use anyhow::{Result, bail};
use comfy_table::{Table, presets};

use crate::setup::interpreter;
use crate::shell;

const PYTHONS: [&str; 5] = ["3.9", "3.10", "3.11", "3.12", "3.13"];
/// The last release of each major version.
const PYTESTS: [&str; 3] = ["7.4.4", "8.4.2", "9.0.3"];
const BESIDE: [&str; 3] = ["pytest-xdist", "pytest-cov", "pytest-timeout"];
/// What holds for pytest itself; plugins have an environment of their own, of one version.
const TESTS: &str = "package(testfan) and binary(cli) and \
    test(/^(cases|ends|failing|interrupts|retries|runs|turns|xdist|debugger)::/)";

/// Runs the tests on every pair, or on those whose name, such as `3.9-7.4.4`, begins with one of `only`, and prints
/// a table.
pub fn run(only: &[String]) -> Result<()> {
    shell::build()?;
    let mut failed = Vec::new();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(
        ["Python".to_owned()].into_iter().chain(PYTESTS.map(|pytest| format!("pytest {pytest}"))),
    );
    for python in PYTHONS {
        let mut row = vec![python.to_owned()];
        for pytest in PYTESTS {
            let name = format!("{python}-{pytest}");
            let asked = only.is_empty() || only.iter().any(|wanted| name.starts_with(wanted.as_str()));
            row.push(match asked && exists(python, pytest) {
                false => "-".to_owned(),
                true if passes(python, pytest, &name)? => "passed".to_owned(),
                true => {
                    failed.push(name);
                    "FAILED".to_owned()
                }
            });
        }
        table.add_row(row);
    }
    shell::say(&format!("\n{table}"));
    if failed.is_empty() { Ok(()) } else { bail!("failed on {}", failed.join(", ")) }
}

/// pytest 9 needs Python 3.10.
fn exists(python: &str, pytest: &str) -> bool {
    python != "3.9" || !pytest.starts_with('9')
}

fn passes(python: &str, pytest: &str, name: &str) -> Result<bool> {
    shell::heading(&format!("Python {python}, pytest {pytest}"));
    let setup = shell::root().join("target/matrix").join(name);
    make(&setup.join("venvs/testfan"), python, pytest)?;
    let mut tests = shell::cargo();
    tests.env("SNAKEPIPE_SETUP", &setup);
    tests.args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast", "--test", "cli", "-E", TESTS]);
    Ok(shell::run(&mut tests).is_ok())
}

fn make(folder: &Path, python: &str, pytest: &str) -> Result<()> {
    if folder.join("made").is_file() {
        return Ok(());
    }
    let python = interpreter(&format!("# python: {python}\n"))?;
    shell::run(shell::command(python).args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut pip = shell::command(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    shell::run(pip.arg(format!("pytest=={pytest}")).args(BESIDE))?;
    Ok(std::fs::write(folder.join("made"), "")?)
}
