//! `--memory`: what each test has in use at once and leaves behind, measured inside the workers.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use kit::of_type;
use serde_json::Value;

use crate::support::{Suite, outcomes, pytest};

const TESTS: &str = "\
import pytest
kept = []
@pytest.fixture
def buffer():
    yield bytearray(30_000_000)
@pytest.mark.parametrize('size', [1, 2, 3])
def test_sized(size): bytearray(size * 10_000_000)
def test_fixture(buffer): pass
def test_leak(): kept.append(bytearray(5_000_000))
def test_fails():
    bytearray(15_000_000)
    assert False
def test_crash():
    import os
    os._exit(1)
";

/// `test.measured` by the last part of the node id.
fn measured(records: &[Value]) -> BTreeMap<String, (u64, u64)> {
    let name = |record: &Value| record["id"].as_str().unwrap().rsplit("::").next().unwrap().to_owned();
    let bytes = |record: &Value, what: &str| record[what].as_u64().unwrap();
    let all = of_type(records, "test.measured");
    all.iter().map(|test| (name(test), (bytes(test, "peak_bytes"), bytes(test, "leaked_bytes")))).collect()
}

#[test]
fn each_test_is_measured_in_its_worker() {
    let Ok(python) = kit::venv("testfan") else { return };
    for start in ["fork", "spawn"] {
        let suite = Suite::new(&[("test_a.py", TESTS)]);
        let mut command = suite.command(&python, &["--memory", "-n2", "--start", start]);
        let ran = kit::run(command.env("MEMTRACE_BIN", kit::binary("memtrace"))).exits(1);
        let records = kit::records("testfan", &ran.stdout);
        let measured = measured(&records);
        let near = |name: &str, bytes: u64| {
            let (peak, _) = measured[name];
            assert!(peak >= bytes && peak < bytes + 5_000_000, "{start} {name}: {peak}");
        };
        near("test_sized[1]", 10_000_000);
        near("test_sized[2]", 20_000_000);
        near("test_sized[3]", 30_000_000);
        near("test_fixture", 30_000_000);
        near("test_fails", 15_000_000);
        let (_, leaked) = measured["test_leak"];
        assert!((5_000_000..8_000_000).contains(&leaked), "{leaked}");
        assert!(measured["test_fixture"].1 < 3_000_000, "{measured:?}");
        // It ended before it could be measured.
        assert_eq!(measured.len(), 6);
        assert_eq!(outcomes(&records).len(), 7);
        let mut report = suite.plain(&["report", "--format", "human", "-"]);
        let mut report = report.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        report.stdin.take().unwrap().write_all(ran.stdout.as_bytes()).unwrap();
        let text = String::from_utf8(report.wait_with_output().unwrap().stdout).unwrap();
        let (_, largest) = text.split_once("most memory").unwrap();
        let first = largest.lines().nth(2).unwrap();
        assert!(first.contains("28.") && first.contains("MiB"), "{text}");
    }
}

#[test]
fn outcomes_are_those_of_a_run_that_is_not_measured() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import subprocess, threading, os\n\
        def test_thread():\n\
        \x20   threads = [threading.Thread(target=lambda: [bytearray(5000) for _ in range(2000)]) for _ in range(4)]\n\
        \x20   [thread.start() for thread in threads]\n\
        \x20   [thread.join() for thread in threads]\n\
        def test_process(): assert subprocess.run(['true']).returncode == 0\n\
        def test_fork():\n\
        \x20   child = os.fork()\n\
        \x20   if not child: os._exit(7)\n\
        \x20   assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7\n\
        def test_no_children():\n\
        \x20   try: os.wait()\n\
        \x20   except ChildProcessError: return\n\
        \x20   assert False\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let _ = pytest(suite.path(), &python, &["-q"]).exits(0);
    let mut command = suite.command(&python, &["--memory", "-n2"]);
    let ran = kit::run(command.env("MEMTRACE_BIN", kit::binary("memtrace"))).exits(0);
    assert_eq!(measured(&kit::records("testfan", &ran.stdout)).len(), 4, "{}", ran.stdout);
}

#[test]
fn without_memtrace_or_in_threads_it_is_refused() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", TESTS)]);
    let mut command = suite.command(&python, &["--memory"]);
    let ran = kit::run(command.env("MEMTRACE_BIN", "/nowhere/memtrace")).exits(2);
    assert!(ran.stderr.contains("failed to run /nowhere/memtrace"), "{}", ran.stderr);
    let ran = kit::run(&mut suite.command(&python, &["--memory", "--threads", "2"])).exits(4);
    assert!(ran.stderr.contains("--threads cannot be used with --memory"), "{}", ran.stderr);
}
