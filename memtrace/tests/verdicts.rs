//! Leaks, comparisons and the call tree: right answers, exit codes for scripts, the same numbers in every report.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::terminal::{sit_at, sit_before};
use support::{Folder, on_every_python};

/// Keeps blocks, the sizes of which are arguments.
const PROGRAM: &str = "\
import sys

def keep(size):
    block = bytearray(size - 1)
    return block

def fill(sizes):
    return list(map(keep, sizes))

kept = fill([int(size) for size in sys.argv[1:]])
sys._clear_type_cache()
import os; sys.stdout.flush(); os._exit(0)
";

fn record(folder: &Folder, python: &Path, name: &str, sizes: &[&str]) {
    folder.write("app.py", PROGRAM);
    let mut command = folder.memtrace();
    command.args(["run", "-q", "-f", "-o", name, "--python"]).arg(python).arg("app.py").args(sizes);
    let _ = kit::run(&mut command).exits(0);
}

#[test]
fn leaks_are_named_with_their_stacks_and_a_limit_is_a_verdict() {
    on_every_python(|python| {
        let folder = Folder::new();
        record(&folder, python, "capture.mtr", &["5000000", "6000000"]);
        let ran = kit::run(folder.memtrace().args(["leaks", "capture.mtr"])).exits(0);
        let records = kit::records("memtrace", &ran.stdout);
        let leaks = kit::of_type(&records, "memtrace.leak.found");
        assert_eq!((&leaks[0]["bytes"], &leaks[0]["allocations"]), (&json!(11_000_000), &json!(2)));
        assert_eq!(leaks[0]["stack"][0]["function"], "keep");
        assert_eq!(leaks[0]["stack"][0]["line"], 4);
        assert_eq!(leaks.len(), 10);

        let limited =
            |limit| kit::run(folder.memtrace().args(["leaks", "--limit", limit, "capture.mtr"])).code;
        assert_eq!((limited("10M"), limited("11000000"), limited("10.5 MiB")), (1, 0, 0));
        let ran = kit::run(folder.memtrace().args(["leaks", "--limit", "many", "capture.mtr"])).exits(2);
        assert!(ran.stderr.contains("is no size"), "{}", ran.stderr);
    });
}

#[test]
fn a_function_that_grew_fails_the_comparison() {
    on_every_python(|python| {
        let folder = Folder::new();
        record(&folder, python, "before.mtr", &["5000000"]);
        record(&folder, python, "after.mtr", &["5000000", "3000000"]);
        let diff = |arguments: &[&str], code| {
            let ran = kit::run(folder.memtrace().arg("diff").args(arguments)).exits(code);
            kit::records("memtrace", &ran.stdout)
        };
        for at in ["peak", "leaked"] {
            let records = diff(&["before.mtr", "after.mtr", "--at", at], 1);
            // pymalloc's arenas fall to whoever needs the next one, which is not always the same function.
            let compared = kit::of_type(&records, "memtrace.function.compared");
            let first = compared.into_iter().find(|one| one["function"] == "keep").unwrap();
            let keep = |record: &Value| {
                ["function", "before_bytes", "after_bytes", "trend"].map(|key| record[key].clone())
            };
            assert_eq!(keep(first), [json!("keep"), 5_000_000.into(), 8_000_000.into(), "grew".into()]);
            let sum = kit::of_type(&records, "memtrace.diff.computed")[0];
            assert!(sum["grown"].as_u64().unwrap() >= 1, "{records:?}");
        }
        let records = diff(&["after.mtr", "before.mtr", "--grow-by", "4M"], 0);
        let compared = kit::of_type(&records, "memtrace.function.compared");
        assert_eq!(compared.iter().find(|one| one["function"] == "keep").unwrap()["trend"], "shrank");
        let _ = diff(&["before.mtr", "after.mtr", "--grow-by", "4M"], 0);
        let _ = diff(&["before.mtr", "before.mtr"], 0);
    });
}

#[test]
fn every_report_gives_the_same_numbers() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = Folder::new();
    record(&folder, &python, "capture.mtr", &["5000000", "6000000", "70000"]);
    let stats = folder.stats();
    for (at, bytes, blocks) in [
        ("peak", "peak_bytes", "peak_allocations"),
        ("leaked", "leaked_bytes", "leaked_allocations"),
        ("temporary", "temporary_bytes", "temporary_allocations"),
    ] {
        let report = |arguments: &[&str]| {
            let ran = kit::run(folder.memtrace().args(arguments).args(["--at", at, "capture.mtr"])).exits(0);
            kit::records("memtrace", &ran.stdout)
        };
        let sum =
            |records: &[&Value], key: &str| records.iter().map(|record| record[key].as_u64().unwrap()).sum();
        let lines = report(&["summary", "-n", "100000"]);
        let lines = kit::of_type(&lines, "memtrace.location.measured");
        let total = |name: &str| stats[name].as_u64().unwrap();
        let sums: (u64, u64) = (sum(&lines, "bytes"), sum(&lines, "allocations"));
        assert_eq!(sums, (total(bytes), total(blocks)), "{at}");
        let calls = report(&["tree", "--imports"]);
        let calls = kit::of_type(&calls, "memtrace.call.measured");
        let root = (calls[0]["bytes"].as_u64().unwrap(), calls[0]["allocations"].as_u64().unwrap());
        assert_eq!(root, (total(bytes), total(blocks)), "{at}");
        assert_eq!(sum(&calls, "own_bytes"), total(bytes), "{at}");
        // A call has what it asked for itself and what its callees have.
        for call in &calls {
            let callees = calls.iter().filter(|callee| callee["caller"] == call["id"] && callee["id"] != 0);
            let below: u64 = callees.map(|callee| callee["bytes"].as_u64().unwrap()).sum();
            assert_eq!(call["bytes"], below + call["own_bytes"].as_u64().unwrap());
        }
        let without = report(&["tree"]);
        assert_eq!(kit::of_type(&without, "memtrace.call.measured")[0]["bytes"], total(bytes));
    }
    let ran = kit::run(folder.memtrace().args(["leaks", "-n", "100000", "capture.mtr"])).exits(0);
    let records = kit::records("memtrace", &ran.stdout);
    let leaks = kit::of_type(&records, "memtrace.leak.found");
    let leaks = leaks.iter().map(|leak| leak["bytes"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(leaks, stats["leaked_bytes"].as_u64().unwrap());
}

#[test]
fn the_tree_is_text_where_nobody_sits() {
    let Ok(python) = kit::python("3.13") else { return };
    let folder = Folder::new();
    record(&folder, &python, "capture.mtr", &["5000000", "6000000"]);
    let ran = kit::run(folder.memtrace().args(["tree", "--format", "human", "capture.mtr"])).exits(0);
    let line = |words: &str| {
        ran.stdout.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{}", ran.stdout))
    };
    assert!(line("  keep  ").contains("10.5 MiB"), "{}", ran.stdout);
    assert!(line("in use at the peak").contains("MiB"));
    assert!(!ran.stdout.contains('\u{1b}'));
}

#[test]
fn somebody_walks_through_the_tree() {
    let Ok(python) = kit::python("3.13") else { return };
    let folder = Folder::new();
    record(&folder, &python, "capture.mtr", &["5000000", "6000000"]);
    let (screens, code) = sit_at(
        &folder.path(""),
        &["tree", "capture.mtr"],
        &[
            ("block = bytearray(size - 1)", "t"),
            ("never given back", "/fill\r"),
            ("def fill(sizes):", "\x1b[D"),
            ("never given back", "tt"),
            ("in use at the peak", "q"),
        ],
    );
    assert_eq!(code, 0);
    // The largest is open from the start, with its code beside it.
    assert!(screens[0].contains("10.5 MiB itself"), "{}", screens[0]);
    assert!(screens[0].contains("keep") && screens[0].contains("app.py:4"), "{}", screens[0]);
}

#[test]
fn a_small_terminal_shows_the_ends_of_paths_and_how_to_leave() {
    let Ok(python) = kit::python("3.13") else { return };
    let folder = Folder::new();
    let name = "a_file_whose_path_is_far_too_long_for_such_a_terminal.py";
    // Deeper than there is room for: the name of a function is seen all the same.
    let code = "def down(n):\n    return down(n - 1) if n else bytearray(9_000_000)\nkept = down(60)\nimport os; os._exit(0)\n";
    folder.write(name, code);
    let _ = folder.record(&python, &[name]).exits(0);
    for command in ["tree", "live"] {
        // The end of a line, and then that of the page.
        let steps = [(".py:2", ""), ("q  quit", "q")];
        let (screens, code) = sit_before((60, 12), &folder.path(""), &[command, "capture.mtr"], &steps);
        assert_eq!(code, 0);
        let row = screens[1].lines().find(|line| line.contains("down")).unwrap();
        assert!(row.contains('…') && row.trim_end().ends_with(".py:2"), "{}", screens[1]);
        assert!(screens[1].trim_end().lines().last().unwrap().contains("q  quit"), "{}", screens[1]);
    }
}
