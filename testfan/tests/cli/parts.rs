//! A suite in parts, and what runs remember of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Suite, outcomes};
use kit::of_type;

const MANY: &str = "import pytest\n\
    @pytest.mark.parametrize('i', range(20))\n\
    def test_a(i): pass\n\
    class TestB:\n\
    \x20   def test_b(self): pass\n\
    \x20   def test_c(self): pass\n";

#[test]
fn parts_are_the_whole_suite_and_share_no_test() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", MANY), ("test_b.py", MANY)]);
    for mode in ["load", "loadscope"] {
        let mut all = BTreeSet::new();
        for part in ["1/3", "2/3", "3/3"] {
            let (ran, records) = suite.run(&python, &["-n2", "--dist", mode, "--partition", part]);
            let ran = ran.exits(0);
            let ids: Vec<String> = outcomes(&records).into_keys().collect();
            assert_eq!(of_type(&records, "testfan.suite.collected")[0]["tests"], ids.len());
            assert!(!ids.is_empty() && ids.len() < 30, "{part} {}", ran.stdout);
            for id in ids {
                assert!(all.insert(id.clone()), "{id} ran twice");
            }
        }
        assert_eq!(all.len(), 44);
    }
}

const TIMED: &str = "import pytest, time\n\
    @pytest.mark.parametrize('ms', [1, 1, 1, 1, 1, 1, 1, 300])\n\
    def test_a(ms): time.sleep(ms / 1000)\n";

#[test]
fn parts_follow_the_durations_that_all_machines_were_given() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", TIMED)]);
    let (whole, _) = suite.run(&python, &["-n1"]);
    std::fs::write(suite.path().join("run.jsonl"), &whole.exits(0).stdout).unwrap();
    let slow = "test_a.py::test_a[300]";
    std::fs::write(suite.path().join("map.json"), format!("{{\"{slow}\": 300000, \"gone\": 1}}")).unwrap();
    for (file, alone) in [("run.jsonl", true), ("map.json", false)] {
        let parts = ["1/2", "2/2"].map(|part| {
            // What a machine remembers by itself changes nothing: the second part has run more than the first.
            let (ran, records) = suite.run(&python, &["-n1", "--partition", part, "--durations-from", file]);
            ran.exits(0);
            outcomes(&records).into_keys().collect::<Vec<_>>()
        });
        assert_eq!(parts.concat().into_iter().collect::<BTreeSet<_>>().len(), 8);
        assert_eq!(parts.concat().len(), 8);
        if alone {
            assert!(parts.contains(&vec![slow.to_owned()]), "{parts:?}");
        }
    }
    let ran = kit::run(&mut suite.command(&python, &["--durations-from", "no-such-file"])).exits(2);
    assert!(ran.stderr.contains("no-such-file"), "{}", ran.stderr);
    // Seconds are not taken for microseconds.
    std::fs::write(suite.path().join("map.json"), format!("{{\"{slow}\": 0.3}}")).unwrap();
    let ran = kit::run(&mut suite.command(&python, &["--durations-from", "map.json"])).exits(2);
    assert!(ran.stderr.contains("map.json holds no durations"), "{}", ran.stderr);
}

#[test]
fn the_slowest_come_first_once_they_are_known() {
    let Ok(python) = kit::venv("testfan") else { return };
    let fast = "import pytest\n@pytest.mark.parametrize('i', range(20))\ndef test_fast(i): pass\n";
    let slow = "import time\ndef test_slow(): time.sleep(0.3)\n";
    let suite = Suite::new(&[("test_a.py", fast), ("test_z.py", slow)]);
    let begun = |args: &[&str]| {
        let (ran, records) = suite.run(&python, args);
        ran.exits(0);
        let started = of_type(&records, "test.started");
        let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
        started.iter().map(|record| (text(record, "id"), text(record, "worker"))).collect::<Vec<_>>()
    };
    assert_eq!(begun(&["-n1"]).last().unwrap().0, "test_z.py::test_slow");
    let again = begun(&["-n2"]);
    // The other worker may begin long before.
    let (_, worker) = again.iter().find(|(id, _)| id == "test_z.py::test_slow").unwrap();
    let first = again.iter().find(|(_, other)| other == worker).unwrap();
    assert_eq!(first.0, "test_z.py::test_slow", "{again:?}");
    assert_eq!(begun(&["-n1", "--dist=loadfile"])[0].0, "test_z.py::test_slow");
}

#[test]
fn a_part_may_be_empty_and_must_make_sense() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", "def test_a(): pass\n")]);
    let (ran, records) = suite.run(&python, &["--partition=2/2"]);
    assert_eq!(ran.exits(0).stderr, "");
    assert_eq!(outcomes(&records).len(), 0);
    for wrong in ["0/2", "3/2", "1", "a/b"] {
        let ran = kit::run(&mut suite.command(&python, &["--partition", wrong])).exits(4);
        assert!(ran.stderr.contains(&format!("--partition \"{wrong}\" is not a part")), "{}", ran.stderr);
    }
}

#[test]
fn runs_side_by_side_keep_each_others_durations() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import os, time\n\
         def test_long():\n\
         \x20   while not os.path.exists('go'): time.sleep(0.01)\n\
         def test_short(): pass\n",
    )]);
    let mut long = suite.command(&python, &["-n1", "-k", "long"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(long.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"test.started\"") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0);
    }
    suite.run(&python, &["-n1", "-k", "short"]).0.exits(0);
    std::fs::write(suite.path().join("go"), "").unwrap();
    output.read_to_string(&mut line).unwrap();
    assert!(long.wait().unwrap().success());
    let known: BTreeMap<String, u64> = suite.durations();
    assert_eq!(known.keys().collect::<Vec<_>>(), ["test_a.py::test_long", "test_a.py::test_short"]);
}
