//! `--native`: the functions of C and Rust programs and of libraries, with their lines.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{Folder, compile, on_every_python, program};

/// The functions that asked for the block of this size, innermost first, each as `function file:line` with the last
/// part of the file's path.
fn stack_of(records: &[Value], size: u64) -> Vec<String> {
    let mut blocks =
        records.iter().filter(|record| record["size_bytes"] == size && record["stack"].is_array());
    let block = blocks.next().unwrap_or_else(|| panic!("no block of {size} bytes"));
    assert_eq!(blocks.next(), None);
    let frame = |frame: &Value| {
        let file = frame["file"].as_str().unwrap().rsplit('/').next().unwrap();
        format!("{} {file}:{}", frame["function"].as_str().unwrap(), frame["line"])
    };
    block["stack"].as_array().unwrap().iter().map(frame).collect()
}

/// Runs a tool such as `strip` in the folder; false where it is not there.
fn tool(folder: &Folder, name: &str, words: &[&str]) -> bool {
    let Ok(tool) = kit::tool(name, "binutils") else { return false };
    let _ = kit::run(Command::new(tool).args(words).current_dir(folder.path(""))).exits(0);
    true
}

const LIBRARY: [&str; 3] = ["-shared", "-fPIC", "-fno-optimize-sibling-calls"];

#[test]
fn a_c_program_and_what_is_inlined_in_it() {
    let folder = Folder::new();
    if !compile(&folder, "native.c", "native", &["-g", "-fno-optimize-sibling-calls", "-ldl"]) {
        return;
    }
    let _ = folder.record_native(&["./native"]).exits(0);
    let records = folder.report("records");
    let stack = stack_of(&records, 123_456);
    let expected = [
        "keep native.c:10",
        "inner native.c:14",
        "outer native.c:22",
        "outer native.c:20",
        "outer native.c:20",
        "outer native.c:20",
        "main native.c:40",
    ];
    assert_eq!(stack[..7], expected);
    assert!(stack.last().unwrap().starts_with("_start "), "{stack:?}");
    // The same registers, but a word of the stack is another one each time.
    for n in 0..4 {
        let line = if n % 2 == 1 { 31 } else { 33 };
        let stack = stack_of(&records, 100_001 + n);
        assert_eq!(stack[5], format!("turns native.c:{line}"), "{stack:?}");
    }
}

#[test]
fn a_stripped_library_has_offsets_and_one_that_takes_its_place_has_its_own_names() {
    let folder = Folder::new();
    let with_debug = [&LIBRARY[..], &["-g"]].concat();
    if !compile(&folder, "native.c", "native", &["-ldl"])
        || !compile(&folder, "native_library.c", "stripped.so", &LIBRARY)
        || !compile(&folder, "native_library.c", "whole.so", &with_debug)
        || !tool(&folder, "strip", &["stripped.so"])
    {
        return;
    }
    let _ = folder.record_native(&["./native", "./stripped.so", "./whole.so", "./stripped.so"]).exits(0);
    let records = folder.report("records");
    for size in [200_001, 200_003] {
        let stack = stack_of(&records, size);
        assert!(stack[0].starts_with("stripped.so+0x1"), "{stack:?}");
        assert_eq!(stack[1..3], ["library_block stripped.so:0", "main native:0"]);
    }
    let stack = stack_of(&records, 200_002);
    assert_eq!(stack[..2], ["hidden native_library.c:5", "library_block native_library.c:11"]);
}

#[test]
fn debug_information_may_be_in_a_file_of_its_own_and_packed() {
    let folder = Folder::new();
    let options = ["-g", "-gz=zlib", "-fno-optimize-sibling-calls", "-ldl"];
    if !compile(&folder, "native.c", "native", &options)
        || !tool(&folder, "objcopy", &["--only-keep-debug", "native", "native.debug"])
        || !tool(&folder, "strip", &["native"])
        || !tool(&folder, "objcopy", &["--add-gnu-debuglink=native.debug", "native"])
    {
        return;
    }
    let _ = folder.record_native(&["./native"]).exits(0);
    let stack = stack_of(&folder.report("records"), 123_456);
    assert_eq!(stack[..2], ["keep native.c:10", "inner native.c:14"]);
    // Of another build, it says nothing about this one.
    let mut command = Command::new(kit::tool("objcopy", "binutils").unwrap());
    command.args(["--remove-section=.note.gnu.build-id", "native.debug"]).current_dir(folder.path(""));
    let _ = kit::run(&mut command).exits(0);
    let stack = stack_of(&folder.report("records"), 123_456);
    assert!(stack[0].starts_with("native+0x"), "{stack:?}");
}

#[test]
fn what_ran_elsewhere_is_looked_up_in_a_folder_of_its_files() {
    let folder = Folder::new();
    let options = ["-g", "-fno-optimize-sibling-calls", "-ldl"];
    if !compile(&folder, "native.c", "native", &options)
        || !tool(&folder, "objcopy", &["--only-keep-debug", "native", "any-name"])
        || !tool(&folder, "strip", &["native"])
    {
        return;
    }
    let _ = folder.record_native(&["./native"]).exits(0);
    // Files of any name and depth, also a program that was built otherwise, and no programs at all.
    std::fs::create_dir_all(folder.path("there/usr/lib")).unwrap();
    folder.write("there/text", "no program");
    std::os::unix::fs::symlink("..", folder.path("there/usr/circle")).unwrap();
    compile(&folder, "allocators.c", "there/native", &["-g"]);
    std::fs::rename(folder.path("native"), folder.path("there/usr/lib/native")).unwrap();
    let first = |words: &[&str]| {
        let mut command = folder.memtrace();
        let ran = kit::run(command.args(["records", "capture.mtr"]).args(words)).exits(0);
        stack_of(&kit::records("memtrace", &ran.stdout), 123_456)[0].clone()
    };
    assert!(first(&[]).starts_with("native+0x"), "{}", first(&[]));
    assert!(first(&["--symbols", "there"]).starts_with("native+0x"));
    std::fs::rename(folder.path("any-name"), folder.path("there/usr/lib/any-name")).unwrap();
    assert_eq!(first(&["--symbols", "there"]), "keep native.c:10");
    let mut command = folder.memtrace();
    let ran = kit::run(command.args(["summary", "--symbols", "nowhere", "capture.mtr"])).exits(2);
    assert!(ran.stderr.contains("failed to read nowhere"), "{}", ran.stderr);
}

#[test]
fn a_program_that_was_replaced_says_nothing_about_the_one_that_ran() {
    let folder = Folder::new();
    if !compile(&folder, "native.c", "native", &["-g", "-ldl"]) {
        return;
    }
    let _ = folder.record_native(&["./native"]).exits(0);
    std::fs::remove_file(folder.path("native")).unwrap();
    compile(&folder, "allocators.c", "native", &["-g"]);
    let stack = stack_of(&folder.report("records"), 123_456);
    assert!(stack[0].starts_with("native+0x"), "{stack:?}");
}

#[test]
fn a_rust_program() {
    let folder = Folder::new();
    let Ok(rustc) = kit::tool("rustc", "rustc") else { return };
    let mut command = Command::new(rustc);
    command.args(["-g", "-O", "-o", "native", &program("native.rs")]).current_dir(folder.path(""));
    let _ = kit::run(&mut command).exits(0);
    let _ = folder.record_native(&["./native"]).exits(0);
    let records = folder.report("records");
    // How generic types and closures are written depends on the compiler.
    let has = |size: u64, function: &str, part: &str, line: &str| {
        let stack = stack_of(&records, size);
        let is_it =
            |frame: &String| frame.starts_with(function) && frame.contains(part) && frame.ends_with(line);
        assert!(stack.iter().any(is_it), "{function} {part} {line} is not in {stack:#?}");
    };
    has(234_567, "", "::keep ", " native.rs:10");
    has(234_567, "native::main ", "", " native.rs:21");
    for n in 0..3 {
        has(300_001 + n, "native::many::", "closure", " native.rs:16");
        has(300_001 + n, "native::many ", "", " native.rs:16");
    }
}

#[test]
fn a_capture_cut_anywhere_is_read_as_far_as_it_goes() {
    let folder = Folder::new();
    if !compile(&folder, "native.c", "native", &["-g", "-ldl"]) {
        return;
    }
    let _ = folder.record_native(&["./native"]).exits(0);
    let whole = std::fs::read(folder.path("capture.mtr")).unwrap();
    for length in (4096..whole.len()).step_by(whole.len() / 50) {
        std::fs::write(folder.path("capture.mtr"), &whole[..length]).unwrap();
        assert_eq!(folder.stats()["complete"], false, "{length}");
    }
}

#[test]
fn a_thread_begins_where_it_began_and_a_deep_recursion_is_complete() {
    let folder = Folder::new();
    let code = "\
import sys, threading
sys.setrecursionlimit(20_000)
threading.stack_size(512 << 20)
def down(n):
    if n == 0:
        return len(bytearray(7_654_320))
    return down(n - 1) if n % 40 else sorted([n], key=lambda n: down(n - 1))[0]
thread = threading.Thread(target=down, args=(5_000,))
thread.start(); thread.join()
";
    folder.write("deep.py", code);
    on_every_python(|python| {
        let _ = folder.record_with(&["--native"], python, &["deep.py"]).exits(0);
        let stack = stack_of(&folder.report("records"), 7_654_321);
        let of = |name: &str| stack.iter().filter(|frame| frame.starts_with(name)).count();
        let lambdas = of("down.<locals>.<lambda>") + of("<lambda>");
        assert_eq!((of("down deep.py:"), lambdas), (5001, 125), "{}", python.display());
        assert!(stack.last().unwrap().contains("clone"), "{:?}", stack.last());
    });
}

#[test]
fn forked_children_have_native_stacks_too() {
    let folder = Folder::new();
    let code = "\
import os
pid = os.fork()
kept = bytearray(5_000_000 if pid else 6_000_000)
if pid: os.waitpid(pid, 0)
";
    on_every_python(|python| {
        let _ = folder.record_with(&["--native", "--follow-fork"], python, &["-c", code]).exits(0);
        let records = folder.report("records");
        for size in [5_000_001, 6_000_001] {
            let stack = stack_of(&records, size);
            let python = stack.iter().position(|frame| frame == "<module> <string>:3").unwrap();
            assert!(python > 0 && python + 1 < stack.len(), "{stack:?}");
        }
        std::fs::read_dir(folder.path("")).unwrap().flatten().for_each(|entry| {
            if entry.file_name().to_string_lossy().starts_with("capture.mtr.") {
                std::fs::remove_file(entry.path()).unwrap();
            }
        });
    });
}
