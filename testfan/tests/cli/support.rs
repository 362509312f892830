//! What testfan's tests share: a suite in a folder of its own, and testfan and plain pytest run on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use kit::Ran;
use serde_json::Value;
use tempfile::TempDir;

/// A folder with test files and a cache of its own.
pub struct Suite {
    pub folder: TempDir,
    cache: TempDir,
}

impl Suite {
    /// With these files in it.
    pub fn new(files: &[(&str, &str)]) -> Suite {
        let suite = Suite { folder: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap() };
        for (name, text) in files {
            std::fs::write(suite.folder.path().join(name), text).unwrap();
        }
        suite
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `testfan run --python … ARGS`, not started.
    pub fn command(&self, python: &Path, args: &[&str]) -> Command {
        let mut command = testfan(self.path(), python, args);
        // pytest of other runs tidies up in the folder that all of a user's share.
        command.env("SNAKEPIPE_CACHE", self.cache.path()).env("PYTEST_DEBUG_TEMPROOT", self.cache.path());
        command
    }

    /// `testfan ARGS` that needs no Python, not started.
    pub fn plain(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_testfan"));
        command.args(args).current_dir(self.path()).env("SNAKEPIPE_CACHE", self.cache.path());
        without_surroundings(&mut command);
        command
    }

    /// What its runs remember, in microseconds by node id.
    pub fn durations(&self) -> BTreeMap<String, u64> {
        let folder = self.cache.path().join("testfan/durations");
        let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let file = files.find(|path| path.extension().is_some_and(|kind| kind == "json")).unwrap();
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    /// `testfan run`, run to its end, and its records.
    pub fn run(&self, python: &Path, args: &[&str]) -> (Ran, Vec<Value>) {
        let ran = kit::run(&mut self.command(python, args));
        let records = kit::records("testfan", &ran.stdout);
        (ran, records)
    }
}

/// `testfan run --python … ARGS` in a folder.
pub fn testfan(folder: &Path, python: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testfan"));
    command.arg("run").arg("--python").arg(python).args(args).current_dir(folder);
    without_surroundings(&mut command);
    command
}

/// These change what testfan and pytest do.
fn without_surroundings(command: &mut Command) {
    for name in ["PYTEST_ADDOPTS", "GITHUB_ACTIONS", "GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
}

/// The processes whose environment has this marker.
pub fn marked(marker: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let ours = processes.filter(|process| {
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(marker)
    });
    ours.map(|process| process.file_name().to_string_lossy().into_owned()).collect()
}

/// Waits until there is none.
pub fn none_left(marker: &str) {
    let began = Instant::now();
    while !marked(marker).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "left behind: {:?}", marked(marker));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Plain pytest, serially, in a folder.
pub fn pytest(folder: &Path, python: &Path, args: &[&str]) -> Ran {
    let script = python.with_file_name("pytest");
    kit::run(Command::new(script).args(["-p", "no:cacheprovider"]).args(args).current_dir(folder))
}

/// All text that was printed, out of records.
pub fn printed(records: &[Value]) -> String {
    kit::of_type(records, "testfan.text.printed").iter().map(|part| part["text"].as_str().unwrap()).collect()
}

/// Outcome by node id out of records.
pub fn outcomes(records: &[Value]) -> BTreeMap<String, String> {
    let finished = kit::of_type(records, "test.finished");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pairs: Vec<_> =
        finished.iter().map(|record| (text(&record["id"]), text(&record["outcome"]))).collect();
    let outcomes: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(outcomes.len(), pairs.len(), "a test was reported twice");
    outcomes
}

/// The number of an attribute of a `JUnit` file's `<testsuite>`.
pub fn junit(path: &Path) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(path).unwrap();
    let attribute = |name: &str| {
        let rest = text.split(&format!(" {name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    ["tests", "failures", "errors", "skipped"].map(|name| (name.to_owned(), attribute(name))).into()
}

/// An unpacked source distribution of `tests/suites.toml`.
pub fn unpacked(name: &str) -> Result<PathBuf, kit::Missing> {
    let folder = kit::setup_dir().join("suites").join(name);
    if folder.is_dir() {
        return Ok(folder);
    }
    Err(kit::Missing::new(&format!("the suite of {name}"), "`cargo xtask setup`"))
}
