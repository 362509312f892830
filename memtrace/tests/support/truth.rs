//! What `stacks.py` noted of its own blocks, and what memtrace recorded of them.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::Folder;

/// The stacks that `stacks.py` noted, by size: `function|file|line`, innermost first.
pub fn truth(path: &Path) -> HashMap<u64, Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let parse = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        (fields.next().unwrap().parse().unwrap(), fields.collect())
    };
    text.lines().map(parse).collect()
}

/// The stacks that memtrace recorded for blocks of the program's own sizes by this allocator.
pub fn recorded(folder: &Folder, allocator: &str) -> HashMap<u64, Vec<Value>> {
    let ran = kit::run(folder.memtrace().args(["records", "capture.mtr"])).exits(0);
    let mut stacks = HashMap::new();
    for line in ran.stdout.lines().filter(|line| line.contains(allocator)) {
        let record: Value = serde_json::from_str(line).unwrap();
        let Some(size) = record["size_bytes"].as_u64().filter(|size| *size >= 1_000_003) else { continue };
        if record["allocator"] != allocator {
            continue;
        }
        let stack = record["stack"].as_array().unwrap().clone();
        assert!(stacks.insert(size, stack).is_none(), "{size} was recorded twice");
    }
    stacks
}

/// A frame as the truth has it.
pub fn words(frame: &Value) -> String {
    let text = |key: &str| frame[key].as_str().unwrap();
    format!("{}|{}|{}", text("function"), text("file"), frame["line"])
}

/// Every block that `stacks.py` made is in `capture.mtr`, with its stack.
pub fn hold_against_truth(folder: &Folder, python: &Path, count: &str, allocator: &str) {
    let (truth, recorded) = (truth(&folder.path("truth.txt")), recorded(folder, allocator));
    assert!(truth.len() >= count.parse().unwrap());
    for (size, stack) in &truth {
        let found: Option<Vec<String>> = recorded.get(size).map(|frames| frames.iter().map(words).collect());
        assert_eq!(found.as_ref(), Some(stack), "{}: the block of {size} bytes", python.display());
    }
}

/// Whether a frame is of no Python source.
pub fn is_native(frame: &Value) -> bool {
    let file = frame["file"].as_str().unwrap();
    Path::new(file).extension().is_none_or(|ending| ending != "py") && !file.starts_with('<')
}

/// Every Python function is where it was, and native ones are where C code called Python or Python called C.
pub fn hold_mixed_against_truth(folder: &Folder, python: &Path, count: &str) {
    let (truth, recorded) = (truth(&folder.path("truth.txt")), recorded(folder, "malloc"));
    assert!(truth.len() >= count.parse().unwrap());
    for (size, stack) in &truth {
        let (python, recorded) = (python.display(), &recorded[size]);
        let functions: Vec<String> = recorded.iter().filter(|frame| !is_native(frame)).map(words).collect();
        assert_eq!(&functions, stack, "{python}: the block of {size} bytes");
        let name = |index: usize| recorded[index]["function"].as_str().unwrap();
        // `bytearray` is C, and so is what began the thread or the program.
        assert!(is_native(&recorded[0]) && is_native(recorded.last().unwrap()), "{python}: {recorded:#?}");
        for (index, frame) in recorded.iter().enumerate() {
            assert!(!name(index).starts_with("_PyEval_EvalFrameDefault"), "{python}: {recorded:#?}");
            let called_by_c = ["__del__", "key_function.<locals>.<lambda>", "__getattr__"];
            if !is_native(frame) && called_by_c.iter().any(|called| name(index).ends_with(called)) {
                assert!(is_native(&recorded[index + 1]), "{python}: {recorded:#?}");
            }
        }
    }
}

/// The sizes of the blocks in `capture.mtr`, in their order.
pub fn sizes(folder: &Folder) -> Vec<u64> {
    let records = folder.report("records");
    let allocations = kit::of_type(&records, "memtrace.allocation.recorded");
    allocations.iter().filter_map(|record| record["size_bytes"].as_u64()).collect()
}
