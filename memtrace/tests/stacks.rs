//! Every stack and every size is what the program itself saw, on every Python.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::Path;

use support::truth::{hold_against_truth, hold_mixed_against_truth};
use support::{Folder, on_every_python, program};

fn compare(python: &Path, seed: &str, count: &str, threads: &str) {
    let folder = Folder::new();
    let ran = folder.record(python, &[&program("stacks.py"), seed, count, threads, "truth.txt"]).exits(0);
    assert_eq!(ran.stderr, "");
    hold_against_truth(&folder, python, count, "malloc");
}

#[test]
fn every_stack_of_one_thread() {
    on_every_python(|python| compare(python, "1", "1500", "0"));
}

#[test]
fn every_stack_of_three_threads() {
    on_every_python(|python| compare(python, "2", "600", "3"));
}

#[test]
fn a_recursion_of_fifteen_thousand_is_complete() {
    let folder = Folder::new();
    let code = "\
import sys, threading
sys.setrecursionlimit(50_000)
threading.stack_size(512 << 20)
def down(n):
    return down(n - 1) if n else len(bytearray(7_654_320))
thread = threading.Thread(target=down, args=(15_000,))
thread.start(); thread.join()
";
    folder.write("deep.py", code);
    on_every_python(|python| {
        let _ = folder.record(python, &["deep.py"]).exits(0);
        let records = folder.report("records");
        let block = records.iter().find(|record| record["size_bytes"] == 7_654_321).unwrap();
        let stack = block["stack"].as_array().unwrap();
        let depth = stack.iter().filter(|frame| frame["function"] == "down").count();
        assert_eq!(depth, 15_001);
        let oldest = stack.last().unwrap()["function"].as_str().unwrap();
        assert_eq!(oldest.rsplit('.').next(), Some("_bootstrap"));
    });
}

#[test]
fn a_code_object_at_a_reused_address_is_another() {
    let folder = Folder::new();
    let code = "\
for n in range(400):
    space = {}
    exec(compile(f'def made_{n}():\\n    return bytearray({900_000 + n})', f'<made {n}>', 'exec'), space)
    space[f'made_{n}']()
";
    folder.write("made.py", code);
    on_every_python(|python| {
        let _ = folder.record(python, &["made.py"]).exits(0);
        let records = folder.report("records");
        for n in 0..400 {
            let block = records.iter().find(|record| record["size_bytes"] == 900_001 + n).unwrap();
            let frame = &block["stack"][0];
            assert_eq!(frame["function"], format!("made_{n}"));
            assert_eq!(frame["file"], format!("<made {n}>"));
            assert_eq!(frame["line"], 2);
        }
    });
}

#[test]
fn a_frame_that_is_used_again_for_another_function_is_of_that_one() {
    let folder = Folder::new();
    // Two functions of one shape that `parent` calls from one place. Before 3.11 the second gets the frame of the
    // first: each function keeps one frame for itself, but these have others that run already.
    let shape = "\
def NAME(calls, size):
    for function, its_calls, its_size in calls:
        function(its_calls, its_size)
    if size:
        bytearray(size - 1)
";
    let functions: String = ["one", "two", "parent"].map(|name| shape.replace("NAME", name)).concat();
    let calls = "parent, [(one, [(one, [], 0)], 1_000_001), (two, [], 1_000_002)], 0";
    folder.write("twins.py", &format!("{functions}one([(two, [({calls})], 0)], 0)\n"));
    on_every_python(|python| {
        let _ = folder.record(python, &["twins.py"]).exits(0);
        let records = folder.report("records");
        for (size, first) in [(1_000_001, "one"), (1_000_002, "two")] {
            let block = records.iter().find(|record| record["size_bytes"] == size).unwrap();
            let frames = block["stack"].as_array().unwrap().iter();
            let functions: Vec<&str> = frames.map(|frame| frame["function"].as_str().unwrap()).collect();
            assert_eq!(functions, [first, "parent", "two", "one", "<module>"], "{}", python.display());
        }
    });
}

#[test]
fn every_stack_with_python_allocators() {
    let folder = Folder::new();
    on_every_python(|python| {
        let stacks = program("stacks.py");
        let ran = folder.record_objects(python, &[&stacks, "3", "25", "0", "truth.txt"]).exits(0);
        assert_eq!(ran.stderr, "");
        hold_against_truth(&folder, python, "25", "pyrealloc");
    });
}

#[test]
fn every_stack_with_native_frames() {
    let folder = Folder::new();
    on_every_python(|python| {
        let stacks = program("stacks.py");
        let ran =
            folder.record_with(&["--native"], python, &[&stacks, "4", "700", "0", "truth.txt"]).exits(0);
        assert_eq!(ran.stderr, "");
        hold_mixed_against_truth(&folder, python, "700");
    });
}

#[test]
fn every_stack_with_native_frames_of_three_threads() {
    let folder = Folder::new();
    on_every_python(|python| {
        let stacks = program("stacks.py");
        let ran =
            folder.record_with(&["--native"], python, &[&stacks, "5", "300", "3", "truth.txt"]).exits(0);
        assert_eq!(ran.stderr, "");
        hold_mixed_against_truth(&folder, python, "300");
    });
}
