//! Real suites, whole: the outcome of every test is the one it has under plain pytest.

use std::collections::BTreeMap;

use crate::support::{Suite, junit, outcomes, pytest, testfan, unpacked};

fn same_as_serial(name: &str, least: usize) {
    let (Ok(python), Ok(folder)) = (kit::venv("testfan"), unpacked(name)) else { return };
    let scratch = tempfile::tempdir().unwrap();
    let output = scratch.path().join("serial.json");
    let (serial_xml, parallel_xml) = (scratch.path().join("serial.xml"), scratch.path().join("parallel.xml"));

    let serial_xml_option = format!("--junitxml={}", serial_xml.display());
    let script = python.with_file_name("pytest");
    let serial = kit::run(
        std::process::Command::new(script)
            .args(["-q", "-p", "no:cacheprovider", "-p", "witness", &serial_xml_option, "tests"])
            .env("PYTHONPATH", kit::data("fixtures"))
            .env("WITNESS_FILE", &output)
            .current_dir(&folder),
    );
    let witnessed: Vec<(String, String)> =
        serde_json::from_str(&std::fs::read_to_string(output).unwrap()).unwrap();
    let expected: BTreeMap<String, String> = witnessed.into_iter().collect();
    assert!(expected.len() >= least, "{}", serial.stdout);

    let args = ["-n2", "--junit", parallel_xml.to_str().unwrap(), "-p", "no:cacheprovider", "tests"];
    let cache = tempfile::tempdir().unwrap();
    let parallel = kit::run(testfan(&folder, &python, &args).env("SNAKEPIPE_CACHE", cache.path()));
    let records = kit::records("testfan", &parallel.stdout);
    assert_eq!(outcomes(&records), expected, "{}", parallel.stderr);
    assert_eq!(parallel.code, serial.code);
    assert_eq!(junit(&parallel_xml), junit(&serial_xml));

    // Again, without the JUnit file and with known durations: the thin way.
    let args = ["-n2", "-p", "no:cacheprovider", "tests"];
    let again = kit::run(testfan(&folder, &python, &args).env("SNAKEPIPE_CACHE", cache.path()));
    assert_eq!(outcomes(&kit::records("testfan", &again.stdout)), expected, "{}", again.stderr);
}

#[test]
fn flask() {
    same_as_serial("flask", 400);
}

#[test]
fn click() {
    same_as_serial("click", 400);
}

#[test]
fn markupsafe() {
    same_as_serial("markupsafe", 80);
}

/// Names and texts.
type Files = &'static [(&'static str, &'static str)];

/// pytest's exit codes, 0 to 5, are testfan's.
#[test]
fn exit_codes_are_pytests() {
    const INTERNAL: &str = "def pytest_runtest_protocol(item): raise RuntimeError('broken plugin')";
    let Ok(python) = kit::venv("testfan") else { return };
    let cases: [(i32, Files, &[&str]); 7] = [
        (0, &[("test_a.py", "def test_a(): pass")], &[]),
        (1, &[("test_a.py", "def test_a(): assert 0")], &[]),
        (2, &[("test_a.py", "import pytest\ndef test_a(): pytest.exit('enough')")], &[]),
        (2, &[("test_a.py", "import nowhere_to_be_found")], &[]),
        (3, &[("test_a.py", "def test_a(): pass"), ("conftest.py", INTERNAL)], &[]),
        (4, &[("test_a.py", "def test_a(): pass")], &["--no-such-option"]),
        (5, &[("test_a.py", "def helper(): pass")], &[]),
    ];
    for (code, files, args) in cases {
        let suite = Suite::new(files);
        let serial = pytest(suite.path(), &python, args).exits(code);
        let (ran, _) = suite.run(&python, args);
        assert_eq!(ran.code, code, "{}\n{}\n--- serial\n{}", ran.stdout, ran.stderr, serial.stdout);
    }
}
