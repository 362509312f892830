//! `cargo xtask faults`: the tests that kill runs at random moments, with as many kills as patience allows.

use anyhow::Result;

use crate::shell;

/// Runs the kill tests of `tool` with `rounds` kills each.
pub fn run(tool: &str, rounds: usize) -> Result<()> {
    shell::heading(&format!("{tool}: {rounds} kills at random moments in each test"));
    shell::build()?;
    let mut tests = shell::cargo();
    tests.env("SNAKEPIPE_KILLS", rounds.to_string());
    let binary = if tool == "testfan" { "cli" } else { "outside" };
    // Not by nextest, which would end a test that takes long.
    tests.args(["test", "--workspace", "--locked", "--test", binary, "kills::", "--", "--nocapture"]);
    shell::run(&mut tests)
}
