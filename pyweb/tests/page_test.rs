//! `pyweb test` from outside: pages and the functions inside them as tests, and its verdict.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages")
}

fn pyweb_test(args: &[&str]) -> Command {
    let mut command = Command::new(kit::binary("pyweb"));
    command.current_dir(pages()).arg("test").args(args);
    command
}

/// Each finished test as `id outcome`, with the message of those that failed.
fn finished(stdout: &str) -> Vec<String> {
    let records = kit::records("pyweb", stdout);
    let text = |record: &Value, field: &str| record[field].as_str().unwrap().to_owned();
    let started: Vec<String> =
        kit::of_type(&records, "test.started").iter().map(|record| text(record, "id")).collect();
    let lines: Vec<String> = kit::of_type(&records, "test.finished")
        .iter()
        .map(|record| {
            assert!(started.contains(&text(record, "id")), "{record}");
            let line =
                format!("{} {} {}", text(record, "id"), text(record, "outcome"), text(record, "message"));
            line.trim_end().to_owned()
        })
        .collect();
    assert_eq!(lines.len(), started.len());
    lines
}

#[test]
fn pages_and_the_functions_inside_them_are_tests() {
    let ran = kit::run(&mut pyweb_test(&["good"])).exits(0);
    assert_eq!(
        finished(&ran.stdout),
        [
            "features.html passed",
            "micropython.html::test_display passed",
            "micropython.html::test_click passed",
            "micropython.html passed",
            "pyodide.html passed",
            "random.html passed",
        ]
    );
}

#[test]
fn a_test_that_fails_says_where_and_why() {
    let ran = kit::run(&mut pyweb_test(&["failing"])).exits(1);
    assert_eq!(
        finished(&ran.stdout),
        [
            "index.html::test_passes passed",
            "index.html::test_fails failed test_index.py:11: AssertionError: the text is another",
            "index.html passed",
        ]
    );
}

#[test]
fn an_error_in_a_page_fails_it_with_file_and_line() {
    for (page, message) in [
        ("inline.html", "inline.html:13: ZeroDivisionError: divide by zero"),
        ("source-micropython.html", "boom.py:4: ValueError: boom"),
        ("source.html", "boom.py:4: ValueError: boom"),
    ] {
        let ran = kit::run(&mut pyweb_test(&[&format!("bad/{page}")])).exits(1);
        assert_eq!(finished(&ran.stdout), [format!("{page} failed {message}")]);
        let records = kit::records("pyweb", &ran.stdout);
        assert_eq!(kit::of_type(&records, "pyweb.python.raised").len(), 1);
    }
}

#[test]
fn an_uncaught_error_of_the_pages_javascript_fails_it() {
    let ran = kit::run(&mut pyweb_test(&["uncaught"])).exits(1);
    assert_eq!(
        finished(&ran.stdout),
        [
            "classic.html failed classic.html:7: Uncaught TypeError: from a timer",
            "module.html failed module.html:7: Uncaught TypeError: from a promise (in promise)",
        ]
    );
    let records = kit::records("pyweb", &ran.stdout);
    let errors =
        kit::of_type(&records, "pyweb.console.logged").into_iter().filter(|log| log["level"] == "error");
    assert_eq!(errors.count(), 2, "they are on the console, too");
}

#[test]
fn a_page_that_gets_stuck_fails_alone() {
    let ran = kit::run(&mut pyweb_test(&["stuck", "--timeout", "2"])).exits(1);
    let lines = finished(&ran.stdout);
    let verdict = |page: &str| lines.iter().find(|line| line.starts_with(page)).unwrap();
    assert!(verdict("loop.html").contains("running Python from loop.html:8"), "{lines:?}");
    assert!(verdict("no-core.html").contains("never got ready"), "{lines:?}");
    assert_eq!(verdict("outside.html"), "outside.html passed");
}

#[test]
fn people_get_a_line_for_each_test() {
    let screen =
        kit::in_terminal(&kit::binary("pyweb"), &["test", "failing"], &pages(), &[("NO_COLOR", "1")]);
    assert_eq!(screen.code, 1, "{}", screen.text);
    for line in [
        "PASS index.html::test_passes",
        "FAIL index.html::test_fails",
        "     test_index.py:11: AssertionError: the text is another",
        "2 passed, 1 failed in",
    ] {
        assert!(screen.text.contains(line), "{}", screen.text);
    }
}

#[test]
fn the_verdict_stands_when_the_reader_goes_away() {
    let mut pyweb = pyweb_test(&["failing"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(pyweb.stdout.take());
    let ended = pyweb.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn a_folder_without_pages_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    std::fs::write(empty.path().join("plain.html"), "<p>no Python here</p>").unwrap();
    let ran = kit::run(&mut pyweb_test(&[empty.path().to_str().unwrap()])).exits(2);
    assert!(ran.stderr.contains("no page with Python in it"), "{}", ran.stderr);
    let ran = kit::run(&mut pyweb_test(&["nowhere"])).exits(2);
    assert!(ran.stderr.contains("failed to read nowhere"), "{}", ran.stderr);
}
