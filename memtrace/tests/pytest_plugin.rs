//! The pytest plugin of `memtrace/python` from outside: limits, and what the summary says, by pytest and by testfan.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn suite() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pytest_plugin")
}

/// `program` in the suite's folder, where it finds the plugin and the memtrace under test.
fn in_suite(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(suite()).env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("MEMTRACE_BIN", kit::binary("memtrace"));
    command.env_remove("PYTEST_ADDOPTS");
    command
}

const ARGUMENTS: [&str; 4] = ["-p", "memtrace.plugin", "-p", "no:cacheprovider"];

/// What fails of the suite, and nothing else does.
const FAILED: [&str; 5] =
    ["test_beyond", "test_fails_by_itself", "test_leaves_much", "test_of_no_size", "OfUnittest::test_beyond"];

#[test]
fn tests_beyond_their_limits_fail() {
    let Ok(python) = kit::venv("testfan") else { return };
    let ran = kit::run(in_suite(&python).args(["-m", "pytest"]).args(ARGUMENTS)).exits(1);
    for name in FAILED {
        assert!(ran.stdout.contains(&format!("FAILED test_limits.py::{name}")), "{name}: {}", ran.stdout);
    }
    assert!(ran.stdout.contains("5 failed, 7 passed"), "{}", ran.stdout);
    for said in [
        "the test was limited to 24.0 MiB but had 38.1 MiB in use at once:",
        "38.1 MiB in 2 blocks",
        "    hold ",
        "the test may leave 1.0 MiB behind at one place but left more:",
        "19.1 MiB in 2 blocks",
        "limit_memory: '24 apples' is no size such as '24 MB'",
    ] {
        assert!(ran.stdout.contains(said), "{said} in {}", ran.stdout);
    }
}

#[test]
fn all_tests_are_measured_where_that_is_asked_for() {
    let Ok(python) = kit::venv("testfan") else { return };
    let captures = tempfile::tempdir().unwrap();
    let mut command = in_suite(&python);
    command.args(["-m", "pytest"]).args(ARGUMENTS);
    command.args(["--memtrace", "--memtrace-most-allocations", "2", "--memtrace-path"]).arg(captures.path());
    let ran = kit::run(&mut command).exits(1);
    let (_, summary) = ran.stdout.split_once("memory of tests").unwrap();
    let named: Vec<&str> = summary.lines().filter(|line| line.starts_with("test_limits.py::")).collect();
    assert_eq!(named.len(), 2, "{summary}");
    assert!(summary.contains("38.") && summary.contains("hold "), "{summary}");
    let capture = captures.path().join("test_limits.py-test_without_a_limit.mtr");
    let ran = kit::run(Command::new(kit::binary("memtrace")).arg("stats").arg(capture)).exits(0);
    let stats = &kit::records("memtrace", &ran.stdout)[1];
    assert!(stats["peak_bytes"].as_u64() >= Some(10_000_000), "{stats}");
}

#[test]
fn native_stacks_are_recorded_where_that_is_asked_for() {
    let Ok(python) = kit::venv("testfan") else { return };
    let captures = tempfile::tempdir().unwrap();
    for (options, native) in [(&["--memtrace"][..], false), (&["--memtrace", "--memtrace-native"], true)] {
        let mut command = in_suite(&python);
        command.args(["-m", "pytest"]).args(ARGUMENTS).args(options);
        command.arg(format!("--memtrace-path={}", captures.path().display()));
        let _ = kit::run(command.arg("test_limits.py::test_within")).exits(0);
        let capture = captures.path().join("test_limits.py-test_within.mtr");
        let ran = kit::run(Command::new(kit::binary("memtrace")).arg("records").arg(capture)).exits(0);
        let mut blocks = ran.stdout.lines().filter(|line| line.contains("\"size_bytes\":20000001,"));
        assert!(blocks.clone().count() == 2 && blocks.all(|line| line.contains("bytearray") == native));
    }
}

#[test]
fn testfan_runs_the_same_in_parallel() {
    let Ok(python) = kit::venv("testfan") else { return };
    for more in [vec![], vec!["--memtrace"], vec!["--memory"]] {
        let mut command = in_suite(&kit::binary("testfan"));
        command.args(["run", "-n", "2", "--python"]).arg(&python).args(ARGUMENTS).args(&more);
        let ran = kit::run(&mut command).exits(1);
        let records = kit::records("testfan", &ran.stdout);
        let finished = kit::of_type(&records, "test.finished");
        let failed = finished.iter().filter(|test| test["outcome"] == "failed").count();
        assert_eq!((finished.len(), failed), (12, FAILED.len()), "{more:?} {}", ran.stdout);
        if more == ["--memtrace"] {
            assert!(ran.stdout.contains("memory of tests"), "{}", ran.stdout);
        }
        if more == ["--memory"] {
            // The others are measured by the plugin.
            let measured = kit::of_type(&records, "test.measured");
            assert_eq!(measured.len(), 1, "{measured:?}");
        }
    }
}

#[test]
fn a_missing_memtrace_is_one_clear_line() {
    let Ok(python) = kit::venv("testfan") else { return };
    let mut command = in_suite(&python);
    command.env_remove("MEMTRACE_BIN").env("PATH", "/nowhere").args(["-m", "pytest"]).args(ARGUMENTS);
    let ran = kit::run(command.arg("test_limits.py::test_within"));
    let said = "memtrace is not on PATH; install it, or name it in MEMTRACE_BIN";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
}
