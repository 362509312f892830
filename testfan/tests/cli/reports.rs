//! `testfan report`: records of runs, summed up; and what a run tells GitHub by itself.

use std::process::Stdio;

use crate::support::{Suite, junit, marked, pytest};
use kit::of_type;
use serde_json::Value;

const MIXED: &str = "import pytest, time\n\
    class TestIn:\n\
    \x20   @pytest.mark.parametrize('x', ['a::b', '<&\"', 'ü'])\n\
    \x20   def test_ok(self, x): pass\n\
    def test_bad():\n\
    \x20   print('said', chr(27) + '[1m', chr(1))\n\
    \x20   assert 1 == 2, 'a, b: 100%'\n\
    @pytest.mark.skip(reason='no')\n\
    def test_skip(): pass\n\
    @pytest.mark.xfail(reason='known')\n\
    def test_xfail(): assert 0\n\
    @pytest.mark.xfail\n\
    def test_xpass(): pass\n\
    @pytest.fixture\n\
    def broken(): raise RuntimeError\n\
    def test_error(broken): pass\n\
    def test_slow(): time.sleep(0.3)\n";

/// The attributes that identify each `<testcase>` of a `JUnit` file, sorted, with the tag of what is in it.
fn cases(path: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let attribute = |case: &str, name: &str| {
        let value = case.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
        value.replace("&quot;", "\"").replace("&gt;", ">")
    };
    let mut cases: Vec<String> = text
        .split("<testcase")
        .skip(1)
        .map(|case| {
            let tags = ["failure", "error", "skipped"];
            let tag = tags.iter().find(|tag| case.contains(&format!("<{tag}"))).unwrap_or(&"");
            format!("{} {} {tag}", attribute(case, "classname"), attribute(case, "name"))
        })
        .collect();
    cases.sort();
    cases
}

#[test]
fn a_report_names_failures_slow_tests_and_totals() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", MIXED)]);
    suite.run(&python, &["-n2"]).0.exits(1);
    let ran = kit::run(&mut suite.plain(&["report", "--format", "human", "--slowest=1"])).exits(1);
    let text = &ran.stdout;
    for part in
        ["test_a.py::test_bad ___", "assert 1 == 2", "said", "RuntimeError", "ERROR test_a.py::test_error"]
    {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    let slow: Vec<_> = text.lines().filter(|line| line.contains(" ms  ")).collect();
    assert!(matches!(slow[..], [line] if line.ends_with("test_a.py::test_slow")), "{text}");
    assert!(text.contains("1 failed, 4 passed, 1 skipped, 1 xfailed, 1 xpassed, 1 error in "), "{text}");
    // What is piped is a file of records again.
    let first = kit::run(&mut suite.plain(&["report"])).exits(1).stdout;
    let records = kit::records("testfan", &first);
    assert_eq!(of_type(&records, "test.finished").len(), 9);
    let computed = of_type(&records, "testfan.report.computed")[0];
    assert_eq!((&computed["tests"], &computed["cut_short"]), (&9.into(), &0.into()));
    assert_eq!(computed["slowest"][0]["id"], "test_a.py::test_slow");
    std::fs::write(suite.path().join("first"), &first).unwrap();
    let second = kit::run(&mut suite.plain(&["report", "first"])).exits(1).stdout;
    let counts = |text: &str| kit::records("testfan", text).pop().map(|last: Value| last["counts"].clone());
    assert_eq!(counts(&first), counts(&second));
}

#[test]
fn the_junit_file_of_a_report_is_pytests() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", MIXED), ("test_b.py", "def test_more(): pass\n")]);
    let (serial, ours) = (suite.path().join("serial.xml"), suite.path().join("ours.xml"));
    pytest(suite.path(), &python, &[&format!("--junitxml={}", serial.display())]).exits(1);
    let mut files = Vec::new();
    for part in ["1/2", "2/2"] {
        let (ran, _) = suite.run(&python, &["-n2", "--partition", part]);
        files.push(format!("part-{}", files.len()));
        std::fs::write(suite.path().join(files.last().unwrap()), ran.stdout).unwrap();
    }
    let out = ours.to_str().unwrap();
    let args = ["report", "--junit", out, &files[0], &files[1]];
    let ran = kit::run(&mut suite.plain(&args)).exits(1);
    assert_eq!(of_type(&kit::records("testfan", &ran.stdout), "test.finished").len(), 10);
    assert_eq!(cases(&ours), cases(&serial));
    let xml = std::fs::read_to_string(&ours).unwrap();
    assert!(xml.contains("#x01") && !xml.contains('\u{1b}') && !xml.contains('\u{1}'), "{xml}");
    // One part alone is a suite whose counts are those of its own tests.
    kit::run(&mut suite.plain(&["report", "--junit", out, &files[0]]));
    let number = cases(&ours).len() as u64;
    assert_eq!(junit(&ours)["tests"], number);
}

#[test]
fn a_run_that_was_cut_short_is_no_good_run() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import time\ndef test_a(): pass\ndef test_b(): pass\ndef test_c(): time.sleep(600)\n",
    )]);
    let marker = format!("cut-short-{}", std::process::id());
    let mut command = suite.command(&python, &["-n1"]);
    let mut child = command.env("TESTFAN_MARKER", &marker).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().contains("test_a.py::test_c")));
    child.kill().unwrap();
    child.wait().unwrap();
    let xml = suite.path().join("out.xml");
    let args = ["report", "--format", "human", "--junit", xml.to_str().unwrap()];
    let ran = kit::run(&mut suite.plain(&args)).exits(2);
    assert!(ran.stderr.contains("the run was cut short"), "{}", ran.stderr);
    assert!(ran.stdout.contains("1 cut short"), "{}", ran.stdout);
    assert_eq!(junit(&xml)["errors"], 1);
    while !marked(&marker).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let bad = kit::run(suite.plain(&["report", "-"]).stdin(Stdio::null())).exits(2);
    assert!(bad.stderr.contains("standard input holds no run"), "{}", bad.stderr);
    std::fs::write(suite.path().join("bad"), "{}\nnot json\n").unwrap();
    let bad = kit::run(&mut suite.plain(&["report", "bad"])).exits(2);
    assert!(bad.stderr.contains("records of bad: line 2 is not JSON"), "{}", bad.stderr);
}

#[test]
fn in_a_github_job_failures_are_marked_and_summed_up() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", MIXED)]);
    let summary = suite.path().join("summary.md");
    std::fs::write(&summary, "before\n").unwrap();
    let workspace = suite.path().parent().unwrap();
    let mut command = suite.command(&python, &["-n2"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", workspace);
    let ran = kit::run(command.env("GITHUB_STEP_SUMMARY", &summary)).exits(1);
    kit::records("testfan", &ran.stdout);
    let folder = suite.path().file_name().unwrap().to_str().unwrap();
    let bad = format!("::error file={folder}/test_a.py,line=7,title=test_a.py%3A%3Atest_bad::");
    let line = ran.stderr.lines().find(|line| line.starts_with(&bad)).unwrap_or(&ran.stderr);
    assert!(line.contains("AssertionError: a, b: 100%25%0A"), "{line}");
    assert_eq!(ran.stderr.matches("::error ").count(), 2, "{}", ran.stderr);
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("before\n### Tests: 1 failed, 4 passed"), "{text}");
    assert!(text.contains("<code>test_a.py::test_bad</code>") && !text.contains("cut short"), "{text}");
    // A report of it says the same.
    let again = kit::run(suite.plain(&["report", "--github"]).env("GITHUB_WORKSPACE", workspace)).exits(1);
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&again.stderr), sorted(&ran.stderr));
    // Outside of such a job nothing is said, and a summary that cannot be written costs nothing.
    assert_eq!(suite.run(&python, &["-n2"]).0.exits(1).stderr, "");
    let mut command = suite.command(&python, &["-n2", "-k", "slow"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", "/no/such/folder/summary");
    let ran = kit::run(&mut command).exits(0);
    assert!(ran.stderr.contains("warning: failed to add to /no/such/folder/summary"), "{}", ran.stderr);
}

#[test]
fn a_test_that_alternates_is_named_with_its_history() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import os\ndef test_a(): assert os.environ['STATE'] == 'good'\ndef test_b(): pass\n",
    )]);
    let run = |state: &str| {
        let ran = kit::run(suite.command(&python, &["-n1"]).env("STATE", state));
        let records = kit::records("testfan", &ran.stdout);
        of_type(&records, "testfan.flaky.found").into_iter().cloned().collect::<Vec<_>>()
    };
    for state in ["good", "bad", "bad", "good"] {
        assert_eq!(run(state), Vec::<Value>::new());
    }
    let found = run("bad");
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["id"], &found[0]["history"]), (&"test_a.py::test_a".into(), &"FF.F".into()));
    let ran = kit::run(&mut suite.plain(&["report", "--format", "human"])).exits(1);
    assert!(ran.stdout.contains("FLAKY test_a.py::test_a, last runs: FF.F"), "{}", ran.stdout);
}
