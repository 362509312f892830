//! What the tests of memtrace share: a folder of their own, and `memtrace run` in it on any Python.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(dead_code, reason = "not every test file uses all of it")]

pub mod terminal;
pub mod truth;

use std::path::{Path, PathBuf};
use std::process::Command;

use kit::Ran;
use serde_json::Value;
use tempfile::TempDir;

/// The Pythons whose frames memtrace reads.
pub const VERSIONS: [&str; 6] = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"];

/// A folder to run in; the preload library goes to a cache in it.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `memtrace`, to be given its arguments.
    pub fn memtrace(&self) -> Command {
        let mut command = Command::new(kit::binary("memtrace"));
        command.current_dir(self.0.path()).env("SNAKEPIPE_CACHE", self.path("cache"));
        command.env_remove("VIRTUAL_ENV").env_remove("LD_PRELOAD");
        command
    }

    /// Runs `memtrace run -q -o capture.mtr --python PYTHON WORDS…` over whatever was recorded before.
    pub fn record(&self, python: &Path, words: &[&str]) -> Ran {
        self.record_with(&[], python, words)
    }

    /// As [`Folder::record`], with every object.
    pub fn record_objects(&self, python: &Path, words: &[&str]) -> Ran {
        self.record_with(&["--python-allocators"], python, words)
    }

    /// As [`Folder::record`], with these options.
    pub fn record_with(&self, options: &[&str], python: &Path, words: &[&str]) -> Ran {
        let mut command = self.memtrace();
        command.args(["run", "-q", "-f"]).args(options).args(["-o", "capture.mtr", "--python"]);
        kit::run(command.arg(python).args(words))
    }

    /// Runs a native program of this folder with native stacks.
    pub fn record_native(&self, words: &[&str]) -> Ran {
        let mut command = self.memtrace();
        kit::run(command.args(["run", "-q", "-f", "--native", "-o", "capture.mtr"]).args(words))
    }

    /// Runs a report on `capture.mtr` and returns its records, each held against the schema.
    pub fn report(&self, command: &str) -> Vec<Value> {
        let ran = kit::run(self.memtrace().args([command, "capture.mtr"])).exits(0);
        kit::records("memtrace", &ran.stdout)
    }

    /// The one `memtrace.stats.computed` of `capture.mtr`.
    pub fn stats(&self) -> Value {
        let records = self.report("stats");
        let [stats] = kit::of_type(&records, "memtrace.stats.computed")[..] else { panic!("{records:?}") };
        stats.clone()
    }

    /// Writes a file and returns its name.
    pub fn write<'a>(&self, name: &'a str, text: &str) -> &'a str {
        std::fs::write(self.path(name), text).unwrap();
        name
    }
}

/// Runs `test` on every Python that this machine has.
pub fn on_every_python(test: impl Fn(&Path)) {
    for version in VERSIONS {
        if let Ok(python) = kit::python(version) {
            test(&python);
        }
    }
}

/// A program under `tests/programs`.
pub fn program(name: &str) -> String {
    format!("{}/tests/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Compiles a program of `tests/programs` to `name`; false where there is no compiler.
pub fn compile(folder: &Folder, source: &str, name: &str, options: &[&str]) -> bool {
    let Ok(compiler) = kit::tool("cc", "gcc") else { return false };
    let mut command = Command::new(compiler);
    command.args(["-O1", "-o", name, &program(source)]).args(options).current_dir(folder.path(""));
    let _ = kit::run(&mut command).exits(0);
    true
}

/// Has a Python program of a folder find the package `memtrace` and the program under test.
pub fn package<'a>(command: &'a mut Command, folder: &Folder) -> &'a mut Command {
    command.current_dir(folder.path("")).env("SNAKEPIPE_CACHE", folder.path("cache"));
    command.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("MEMTRACE_BIN", kit::binary("memtrace"));
    command.env_remove("VIRTUAL_ENV").env_remove("LD_PRELOAD")
}
