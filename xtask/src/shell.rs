//! Runs commands, says what is going on, and finds the workspace's own folders and binaries.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Cargo's build folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where [`crate::setup`] puts what it makes; the test kit looks in the same place.
pub fn setup_dir() -> PathBuf {
    std::env::var_os("SNAKEPIPE_SETUP").map_or_else(|| target().join("setup"), PathBuf::from)
}

/// A line for the person at the terminal.
pub fn say(line: &str) {
    // Nowhere to report that nobody listens.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A heading before a longer step.
pub fn heading(title: &str) {
    say(&format!("\n== {title}"));
}

/// A command in the workspace's root. What the tools cache goes below `target/`, unless the user says where.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    if std::env::var_os("SNAKEPIPE_CACHE").is_none() {
        command.env("SNAKEPIPE_CACHE", setup_dir().join("cache"));
    }
    command
}

/// The cargo that runs us. What it told us of our own package it shall not hear again: build scripts that look at
/// such a variable, as ring's does, would run anew, and all that depends on them would be built again.
pub fn cargo() -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|ours| name.as_encoded_bytes().starts_with(ours.as_bytes()))
        {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Builds every member once, in the one profile that tests, demo and benches share.
pub fn build() -> Result<()> {
    run(cargo().args(["build", "--workspace", "--locked"]))
}

/// One of the workspace's binaries; [`build`] makes it.
pub fn binary(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// Runs a command to its end with our own input and output.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to start {}", show(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", show(command));
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("failed to start {}", show(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", show(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command with `input` on its standard input and returns what it printed.
pub fn pipe(input: &str, command: &mut Command) -> Result<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start {}", show(command)))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let fed = std::thread::scope(|scope| {
        let feeder = scope.spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output();
        (feeder.join(), output)
    });
    let output = fed.1.with_context(|| format!("failed to wait for {}", show(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", show(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// True when a program of this name is on `PATH`.
pub fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// The command as one would type it.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    line.replace(&format!("{}/", root().display()), "")
}
