//! However a run ends, it leaves no process behind, and people and pipes get what they were promised.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Suite, marked, none_left, outcomes};

const SLOW: &str = "import pytest, time\n\
    @pytest.fixture(autouse=True, scope='session')\n\
    def whole():\n\
    \x20   yield\n\
    \x20   open('torn-down', 'a').write('x')\n\
    @pytest.mark.parametrize('i', range(50))\n\
    def test_slow(i):\n\
    \x20   open('begun', 'a').write('x')\n\
    \x20   time.sleep(30)\n";

/// Starts a slow suite, waits until two tests run, sends a signal to testfan alone.
fn signalled(signal: &str, marker: &str) -> Option<(Suite, Child, String)> {
    let python = kit::venv("testfan").ok()?;
    let suite = Suite::new(&[("test_a.py", SLOW)]);
    let mut command = suite.command(&python, &["-n2"]);
    let mut child = command.env("TESTFAN_MARKER", marker).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let started = lines.by_ref().filter(|line| line.as_ref().unwrap().contains("\"test.started\""));
    assert_eq!(started.take(2).count(), 2);
    while std::fs::read_to_string(suite.path().join("begun")).unwrap_or_default().len() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(marked(marker).len() >= 4);
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    Some((suite, child, rest.join("\n")))
}

#[test]
fn an_interrupt_tears_down_and_leaves_nothing() {
    for signal in ["-INT", "-TERM"] {
        let marker = format!("interrupted{signal}{}", std::process::id());
        let Some((suite, mut child, rest)) = signalled(signal, &marker) else { return };
        assert_eq!(child.wait().unwrap().code(), Some(2), "{rest}");
        assert!(rest.contains("KeyboardInterrupt") && rest.contains("testfan.run.finished"), "{rest}");
        assert_eq!(std::fs::read_to_string(suite.path().join("torn-down")).unwrap(), "xx");
        none_left(&marker);
    }
}

#[test]
fn not_even_a_killed_testfan_leaves_a_process() {
    let marker = format!("killed-{}", std::process::id());
    let Some((_suite, mut child, _)) = signalled("-KILL", &marker) else { return };
    child.wait().unwrap();
    none_left(&marker);
}

#[test]
fn a_reader_that_goes_away_still_leaves_the_verdict() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import pytest\n@pytest.mark.parametrize('i', range(300))\ndef test_a(i): assert i != 299\n",
    )]);
    let marker = format!("head-{}", std::process::id());
    let mut command = suite.command(&python, &["-n2"]);
    let mut child = command.env("TESTFAN_MARKER", &marker).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("testfan.run.started"), "{first}");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    none_left(&marker);
}

#[test]
fn a_terminal_gets_the_form_for_people() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", "def test_ok(): pass\ndef test_bad(): assert 1 == 2\n")]);
    let cache = tempfile::tempdir().unwrap();
    let screen = kit::in_terminal(
        env!("CARGO_BIN_EXE_testfan").as_ref(),
        &["run", "--python", python.to_str().unwrap(), "-n2"],
        suite.path(),
        &[("SNAKEPIPE_CACHE", cache.path().to_str().unwrap())],
    );
    assert_eq!(screen.code, 1);
    for part in
        ["test session starts", "collected 2 items", "= FAILURES =", "test_bad", "1 failed", "\u{1b}["]
    {
        assert!(screen.text.contains(part), "{part:?} is missing in {}", screen.text);
    }
    assert!(!screen.text.contains("\"type\"") && !screen.text.contains("_pytest/"), "{}", screen.text);
}

/// A worker that is at no test takes none with it.
#[test]
fn a_worker_killed_between_tests_is_told_of_and_no_test_is_lost() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import pytest\n@pytest.mark.parametrize('i', range(9))\ndef test_a(i): pass\n";
    let conftest = "import os\n\
        def pytest_sessionfinish(session):\n\
        \x20   if hasattr(session.config, 'workerinput'): os.kill(os.getpid(), 9)\n";
    let suite = Suite::new(&[("test_a.py", tests), ("conftest.py", conftest)]);
    for threads in ["1", "2"] {
        let (ran, records) = suite.run(&python, &["-n2", "--threads", threads]);
        let ran = ran.exits(0);
        assert_eq!(outcomes(&records).len(), 9, "{}", ran.stdout);
        assert!(ran.stderr.contains("was killed by SIGKILL (signal 9) between tests"), "{}", ran.stderr);
    }
}
