//! `--python-allocators`: every object, and nothing twice.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::HashMap;

use support::{Folder, on_every_python};

/// Makes objects of 100 small sizes and of one large size, and lets go of every other one of them.
const CODE: &str = "\
kept = [bytes(200 + n) for n in range(100)]
large = [bytes(1_000_000) for n in range(3)]
del kept[::2], large[0]
grown = bytearray(1000)
for n in range(20): grown.extend(bytes(1000))
import os
os._exit(0)
";

/// One line an event: far quicker to look through than as many records.
fn records(folder: &Folder) -> String {
    kit::run(folder.memtrace().args(["records", "--format", "human", "capture.mtr"])).exits(0).stdout
}

#[test]
fn every_object_is_recorded_with_its_size_and_freed() {
    let folder = Folder::new();
    folder.write("objects.py", CODE);
    on_every_python(|python| {
        let _ = folder.record_objects(python, &["objects.py"]).exits(0);
        // The head of a bytes object is 32 bytes, and there is a zero behind it.
        let text = records(&folder);
        let mut alive = HashMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[0] {
                // Nobody else has the block: two live ones at the same address would be one too many.
                "+" => assert_eq!(alive.insert(words[1], line), None, "{line}"),
                "-" if words.len() == 2 => drop(alive.remove(words[1])),
                _ => {}
            }
        }
        let count = |size: u64, wanted: u64| {
            let (given, at) = (format!(" {size} B pycalloc "), format!("objects.py:{wanted})"));
            alive.values().filter(|line| line.contains(&given) && line.ends_with(&at)).count()
        };
        for n in 0..100 {
            assert_eq!(count(233 + n, 1), (n % 2) as usize, "{}: {n}", python.display());
        }
        assert_eq!(count(1_000_033, 2), 2);
        // What Python got from the system for them is not counted beside them.
        let stats = folder.stats();
        assert!(stats["leaked_bytes"].as_u64().unwrap() < 12_000_000, "{stats}");
        assert!(stats["allocators"]["pymalloc"]["allocations"].as_u64().unwrap() > 10_000, "{stats}");
    });
}

#[test]
fn the_interpreter_may_check_its_allocators() {
    let folder = Folder::new();
    folder.write("objects.py", CODE);
    on_every_python(|python| {
        let mut command = folder.memtrace();
        command.args(["run", "-qf", "--python-allocators", "-o", "capture.mtr", "--python"]).arg(python);
        let _ = kit::run(command.arg("objects.py").env("PYTHONMALLOC", "debug")).exits(0);
        let text = records(&folder);
        for n in 0..100 {
            let given = format!(" {} B pycalloc ", 233 + n);
            let is_it = |line: &&str| line.contains(&given) && line.ends_with("objects.py:1)");
            assert_eq!(text.lines().filter(is_it).count(), 1, "{}: {n}", python.display());
        }
    });
}
