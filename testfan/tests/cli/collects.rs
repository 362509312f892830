//! `testfan collect`: the tests that pytest would collect, listed.

use crate::support::{Suite, pytest};
use kit::of_type;

const TESTS: &str = "import pytest\n\
    @pytest.mark.parametrize('i', [2, 1, 'a b', '::'])\n\
    def test_a(i): pass\n\
    class TestB:\n\
    \x20   def test_login(self): pass\n";

/// The ids that pytest lists, in its order.
fn listed(suite: &Suite, python: &std::path::Path, args: &[&str]) -> (Vec<String>, i32) {
    let ran = pytest(suite.path(), python, &[&["--collect-only", "-q"], args].concat());
    let ids = ran.stdout.lines().take_while(|line| !line.is_empty() && line.contains("::"));
    (ids.map(str::to_owned).collect(), ran.code)
}

#[test]
fn the_list_is_pytests_in_both_forms() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_b.py", TESTS), ("test_a.py", TESTS)]);
    let exe = python.to_str().unwrap();
    for args in [&[][..], &["-k", "login"], &["test_b.py::test_a"], &["-k", "nothing"]] {
        let (ids, code) = listed(&suite, &python, args);
        let options = [&["collect", "--python", exe], args].concat();
        let ran = kit::run(&mut suite.plain(&options)).exits(code);
        let records = kit::records("testfan", &ran.stdout);
        let collected: Vec<_> = of_type(&records, "testfan.test.collected");
        let collected: Vec<_> = collected.iter().map(|record| record["id"].as_str().unwrap()).collect();
        assert_eq!(collected, ids, "{args:?}");
        let people = kit::run(&mut suite.plain(&[&options[..], &["--format", "human"]].concat())).exits(code);
        assert_eq!(people.stdout.lines().collect::<Vec<_>>(), ids, "{args:?}: {}", people.stderr);
        assert!(ids.is_empty() || !people.stdout.contains("collected"), "{}", people.stdout);
    }
    assert_eq!(listed(&suite, &python, &["-k", "nothing"]).1, 5);
}

#[test]
fn errors_are_shown_and_the_codes_are_pytests() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", TESTS), ("test_bad.py", "import nowhere_to_be_found\n")]);
    let exe = python.to_str().unwrap();
    let (ids, code) = listed(&suite, &python, &[]);
    assert_eq!((ids.len(), code), (5, 2));
    let ran = kit::run(&mut suite.plain(&["collect", "--python", exe, "--format", "human"])).exits(2);
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), ids);
    assert!(ran.stderr.contains("No module named 'nowhere_to_be_found'"), "{}", ran.stderr);
    let ran = kit::run(&mut suite.plain(&["collect", "--python", exe, "--no-such-option"])).exits(4);
    assert!(ran.stderr.contains("--no-such-option"), "{}", ran.stderr);
    kit::records("testfan", &ran.stdout);
    let ran = kit::run(&mut suite.plain(&["collect", "--python", "/no/such/python"])).exits(2);
    assert!(ran.stderr.contains("/no/such/python"), "{}", ran.stderr);
}

#[test]
fn nothing_runs_and_parts_are_listed() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", TESTS), ("test_run.py", "def test_r(): open('ran', 'w')\n")]);
    let exe = python.to_str().unwrap();
    let mut all: Vec<String> = Vec::new();
    for part in ["1/2", "2/2"] {
        let options = ["collect", "--python", exe, "--format", "human", "--partition", part];
        all.extend(kit::run(&mut suite.plain(&options)).exits(0).stdout.lines().map(str::to_owned));
    }
    let (mut ids, _) = listed(&suite, &python, &[]);
    all.sort();
    ids.sort();
    assert_eq!(all, ids);
    assert!(!suite.path().join("ran").exists());
}
