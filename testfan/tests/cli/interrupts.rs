//! Ctrl-C and Ctrl-Z, from a real terminal and as signals.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Suite, marked, none_left};

/// Two tests that say when they run, and a teardown that says when it ran.
const SLOW: &str = "import os, pathlib, pytest, time\n\
    @pytest.fixture(autouse=True, scope='session')\n\
    def whole():\n\
    \x20   yield\n\
    \x20   pathlib.Path('torn-down-' + str(os.getpid())).touch(); print('TEARING DOWN')\n\
    \x20   if os.environ.get('STUCK'): time.sleep(60)\n\
    @pytest.mark.parametrize('i', range(2))\n\
    def test_slow(i):\n\
    \x20   pathlib.Path(f'begun-{i}').touch()\n\
    \x20   while not all(pathlib.Path(f'begun-{j}').exists() for j in range(2)): time.sleep(0.01)\n\
    \x20   if i == 0: print('READY')\n\
    \x20   time.sleep(60)\n";

fn torn_down(suite: &Suite) -> usize {
    let files = std::fs::read_dir(suite.path()).unwrap().filter_map(Result::ok);
    files.filter(|file| file.file_name().to_string_lossy().starts_with("torn-down")).count()
}

#[test]
fn ctrl_c_in_a_terminal_tears_down_and_sums_up() {
    let Ok(python) = kit::venv("testfan") else { return };
    let again: &[(&str, &[u8])] = &[("READY", b"\x03"), ("TEARING DOWN", b"\x03")];
    for (stuck, answers) in [("", &again[..1]), ("1", again)] {
        let suite = Suite::new(&[("test_a.py", SLOW)]);
        let marker = format!("terminal-{stuck}-{}", std::process::id());
        let cache = suite.path().join("cache");
        let screen = kit::typing_in_terminal(
            env!("CARGO_BIN_EXE_testfan").as_ref(),
            &["run", "--python", python.to_str().unwrap(), "-n2", "-s"],
            suite.path(),
            &[("SNAKEPIPE_CACHE", cache.to_str().unwrap()), ("TESTFAN_MARKER", &marker), ("STUCK", stuck)],
            answers,
        );
        assert_eq!(screen.code, 2, "{}", screen.text);
        assert!(
            screen.text.contains("KeyboardInterrupt") && screen.text.contains("no tests ran"),
            "{}",
            screen.text
        );
        assert!(screen.text.contains("[gw"), "{}", screen.text);
        // A worker that is ended by the second Ctrl-C may not have come to it.
        assert!(torn_down(&suite) == 2 || !stuck.is_empty(), "{}", screen.text);
        none_left(&marker);
    }
}

/// Every test that began has an outcome or is named as interrupted, once.
#[test]
fn every_test_that_began_is_accounted_for() {
    let Ok(python) = kit::venv("testfan") else { return };
    for interrupts in 1..=3 {
        let suite = Suite::new(&[("test_a.py", SLOW)]);
        let marker = format!("accounted-{interrupts}-{}", std::process::id());
        let mut command = suite.command(&python, &["-n2", "-s"]);
        command.env("TESTFAN_MARKER", &marker).env("STUCK", if interrupts > 1 { "1" } else { "" });
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let id = child.id().to_string();
        let interrupt = || Command::new("kill").args(["-INT", &id]).status().unwrap();
        let mut text = String::new();
        let mut sent = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if sent == 0 && line.contains("READY") {
                interrupt();
                sent = 1;
            } else if line.contains("TEARING DOWN") {
                while sent < interrupts {
                    // Two signals of one kind that come together would count as one.
                    std::thread::sleep(Duration::from_millis(20));
                    interrupt();
                    sent += 1;
                }
            }
            text += &(line + "\n");
        }
        assert_eq!(child.wait().unwrap().code(), Some(2), "{text}");
        let records = kit::records("testfan", &text);
        let names = |kind: &str| {
            let mut ids: Vec<_> =
                kit::of_type(&records, kind).iter().map(|at| at["id"].to_string()).collect();
            ids.sort();
            ids
        };
        assert_eq!(names("test.started").len(), 2);
        assert_eq!(names("test.started"), names("testfan.test.interrupted"), "{text}");
        none_left(&marker);
    }
}

#[test]
fn ctrl_z_stops_the_workers_too() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import pathlib, time\n\
        def test_a():\n\
        \x20   print('READY')\n\
        \x20   while not pathlib.Path('go').exists(): time.sleep(0.01)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let marker = format!("suspended-{}", std::process::id());
    let mut command = suite.command(&python, &["-n2", "-s"]);
    let mut child = command.env("TESTFAN_MARKER", &marker).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("READY")));
    let signal = |name: &str| Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    signal("-TSTP");
    let began = Instant::now();
    while !marked(&marker).iter().all(|process| is_stopped(process)) {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?} are not stopped", marked(&marker));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(marked(&marker).len() >= 3);
    signal("-CONT");
    std::fs::write(suite.path().join("go"), "").unwrap();
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn is_stopped(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().unwrap_or_default().starts_with('T')
}
