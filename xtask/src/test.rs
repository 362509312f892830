//! `cargo xtask test`: everything that this machine can run, and at the end what it could not.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{schema, setup, shell, tidy};

/// The suites that tests run.
const SUITES: [&str; 3] = ["click", "flask", "markupsafe"];

/// Sets up, checks schemas and house rules, runs the tests, names what was missing.
pub fn run(args: &[String]) -> Result<()> {
    setup::run(false, &setup::Needed::Named(&SUITES))?;
    shell::heading("house rules and schemas");
    tidy::run()?;
    schema::run(true)?;

    shell::heading("tests");
    let missing = shell::setup_dir().join("missing");
    if missing.exists() {
        std::fs::remove_dir_all(&missing).context("failed to clear the notes of missing components")?;
    }
    let nextest = shell::on_path("cargo-nextest");
    let mut runner = shell::cargo();
    if nextest {
        runner.args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]);
    } else {
        runner.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    }
    let tested = shell::run(runner.args(args));
    name_missing(&missing);
    tested
}

fn name_missing(folder: &Path) {
    let notes = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for note in notes {
        shell::say(&std::fs::read_to_string(note.path()).unwrap_or_default());
    }
}
