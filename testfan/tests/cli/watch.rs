//! Watching: what a change touches runs again.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use kit::of_type;
use serde_json::Value;

use crate::daemon::Kept;
use crate::support::none_left;

const FILES: [(&str, &str); 6] = [
    ("one.py", "VALUE = 1\n"),
    ("two.py", "import one\nVALUE = one.VALUE\n"),
    ("test_one.py", "import one\ndef test_one(): assert one.VALUE == 1\ndef test_same(): pass\n"),
    ("test_two.py", "def test_two():\n    from two import VALUE\n    assert VALUE\n"),
    ("test_three.py", "import two\ndef test_three(): pass\n"),
    ("test_four.py", "def test_four(): pass\n"),
];

/// A watch in a pipe.
struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    text: String,
}

impl Watch {
    fn new(kept: &Kept, args: &[&str], envs: &[(&str, &str)]) -> Watch {
        let mut command = kept.command("watch", args);
        let mut child =
            command.envs(envs.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Watch { child, lines, text: String::new() }
    }

    /// The records up to the next wait.
    fn waits(&mut self) -> Vec<Value> {
        let before = self.text.len();
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            self.text += &line;
            self.text.push('\n');
            if line.contains("\"testfan.watch.waiting\"") {
                return self.text[before..].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            }
        }
        panic!("it ended: {}", self.text);
    }

    fn signal(&mut self) -> Option<i32> {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        self.text.extend(self.lines.by_ref().map(|line| line.unwrap() + "\n"));
        kit::records("testfan", &self.text);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The tests that ran, by name, in the order in which they began.
fn ran(records: &[Value]) -> Vec<String> {
    let name = |id: &str| id.rsplit("::").next().unwrap().to_owned();
    of_type(records, "test.started").iter().map(|record| name(record["id"].as_str().unwrap())).collect()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn a_change_runs_what_imports_it_and_what_failed_first() {
    for args in [&["-n1"][..], &["-n1", "--no-daemon"], &["-n2", "--start", "spawn"]] {
        let marker = format!("watch{}-{}", args.len(), std::process::id());
        let Some(kept) = Kept::new(&FILES) else { return };
        let write = |name: &str, text: &str| std::fs::write(kept.path().join(name), text).unwrap();
        let mut watch = Watch::new(&kept, args, &[("TESTFAN_MARKER", &marker)]);
        let all = ["test_four", "test_one", "test_same", "test_three", "test_two"];
        assert_eq!(sorted(ran(&watch.waits())), all);

        write("test_four.py", "def test_four(): assert 1\n");
        let records = watch.waits();
        assert_eq!(ran(&records), ["test_four"]);
        let changed = of_type(&records, "testfan.watch.changed")[0].clone();
        assert_eq!(
            (&changed["paths"][0], &changed["files"][0]),
            (&"test_four.py".into(), &"test_four.py".into())
        );

        // By a module between, and by an import inside a test.
        write("one.py", "VALUE = 0 * 17\n");
        let records = watch.waits();
        assert_eq!(sorted(ran(&records)), all[1..]);
        assert_eq!(of_type(&records, "testfan.watch.waiting")[0]["exit_code"], 1);

        // What failed runs with what changed, and first.
        write("test_four.py", "def test_four(): assert 2\n");
        let records = ran(&watch.waits());
        assert_eq!(sorted(records.clone()), ["test_four", "test_one", "test_two"]);
        assert!(args[0] != "-n1" || records[2] == "test_four", "{records:?}");
        write("one.py", "VALUE = 1 * 1\n");
        let records = watch.waits();
        assert_eq!(of_type(&records, "testfan.watch.waiting")[0]["exit_code"], 0);
        write("test_four.py", "def test_four(): assert 3\n");
        assert_eq!(ran(&watch.waits()), ["test_four"]);

        // Of this nobody knows whose it is.
        write("data.txt", "x");
        assert_eq!(sorted(ran(&watch.waits())), all);
        std::fs::create_dir(kept.path().join("sub")).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(watch.signal(), Some(0));
        kit::run(&mut kept.testfan(&["daemon", "stop"]));
        none_left(&marker);
    }
}

#[test]
fn what_tests_write_does_not_go_round_in_circles() {
    let text = "import os\ndef test_a():\n    open('written', 'a').write('x')\n    open('made.py', 'a').write('#')\n";
    let Some(kept) = Kept::new(&[("test_a.py", text)]) else { return };
    let mut watch = Watch::new(&kept, &["-n1"], &[]);
    watch.waits();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(std::fs::read_to_string(kept.path().join("written")).unwrap(), "x");
    assert_eq!(watch.signal(), Some(0));
}

#[test]
fn stepwise_stops_at_the_first_failure_and_goes_on_from_there() {
    let text = |value: u32| {
        format!(
            "import pytest\n@pytest.mark.parametrize('i', range(6))\ndef test_a(i): assert i not in ({value}, 4)\n"
        )
    };
    let Some(kept) = Kept::new(&[("test_a.py", &text(2))]) else { return };
    let mut watch = Watch::new(&kept, &["-n2", "--stepwise"], &[]);
    assert_eq!(ran(&watch.waits()), ["test_a[0]", "test_a[1]", "test_a[2]"]);
    std::fs::write(kept.path().join("test_a.py"), text(9)).unwrap();
    assert_eq!(ran(&watch.waits()), ["test_a[2]", "test_a[3]", "test_a[4]"]);
    std::fs::write(kept.path().join("test_a.py"), text(9).replace(", 4", ", 44")).unwrap();
    assert_eq!(ran(&watch.waits()), ["test_a[4]", "test_a[5]"]);
    assert_eq!(watch.signal(), Some(0));
}

#[test]
fn keys_run_all_or_what_failed_and_end_it() {
    let Some(kept) = Kept::new(&[("test_a.py", "def test_good(): pass\ndef test_bad(): assert 0\n")]) else {
        return;
    };
    let python = kit::venv("testfan").ok().unwrap();
    let envs = kept.envs();
    let mut envs: Vec<(&str, &str)> = envs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    envs.push(("CI", ""));
    let waiting = "waiting for changes";
    let screen = kit::typing_in_terminal(
        env!("CARGO_BIN_EXE_testfan").as_ref(),
        &["watch", "--python", python.to_str().unwrap(), "-n1"],
        kept.path(),
        &envs,
        &[(waiting, b"f"), (waiting, b"a"), (waiting, b"\n"), (waiting, b"q")],
    );
    assert_eq!(screen.code, 1, "{}", screen.text);
    for (part, count) in [("1 failed", 4), ("1 passed", 3), ("1 deselected", 1), ("q quit", 4)] {
        let summary = |line: &&str| line.contains(part) && (line.contains(" in ") || part == "q quit");
        assert_eq!(screen.text.lines().filter(summary).count(), count, "{part}: {}", screen.text);
    }
}
