//! `--aggregate`: the same answers from a small file, which is whole whatever dies.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{Folder, on_every_python};

const PROGRAM: &str = "\
def leaf(size):
    return bytearray(size - 1)

def hold(*sizes):
    return [leaf(size) for size in sizes]

kept = hold(3_000_000, 2_000_000)
passing = hold(9_000_000)
del passing
more = hold(1_000_000)
";

/// What the functions of the program asked for, in one kind; the rest depends on the run.
fn lines(folder: &Folder, capture: &str, at: &str) -> Vec<Value> {
    let ran = kit::run(folder.memtrace().args(["summary", "-n", "100000", "--at", at, capture])).exits(0);
    let records = kit::records("memtrace", &ran.stdout);
    let lines =
        records.iter().filter(|line| line["file"].as_str().is_some_and(|file| file.ends_with("app.py")));
    let fields = ["function", "line", "bytes", "allocations", "cumulative_bytes"];
    lines.map(|line| fields.iter().map(|field| line[field].clone()).collect()).collect()
}

fn record(folder: &Folder, python: &Path, words: &[&str]) -> kit::Ran {
    folder.record_with(&["--aggregate"], python, words)
}

#[test]
fn the_answers_are_those_of_the_events() {
    let folder = Folder::new();
    folder.write("app.py", PROGRAM);
    on_every_python(|python| {
        let _ = folder.record(python, &["app.py"]).exits(0);
        std::fs::rename(folder.path("capture.mtr"), folder.path("events.mtr")).unwrap();
        let ran = record(&folder, python, &["app.py"]).exits(0);
        assert_eq!(ran.stderr, "");
        assert!(!folder.path("capture.mtr.events").exists());
        for at in ["peak", "leaked", "temporary"] {
            let expected = lines(&folder, "events.mtr", at);
            assert_eq!(lines(&folder, "capture.mtr", at), expected, "{at}");
            assert!(at != "peak" || expected.len() > 3, "{expected:?}");
        }
        let stats = folder.stats();
        assert_eq!(stats["complete"], true);
        assert!(stats["peak_bytes"].as_u64().unwrap() > 14_000_000, "{stats}");
    });
}

#[test]
fn every_report_but_those_of_single_events() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = Folder::new();
    folder.write("app.py", PROGRAM);
    let _ = record(&folder, &python, &["app.py"]).exits(0);
    let targets = ["pprof", "speedscope", "collapsed", "firefox", "dhat", "massif", "gprof2dot", "csv"];
    for target in targets {
        let _ = kit::run(folder.memtrace().args(["export", "--to", target, "-fo", "out", "capture.mtr"]))
            .exits(0);
    }
    for report in [&["flamegraph", "-fo", "out"][..], &["table", "-fo", "out"], &["tree"], &["leaks"]] {
        let ran = kit::run(folder.memtrace().args(report).arg("capture.mtr")).exits(0);
        let said = ran.stdout + &std::fs::read_to_string(folder.path("out")).unwrap_or_default();
        assert!(said.contains("leaf"), "{report:?}");
    }
    let same = kit::run(folder.memtrace().args(["diff", "capture.mtr", "capture.mtr"])).exits(0);
    assert!(same.stdout.contains("memtrace.diff.computed"));
    for report in [&["records"][..], &["live"], &["flamegraph", "-fo", "out", "--temporary-threshold", "3"]] {
        let ran = kit::run(folder.memtrace().args(report).arg("capture.mtr")).exits(2);
        let said = "capture.mtr was recorded with --aggregate and has no single events";
        assert!(ran.stderr.contains(said), "{report:?}: {}", ran.stderr);
    }
}

#[test]
fn a_killed_program_leaves_its_sums() {
    let folder = Folder::new();
    let code = "\
import os
kept = [bytearray(100_000) for n in range(200)]
os.kill(os.getpid(), 9)
";
    folder.write("killed.py", code);
    on_every_python(|python| {
        let _ = record(&folder, python, &["killed.py"]).exits(128 + 9);
        let stats = folder.stats();
        assert_eq!(stats["incomplete_because"], "the program was killed by signal 9");
        assert!(stats["leaked_bytes"].as_u64().unwrap() > 20_000_000, "{stats}");
    });
}

#[test]
fn when_memtrace_is_killed_there_is_what_was_summed_up_by_then() {
    let folder = Folder::new();
    // It waits for a capture that has what it made first.
    let code = "\
import os, subprocess, sys, time
kept = [bytearray(100_000) for n in range(200)]
while True:
    time.sleep(0.2)
    stats = subprocess.run([sys.argv[1], 'stats', '--format', 'jsonl', 'capture.mtr'], capture_output=True)
    if b'\"leaked_bytes\":2' in stats.stdout:
        break
os.kill(os.getppid(), 9)
";
    folder.write("killer.py", code);
    on_every_python(|python| {
        let memtrace = kit::binary("memtrace");
        let _ = record(&folder, python, &["killer.py", memtrace.to_str().unwrap()]).exits(128 + 9);
        let stats = folder.stats();
        assert!(stats["leaked_bytes"].as_u64().unwrap() > 20_000_000, "{stats}");
        assert_eq!(stats["complete"], false);
        std::fs::remove_file(folder.path("capture.mtr.events")).unwrap();
    });
}

#[test]
fn events_that_are_summed_up_take_no_room() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = Folder::new();
    let code = "\
import os, time
for n in range(1_000_000):
    bytearray(1000 + n % 100)
stat = lambda: os.stat('capture.mtr.events')
assert stat().st_size > 4_000_000, stat().st_size
while stat().st_blocks * 512 > 1_500_000:
    time.sleep(0.1)
";
    let _ = record(&folder, &python, &["-c", code]).exits(0);
    let size = std::fs::metadata(folder.path("capture.mtr")).unwrap().len();
    assert!(size < 300_000, "{size}");
    assert!(folder.stats()["allocations"].as_u64().unwrap() > 1_000_000);
}

#[test]
fn a_damaged_capture_is_an_error() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = Folder::new();
    let _ = record(&folder, &python, &["-c", "pass"]).exits(0);
    let whole = std::fs::read(folder.path("capture.mtr")).unwrap();
    for length in (4096..whole.len()).step_by(whole.len() / 40) {
        std::fs::write(folder.path("cut.mtr"), &whole[..length]).unwrap();
        let ran = kit::run(folder.memtrace().args(["stats", "cut.mtr"])).exits(2);
        assert!(ran.stderr.contains("cut.mtr is damaged or cut off"), "{}", ran.stderr);
    }
}
