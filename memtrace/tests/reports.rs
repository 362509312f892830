//! The reports on a capture: right numbers, valid records, quiet ends, no panic on damaged files.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{Folder, on_every_python};

const PROGRAM: &str = "\
def leaf(size):
    return bytearray(size - 1)

def hold():
    return [leaf(10_000_000), leaf(20_000_000)]

def churn():
    for _ in range(10):
        leaf(1_000_000)

kept = hold()
churn()
del kept[1]
churn()
leaf(3_000_000)
";

fn recorded(python: &std::path::Path) -> Folder {
    let folder = Folder::new();
    folder.write("app.py", PROGRAM);
    let _ = folder.record(python, &["app.py"]).exits(0);
    folder
}

#[test]
fn the_numbers_are_those_of_the_program() {
    on_every_python(|python| {
        let folder = recorded(python);
        let stats = folder.stats();
        let number = |name: &str| stats[name].as_u64().unwrap();
        // The interpreter itself takes some megabytes too.
        assert!((31_000_000..41_000_000).contains(&number("peak_bytes")), "{stats}");
        assert!(number("total_bytes") > 53_000_000, "{stats}");
        assert!((23_000_000..30_000_000).contains(&number("temporary_bytes")), "{stats}");
        assert_eq!(stats["complete"], true);

        let at = |at: &str| -> Vec<Value> {
            let ran = kit::run(folder.memtrace().args(["summary", "capture.mtr", "--at", at])).exits(0);
            kit::of_type(&kit::records("memtrace", &ran.stdout), "memtrace.location.measured")
                .into_iter()
                .filter(|line| line["file"].as_str().unwrap().ends_with("app.py"))
                .map(|line| json!([line["function"], line["line"], line["bytes"], line["allocations"]]))
                .collect()
        };
        assert_eq!(at("peak")[0], json!(["leaf", 2, 31_000_000, 3]));
        assert_eq!(at("temporary")[0], json!(["leaf", 2, 23_000_000, 21]));
    });
}

#[test]
fn records_are_read_back_as_they_were_written() {
    let Ok(python) = kit::python("3.13") else { return };
    let folder = recorded(&python);
    let records = kit::run(folder.memtrace().args(["records", "capture.mtr"])).exits(0).stdout;
    folder.write("records.jsonl", &records);
    let from_stdin = |command: &str| {
        let input = std::fs::File::open(folder.path("records.jsonl")).unwrap();
        let ran = kit::run(folder.memtrace().args([command, "-"]).stdin(input)).exits(0);
        kit::records("memtrace", &ran.stdout)
    };
    let payload = |records: Vec<Value>| -> Vec<Value> {
        let strip = |mut record: Value| {
            let fields = record.as_object_mut().unwrap();
            fields.retain(|field, _| !["seq", "at_us", "argv", "wall_clock"].contains(&field.as_str()));
            record
        };
        records.into_iter().map(strip).collect()
    };
    for command in ["stats", "summary"] {
        assert_eq!(payload(from_stdin(command)), payload(folder.report(command)));
    }
    let _ = from_stdin("flamegraph");
    let page = std::fs::read_to_string(folder.path("memtrace.html")).unwrap();
    assert!(page.contains("\"leaf\""));
}

#[test]
fn bad_records_are_named() {
    let folder = Folder::new();
    for (input, said) in [
        ("{\"type\":\"memtrace.allocation.freed\",\"address\":\"12\"}\n", "line 1: \"12\" is not an address"),
        ("\n{nope\n", "line 2 is not JSON"),
        ("{\"type\":\"memtrace.allocation.recorded\"}\n", "line 1 is not a valid"),
    ] {
        let name = folder.write("bad.jsonl", input);
        let input = std::fs::File::open(folder.path(name)).unwrap();
        let ran = kit::run(folder.memtrace().args(["stats", "-"]).stdin(input)).exits(2);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}

#[test]
fn the_flame_graph_is_one_file_that_loads_nothing() {
    on_every_python(|python| {
        let folder = recorded(python);
        let records = folder.report("flamegraph");
        let written = kit::of_type(&records, "memtrace.report.written");
        assert_eq!(written[0]["path"], "capture.html");
        let page = std::fs::read_to_string(folder.path("capture.html")).unwrap();
        for name in ["\"leaf\"", "\"hold\"", "\"churn\"", "app.py"] {
            assert!(page.contains(name), "{name}");
        }
        for loads in ["http:", "https:", "src=", "<link", "@import", "url(", "{{"] {
            assert!(!page.contains(loads), "{loads}");
        }
        // A second one is not written over the first.
        let ran = kit::run(folder.memtrace().args(["flamegraph", "capture.mtr"])).exits(2);
        assert!(ran.stderr.contains("capture.html exists already"), "{}", ran.stderr);
        let _ = kit::run(folder.memtrace().args(["flamegraph", "-f", "capture.mtr"])).exits(0);
    });
}

#[test]
fn a_capture_cut_anywhere_is_an_error_or_incomplete() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = recorded(&python);
    let whole = std::fs::read(folder.path("capture.mtr")).unwrap();
    let steps = (0..whole.len()).step_by(whole.len() / 150).chain([1, 4095, 4096, 4100, whole.len() - 1]);
    for length in steps {
        std::fs::write(folder.path("cut.mtr"), &whole[..length]).unwrap();
        let ran = kit::run(folder.memtrace().args(["stats", "cut.mtr"]));
        if length < 4096 {
            assert_eq!(ran.code, 2, "{length}: {}", ran.stderr);
            assert!(ran.stderr.contains("cut.mtr is not a capture of memtrace"), "{}", ran.stderr);
        } else {
            assert_eq!(ran.code, 0, "{length}: {}", ran.stderr);
            assert!(ran.stdout.contains("\"complete\":false"), "{length}");
        }
    }
}

#[test]
fn a_capture_with_wrong_bytes_never_panics() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = recorded(&python);
    let whole = std::fs::read(folder.path("capture.mtr")).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 150) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        std::fs::write(folder.path("wrong.mtr"), &bytes).unwrap();
        let ran = kit::run(folder.memtrace().args(["summary", "wrong.mtr"]));
        assert!(ran.code == 0 || ran.code == 2, "{at}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{at}: {}", ran.stderr);
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = recorded(&python);
    for command in ["records", "stats", "summary"] {
        let mut child = folder
            .memtrace()
            .args([command, "capture.mtr"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{command}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    }
}

#[test]
fn people_get_tables() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = recorded(&python);
    let memtrace = kit::binary("memtrace");
    let screen = |command| kit::in_terminal(&memtrace, &[command, "capture.mtr"], &folder.path(""), &[]);
    let stats = screen("stats");
    assert_eq!(stats.code, 0);
    for words in ["peak", "never given back", "malloc", "leaf", "app.py:2"] {
        assert!(stats.text.contains(words), "{words}: {}", stats.text);
    }
    assert!(!stats.text.contains("\"type\""));
    let summary = screen("summary");
    assert!(summary.text.contains("in use at the peak") && summary.text.contains("leaf"), "{}", summary.text);
    assert!(screen("records").text.contains("< leaf ("));
}

#[test]
fn a_foreign_file_is_refused_in_one_line() {
    let folder = Folder::new();
    folder.write("notes.txt", &"not a capture\n".repeat(1000));
    for (file, said) in [("notes.txt", "notes.txt is not a capture"), ("none.mtr", "failed to read none.mtr")]
    {
        let ran = kit::run(folder.memtrace().args(["stats", file])).exits(2);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert_eq!(kit::records("memtrace", &ran.stdout).len(), 3);
    }
}

#[test]
fn completions_are_a_script() {
    let folder = Folder::new();
    let script = kit::run(folder.memtrace().args(["completions", "bash"])).exits(0).stdout;
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
}
