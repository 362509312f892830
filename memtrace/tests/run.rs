//! `memtrace run` leaves the program as it is: its output, its arguments, its environment, its end.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::process::Command;

use support::{Folder, compile, on_every_python, program};

#[test]
fn the_program_is_as_without_memtrace() {
    let folder = Folder::new();
    let look = program("look_around.py");
    let module = folder.write("module.py", &std::fs::read_to_string(&look).unwrap()).trim_end_matches(".py");
    let code =
        "import sys, os; print(sys.argv, sys.path[0], __name__, dict(os.environ)); print(1, file=sys.stderr)";
    on_every_python(|python| {
        let ways: [&[&str]; 4] = [
            &[&look, "a", "-x", "--format", "human"],
            &["module.py", "-q"],
            &["-m", module, "--output", "b"],
            &["-c", code, "-c", "d"],
        ];
        for way in ways {
            let mut plain = Command::new(python);
            plain.args(way).current_dir(folder.path("")).env("SNAKEPIPE_CACHE", folder.path("cache"));
            plain.env_remove("VIRTUAL_ENV").env_remove("LD_PRELOAD");
            let plain = kit::run(&mut plain);
            let traced = folder.record(python, way);
            assert_eq!(
                (traced.code, &traced.stdout, &traced.stderr),
                (plain.code, &plain.stdout, &plain.stderr)
            );
            assert_eq!(folder.stats()["complete"], true);
        }
    });
}

#[test]
fn exit_codes_and_signals_are_passed_on() {
    let folder = Folder::new();
    on_every_python(|python| {
        for (code, end) in [
            ("raise SystemExit(3)", 3),
            ("import os; os._exit(7)", 7),
            ("1 / 0", 1),
            ("import os; os.kill(os.getpid(), 15)", 128 + 15),
            ("import os; os.abort()", 128 + 6),
        ] {
            let _ = folder.record(python, &["-c", code]).exits(end);
            let stats = folder.stats();
            assert_eq!(stats["complete"], end < 128, "{code}");
            assert!(stats["allocations"].as_u64().unwrap() > 100, "{code}");
        }
    });
}

#[test]
fn a_killed_program_leaves_all_it_recorded() {
    let folder = Folder::new();
    let code = "\
import os
kept = [bytearray(1_000_000 + n) for n in range(21)]
os.kill(os.getpid(), 9)
";
    folder.write("killed.py", code);
    on_every_python(|python| {
        let _ = folder.record(python, &["killed.py"]).exits(128 + 9);
        let stats = folder.stats();
        assert_eq!(stats["complete"], false);
        assert_eq!(stats["incomplete_because"], "the program was killed by signal 9");
        let records = folder.report("records");
        for n in 0..21 {
            assert!(records.iter().any(|record| record["size_bytes"] == 1_000_001 + n), "{n}");
        }
    });
}

#[test]
fn a_capture_is_readable_when_memtrace_itself_was_killed() {
    let folder = Folder::new();
    let code = "\
import os
kept = [bytearray(3_000_000 + n) for n in range(9)]
os.kill(os.getppid(), 9)
os._exit(0)
";
    let Ok(python) = kit::python("3.12") else { return };
    let _ = folder.record(&python, &["-c", code]).exits(128 + 9);
    // The program itself noted that it came to its end.
    assert_eq!(folder.stats()["complete"], true);
    let records = folder.report("records");
    assert!((0..9).all(|n| records.iter().any(|record| record["size_bytes"] == 3_000_001 + n)));
}

#[test]
fn a_forked_child_does_not_disturb_the_capture() {
    let folder = Folder::new();
    let code = "\
import os, sys
before = bytearray(2_000_000)
for n in range(5):
    child = os.fork()
    if child == 0:
        lost = [bytearray(5_000_000 + n) for n in range(50)]
        sys.exit(4)
    more = bytearray(2_000_001 + n)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 4
";
    on_every_python(|python| {
        let _ = folder.record(python, &["-c", code]).exits(0);
        assert_eq!(folder.stats()["complete"], true);
        let records = folder.report("records");
        let sizes: Vec<u64> = records.iter().filter_map(|record| record["size_bytes"].as_u64()).collect();
        assert!((0..6).all(|n| sizes.contains(&(2_000_001 + n))));
        assert!(!sizes.iter().any(|size| (5_000_000..5_000_100).contains(size)));
    });
}

#[test]
fn short_threads_share_streams() {
    let folder = Folder::new();
    let code = "\
import threading
def work(n):
    bytearray(700_000 + n)
for n in range(300):
    thread = threading.Thread(target=work, args=(n,)); thread.start(); thread.join()
";
    on_every_python(|python| {
        let _ = folder.record(python, &["-c", code]).exits(0);
        let stats = folder.stats();
        assert!(stats["threads"].as_u64().unwrap() > 1);
        let records = folder.report("records");
        assert!((0..300).all(|n| records.iter().any(|record| record["size_bytes"] == 700_001 + n)));
        assert!(std::fs::metadata(folder.path("capture.mtr")).unwrap().len() < 2_000_000);
    });
}

#[test]
fn every_allocator_of_a_c_program() {
    let folder = Folder::new();
    if !compile(&folder, "allocators.c", "native", &["-O0"]) {
        return;
    }
    let _ = kit::run(folder.memtrace().args(["run", "-q", "-o", "capture.mtr", "./native"])).exits(42);
    let records = folder.report("records");
    let sizes = |allocator: &str| -> Vec<u64> {
        let ours = records.iter().filter(|record| record["allocator"] == allocator);
        ours.filter_map(|record| record["size_bytes"].as_u64()).filter(|size| *size >= 120_000).collect()
    };
    // The last two are strdup and what it copies. What libc itself needs for asprintf is larger.
    let c23 = [123_481, 123_482].map(|size| records.iter().any(|record| record["size_bytes"] == size));
    assert_eq!(c23, [true, true]);
    let malloc: Vec<u64> = sizes("malloc").into_iter().filter(|size| *size < 200_000).collect();
    assert_eq!(malloc, [123_456, 123_461, 123_481, 123_490, 123_490]);
    assert_eq!(sizes("brk"), [163_840]);

    assert_eq!(sizes("calloc"), [123_460]);
    // The second is asprintf.
    assert_eq!(sizes("realloc"), [123_462, 123_500]);
    assert_eq!(sizes("reallocarray"), [123_464]);
    assert_eq!(sizes("posix_memalign"), [123_471]);
    assert_eq!(sizes("aligned_alloc"), [123_472, 123_482]);
    assert_eq!(sizes("memalign"), [123_473]);
    assert_eq!(sizes("valloc"), [123_474]);
    assert_eq!(sizes("pvalloc"), [123_475]);
    assert_eq!(sizes("mmap"), [409_600]);
    assert_eq!(sizes("mremap"), [819_200]);
    let stats = folder.stats();
    // malloc(123456); of the mapping, what is left when its middle was unmapped; what is below the break.
    assert_eq!(stats["leaked_bytes"], 123_456 + 819_200 - 4096 + 122_880, "{stats}");
}

#[test]
fn what_cannot_be_traced_is_refused_before_it_runs() {
    let folder = Folder::new();
    let refused = |words: &[&str], said: &str| {
        let ran = kit::run(folder.memtrace().args(["run"]).args(words)).exits(2);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
        let left = std::fs::read_dir(folder.path("")).unwrap().filter_map(Result::ok);
        assert!(!left.into_iter().any(|entry| entry.path().extension().is_some_and(|end| end == "mtr")));
    };
    refused(&["./no-such-program"], "there is no program \"./no-such-program\"");
    refused(&["--python", "./no-python", "x.py"], "there is no Python ./no-python");
    if compile(&folder, "allocators.c", "native", &["-O0", "-static"]) {
        refused(&["./native"], "statically linked");
    }
}

#[test]
fn a_capture_is_not_overwritten_unless_told() {
    let folder = Folder::new();
    folder.write("mine.mtr", "precious");
    let Ok(python) = kit::python("3.12") else { return };
    let mut command = folder.memtrace();
    command.args(["run", "-o", "mine.mtr", "--python"]).arg(python).args(["-c", "print('ran')"]);
    let ran = kit::run(&mut command).exits(2);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("mine.mtr exists already"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(folder.path("mine.mtr")).unwrap(), "precious");
}

#[test]
fn the_default_file_is_named_on_standard_error() {
    let folder = Folder::new();
    folder.write("app.py", "print('hello')");
    let Ok(python) = kit::python("3.12") else { return };
    let ran = kit::run(folder.memtrace().args(["run", "--python"]).arg(python).arg("app.py")).exits(0);
    assert_eq!(ran.stdout, "hello\n");
    let capture = ran.stderr.split_whitespace().find(|word| word.starts_with("memtrace-app.py.")).unwrap();
    assert!(folder.path(capture.trim_end_matches(';')).is_file(), "{}", ran.stderr);
}

#[test]
fn an_unknown_python_is_profiled_without_frames_and_says_so() {
    let Ok(python) = kit::python("3.7") else { return };
    let folder = Folder::new();
    let ran = folder.record(&python, &["-c", "kept = bytearray(1_234_567)"]).exits(0);
    assert!(ran.stderr.contains("does not know the frames of this Python 3.7"), "{}", ran.stderr);
    let records = folder.report("records");
    let block = records.iter().find(|record| record["size_bytes"] == 1_234_568).unwrap();
    assert_eq!(block["stack"].as_array().unwrap().len(), 0);
}

#[test]
fn a_program_that_deletes_its_capture_still_ends_as_it_ends() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = Folder::new();
    let ran = folder.record(&python, &["-c", "import os, sys; os.remove('capture.mtr'); sys.exit(6)"]);
    assert!(ran.stderr.contains("the capture is lost"), "{}", ran.stderr);
    assert_eq!(ran.code, 6);
}
