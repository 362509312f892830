//! The Python package: what is recorded of a program that loads memtrace's library when it runs already.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::Path;

use kit::Ran;
use serde_json::Value;
use support::truth::{hold_against_truth, hold_mixed_against_truth, is_native, sizes};
use support::{Folder, compile, on_every_python, package, program};

/// Runs a program that uses the package `memtrace`.
fn python(folder: &Folder, python: &Path, words: &[&str]) -> Ran {
    kit::run(package(&mut std::process::Command::new(python), folder).args(words))
}

/// Runs `stacks.py` within a tracker that has these options.
fn track_stacks(interpreter: &Path, options: &str, words: &[&str]) -> Folder {
    let folder = Folder::new();
    let code = format!(
        "import runpy, sys, memtrace\nsys.argv.pop(0)\n\
         with memtrace.Tracker('capture.mtr'{options}):\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
    );
    folder.write("tracked.py", &code);
    let stacks = program("stacks.py");
    let words = [&["tracked.py", &stacks], words].concat();
    let ran = python(&folder, interpreter, &words).exits(0);
    assert_eq!(ran.stderr, "");
    folder
}

#[test]
fn every_stack_of_one_thread() {
    on_every_python(|python| {
        let folder = track_stacks(python, "", &["4", "1000", "0", "truth.txt"]);
        hold_against_truth(&folder, python, "1000", "malloc");
    });
}

#[test]
fn every_stack_of_three_threads() {
    on_every_python(|python| {
        let folder = track_stacks(python, "", &["5", "400", "3", "truth.txt"]);
        hold_against_truth(&folder, python, "400", "malloc");
    });
}

#[test]
fn every_stack_with_python_allocators() {
    on_every_python(|python| {
        let folder = track_stacks(python, ", trace_python_allocators=True", &["6", "25", "0", "truth.txt"]);
        hold_against_truth(&folder, python, "25", "pyrealloc");
    });
}

#[test]
fn every_stack_with_native_frames() {
    on_every_python(|python| {
        let folder = track_stacks(python, ", native_traces=True", &["7", "500", "0", "truth.txt"]);
        hold_mixed_against_truth(&folder, python, "500");
    });
}

#[test]
fn every_stack_with_native_frames_of_three_threads() {
    on_every_python(|python| {
        let folder = track_stacks(python, ", native_traces=True", &["8", "200", "3", "truth.txt"]);
        hold_mixed_against_truth(&folder, python, "200");
    });
}

#[test]
fn native_frames_in_one_recording_and_not_in_the_next() {
    let folder = Folder::new();
    let code = "\
import threading, memtrace

def churn():
    while not over:
        sorted(range(50), key=lambda n: bytearray(2000))

over = False
threads = [threading.Thread(target=churn) for _ in range(3)]
for thread in threads:
    thread.start()
for number in range(4):
    with memtrace.Tracker(f'{number}.mtr', native_traces=number % 2 == 0):
        kept = sorted([number], key=lambda n: bytearray(5_000_000 + n))
    del kept
over = True
for thread in threads:
    thread.join()
";
    folder.write("turns.py", code);
    on_every_python(|interpreter| {
        let ran = python(&folder, interpreter, &["turns.py"]).exits(0);
        assert_eq!(ran.stderr, "");
        for number in 0..4_u64 {
            let capture = format!("{number}.mtr");
            let ran = kit::run(folder.memtrace().args(["records", &capture])).exits(0);
            assert_eq!(ran.stderr, "", "{number}");
            let size = format!("\"size_bytes\":{},", 5_000_001 + number);
            let mut large = ran.stdout.lines().filter(|line| line.contains(&size));
            let record: Value = serde_json::from_str(large.next().unwrap()).unwrap();
            let stack = record["stack"].as_array().unwrap();
            let functions = stack.iter().filter(|frame| !is_native(frame));
            let functions: Vec<&str> = functions.map(|frame| frame["function"].as_str().unwrap()).collect();
            assert_eq!((functions.as_slice(), large.next()), (&["<lambda>", "<module>"][..], None));
            // Between the two Python functions is the C code of `sorted`.
            let sorts = stack.iter().any(|frame| frame["function"] == "builtin_sorted");
            assert_eq!(sorts, number % 2 == 0, "{number}: {stack:#?}");
            std::fs::remove_file(folder.path(&capture)).unwrap();
        }
    });
}

#[test]
fn a_library_that_takes_the_place_of_another_has_its_own_names() {
    let folder = Folder::new();
    for name in ["one", "two"] {
        let options = ["-g", "-shared", "-fPIC", "-fno-optimize-sibling-calls", &format!("-Dinner={name}")];
        folder.write("library.c", UNLOADED);
        let Ok(compiler) = kit::tool("cc", "gcc") else { return };
        let mut command = std::process::Command::new(compiler);
        command.args(["-O1"]).args(options).args(["-o", &format!("{name}.so"), "library.c"]);
        let _ = kit::run(command.current_dir(folder.path(""))).exits(0);
    }
    let code = "\
import _ctypes, ctypes, memtrace
def give(name, size):
    library = ctypes.CDLL(f'./{name}.so')
    library.give.restype = ctypes.c_void_p
    library.give.argtypes = [ctypes.c_size_t]
    library.give(size)
    _ctypes.dlclose(library._handle)
with memtrace.Tracker('capture.mtr', native_traces=True):
    for turn in range(20):
        give(('one', 'two')[turn % 2], 600_000 + turn)
";
    folder.write("unloads.py", code);
    on_every_python(|interpreter| {
        let _ = std::fs::remove_file(folder.path("capture.mtr"));
        let ran = python(&folder, interpreter, &["unloads.py"]).exits(0);
        assert_eq!(ran.stderr, "");
        let records = folder.report("records");
        for turn in 0..20_usize {
            let block = records.iter().find(|record| record["size_bytes"] == 600_000 + turn).unwrap();
            let functions: Vec<&str> =
                (0..2).map(|index| block["stack"][index]["function"].as_str().unwrap()).collect();
            assert_eq!(functions, [["one", "two"][turn % 2], "give"], "{}", interpreter.display());
        }
    });
}

#[test]
fn only_what_happens_within_is_recorded() {
    let folder = Folder::new();
    let code = "\
import memtrace
before = bytearray(1_111_110)
with memtrace.Tracker('capture.mtr'):
    within = bytearray(2_222_220)
    del before
after = bytearray(3_333_330)
";
    folder.write("within.py", code);
    on_every_python(|interpreter| {
        let _ = std::fs::remove_file(folder.path("capture.mtr"));
        let ran = python(&folder, interpreter, &["within.py"]).exits(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
        let sizes = sizes(&folder);
        assert!(sizes.contains(&2_222_221));
        assert!(!sizes.contains(&1_111_111) && !sizes.contains(&3_333_331));
        let stats = folder.stats();
        assert_eq!(stats["complete"], true);
        assert!(stats["leaked_bytes"].as_u64().unwrap() >= 2_222_221);
    });
}

#[test]
fn one_recording_after_the_other_while_threads_allocate() {
    let folder = Folder::new();
    let code = "\
import json, threading, memtrace

def churn():
    while not over:
        [bytearray(2000) for _ in range(50)]

over = False
threads = [threading.Thread(target=churn) for _ in range(3)]
for thread in threads:
    thread.start()
for number in range(20):
    name = f'{number}.mtr'
    with memtrace.Tracker(destination=memtrace.FileDestination(name, compress_on_exit=number % 2 == 0)):
        kept = bytearray(5_000_000 + number)
    del kept
over = True
for thread in threads:
    thread.join()
";
    folder.write("again.py", code);
    let Ok(interpreter) = kit::python("3.12") else { return };
    let ran = python(&folder, &interpreter, &["again.py"]).exits(0);
    assert_eq!(ran.stderr, "");
    for number in 0..20_u64 {
        let capture = format!("{number}.mtr");
        let ran = kit::run(folder.memtrace().args(["records", &capture])).exits(0);
        assert_eq!(ran.stderr, "", "{number}");
        let large: Vec<&str> =
            ran.stdout.lines().filter(|line| line.contains("\"size_bytes\":50000")).collect();
        let size = format!("\"size_bytes\":{},", 5_000_001 + number);
        assert!(large.len() == 1 && large[0].contains(&size), "{number}: {large:?}");
    }
}

/// `inner` is named by who compiles it.
const UNLOADED: &str = "\
#include <stdlib.h>
void *inner(size_t size) { return malloc(size); }
void *give(size_t size) { return inner(size); }
";

const LIBRARY: &str = "\
#include <stdlib.h>
void *give(size_t size) { return malloc(size); }
void *which(void) { return (void *)malloc; }
";

#[test]
fn a_library_that_comes_later_is_recorded_and_left_as_it_was() {
    let folder = Folder::new();
    folder.write("library.c", LIBRARY);
    let Ok(compiler) = kit::tool("cc", "gcc") else { return };
    for (name, binding) in [("lazy.so", "-Wl,-z,lazy"), ("full.so", "-Wl,-z,now,-z,relro")] {
        let mut command = std::process::Command::new(&compiler);
        command.args(["-O1", "-shared", "-fPIC", binding, "-o", name, "library.c"]);
        let _ = kit::run(command.current_dir(folder.path(""))).exits(0);
    }
    let code = "\
import ctypes, memtrace
def load(name):
    library = ctypes.CDLL(f'./{name}')
    library.give.restype = library.which.restype = ctypes.c_void_p
    return library
early = load('lazy.so')
early.give(777_001)
with memtrace.Tracker('capture.mtr'):
    early.give(777_002)
    late = load('full.so')
    late.give(777_003)
    hooked = early.which(), late.which()
plain = ctypes.cast(ctypes.CDLL(None).malloc, ctypes.c_void_p).value
assert plain not in hooked, (plain, hooked)
assert early.which() == late.which() == plain, (early.which(), late.which(), plain)
early.give(777_004), late.give(777_005)
";
    folder.write("libraries.py", code);
    on_every_python(|interpreter| {
        let _ = std::fs::remove_file(folder.path("capture.mtr"));
        let ran = python(&folder, interpreter, &["libraries.py"]).exits(0);
        assert_eq!(ran.stderr, "");
        let given: Vec<u64> = sizes(&folder).into_iter().filter(|size| size / 1000 == 777).collect();
        assert_eq!(given, [777_002, 777_003]);
    });
}

#[test]
fn an_allocator_that_the_program_brings_along_stays_in_use() {
    let folder = Folder::new();
    if !compile(&folder, "other_malloc.c", "other.so", &["-shared", "-fPIC", "-fno-builtin"]) {
        return;
    }
    let Ok(interpreter) = kit::python("3.12") else { return };
    folder.write(
        "app.py",
        "import memtrace\nwith memtrace.Tracker('capture.mtr'):\n    bytearray(4_444_440)\n",
    );
    let mut command = std::process::Command::new(interpreter);
    let ran =
        kit::run(package(&mut command, &folder).arg("app.py").env("LD_PRELOAD", folder.path("other.so")));
    assert_eq!(ran.exits(0).stderr, "");
    assert!(sizes(&folder).contains(&4_444_441));
}

#[test]
fn children_are_recorded_where_that_is_asked_for() {
    let folder = Folder::new();
    let code = "\
import os, sys, memtrace
with memtrace.Tracker('capture.mtr', follow_fork=sys.argv[1] == 'follow'):
    own = bytearray(6_000_000)
    child = os.fork()
    if child == 0:
        its = bytearray(7_000_000)
        os._exit(0)
    os.waitpid(child, 0)
";
    folder.write("forks.py", code);
    let Ok(interpreter) = kit::python("3.13") else { return };
    for (word, expected) in [("alone", vec![6_000_001]), ("follow", vec![6_000_001, 7_000_001])] {
        let _ = std::fs::remove_file(folder.path("capture.mtr"));
        let ran = python(&folder, &interpreter, &["forks.py", word]).exits(0);
        assert_eq!(ran.stderr, "");
        let large: Vec<u64> = sizes(&folder).into_iter().filter(|size| *size > 5_000_000).collect();
        assert_eq!(large, expected);
    }
}

#[test]
fn what_happens_after_a_recording_is_not_its_end() {
    let folder = Folder::new();
    let code = "\
import memtrace, os
with memtrace.Tracker(destination=memtrace.FileDestination('capture.mtr', compress_on_exit=False)):
    kept = bytearray(3_000_000)
os.execv('/bin/sh', ['sh', '-c', 'exit 5'])
";
    folder.write("goes_on.py", code);
    let Ok(interpreter) = kit::python("3.12") else { return };
    let _ = python(&folder, &interpreter, &["goes_on.py"]).exits(5);
    assert_eq!(folder.stats()["complete"], true);
    folder.write(
        "limited.py",
        "\
import memtrace, resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with memtrace.Tracker('limited.mtr'):
    print(len(bytearray(3_000_000)))
",
    );
    let ran = python(&folder, &interpreter, &["limited.py"]).exits(0);
    assert_eq!(ran.stdout, "3000000\n");
    assert!(
        ran.stderr.contains("the recording stopped before the program did: File too large"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_cannot_be_recorded_is_said() {
    let folder = Folder::new();
    let code = "\
import os, memtrace
def attempt(name):
    try:
        with memtrace.Tracker(name):
            pass
    except Exception as error:
        print(type(error).__name__, error)
with memtrace.Tracker('one.mtr'):
    attempt('two.mtr')
attempt('one.mtr')
attempt('nowhere/three.mtr')
del os.environ['MEMTRACE_BIN']
os.environ['PATH'] = '/nowhere'
print(os.path.exists('two.mtr'))
with memtrace.Tracker(destination=memtrace.FileDestination('four.mtr', compress_on_exit=False)):
    pass
";
    folder.write("refused.py", code);
    let Ok(interpreter) = kit::python("3.11") else { return };
    let ran = python(&folder, &interpreter, &["refused.py"]).exits(0);
    let one = folder.path("one.mtr");
    let nowhere = folder.path("nowhere/three.mtr");
    let expected = format!(
        "RuntimeError this process is being recorded already; there can be one recording at a time\n\
         FileExistsError [Errno 17] File exists: '{}'\n\
         FileNotFoundError [Errno 2] No such file or directory: '{}'\n\
         False\n",
        one.display(),
        nowhere.display()
    );
    assert_eq!(ran.stdout, expected);
    let mut command = folder.memtrace();
    folder.write("nested.py", "import memtrace\nmemtrace.start('inner.mtr')\n");
    command.args(["run", "-q", "--python"]).arg(&interpreter).arg("nested.py");
    let ran = kit::run(package(&mut command, &folder)).exits(1);
    assert!(
        ran.stderr.ends_with("RuntimeError: this process is being recorded by `memtrace run`\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_reader_has_what_memray_has() {
    let folder = Folder::new();
    let code = "\
import json, memtrace
def hold():
    return bytearray(8_000_000)
memtrace.start('capture.mtr')
for _ in range(10):
    hold()
kept = [hold() for _ in range(3)]
memtrace.stop()
reader = memtrace.FileReader('capture.mtr')
def large(records):
    found = [record for record in records if record.size > 7_000_000]
    return [(record.size, record.n_allocations, record.allocator, record.stack_trace(1)[0][0]) for record in found]
stats = memtrace.compute_statistics('capture.mtr')
snapshots = list(reader.get_memory_snapshots())
print(json.dumps({
    'peak': large(reader.get_high_watermark_allocation_records()),
    'leaked': large(reader.get_leaked_allocation_records(merge_threads=False)),
    'temporary': large(reader.get_temporary_allocation_records()),
    'all': len(large(reader.get_allocation_records())),
    'stats': [stats.complete, stats.leaked_memory > 24_000_000, stats.top_locations_by_size[0][0][0]],
    'snapshots': len(snapshots) > 0 and max(snapshot.rss for snapshot in snapshots) > 0,
}))
";
    folder.write("reads.py", code);
    on_every_python(|interpreter| {
        let _ = std::fs::remove_file(folder.path("capture.mtr"));
        let ran = python(&folder, interpreter, &["reads.py"]).exits(0);
        let read: Value = serde_json::from_str(&ran.stdout).unwrap();
        let kept = serde_json::json!([[24_000_003, 3, "malloc", "hold"]]);
        assert_eq!(read["peak"], kept);
        assert_eq!(read["leaked"], kept);
        assert_eq!(read["temporary"], serde_json::json!([[80_000_010, 10, "malloc", "hold"]]));
        assert_eq!(read["all"], 13);
        assert_eq!(read["stats"], serde_json::json!([true, true, "hold"]));
        assert_eq!(read["snapshots"], true);
    });
}
