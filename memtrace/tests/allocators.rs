//! What a program asks libc for, called from Python by way of ctypes: one record each, of the right size and kind, and
//! no more and no less given back than was.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::HashMap;
use std::path::Path;

use support::{Folder, on_every_python};

/// Declares libc's functions as those that answer a pointer.
const LIBC: &str = "\
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
size, pointer = ctypes.c_size_t, ctypes.c_void_p
def declare(name, *arguments, answers=pointer):
    function = getattr(libc, name)
    function.argtypes, function.restype = arguments, answers
    return function
malloc, calloc, free = declare('malloc', size), declare('calloc', size, size), declare('free', pointer)
realloc, reallocarray = declare('realloc', pointer, size), declare('reallocarray', pointer, size, size)
posix_memalign = declare('posix_memalign', pointer, size, size, answers=ctypes.c_int)
aligned_alloc, memalign = declare('aligned_alloc', size, size), declare('memalign', size, size)
valloc, pvalloc = declare('valloc', size), declare('pvalloc', size)
strdup = declare('strdup', ctypes.c_char_p)
mmap = declare('mmap', pointer, size, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
mremap = declare('mremap', pointer, size, size, ctypes.c_int)
munmap, sbrk = declare('munmap', pointer, size, answers=ctypes.c_int), declare('sbrk', ctypes.c_long)
PAGE = 4096
def pages(count):
    return mmap(None, count * PAGE, 3, 0x22, -1, 0)
";

fn record(folder: &Folder, python: &Path, code: &str) {
    folder.write("app.py", &format!("{LIBC}{code}"));
    let ran = folder.record(python, &["app.py"]).exits(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn every_allocator_gives_one_block_that_is_freed() {
    let folder = Folder::new();
    let code = "\
def by_malloc(): return malloc(984)
def by_calloc(): return calloc(8, 123)
def by_realloc(): return realloc(None, 984)
def by_reallocarray(): return reallocarray(None, 8, 123)
def by_posix_memalign():
    found = pointer()
    assert posix_memalign(ctypes.byref(found), 64, 984) == 0
    return found.value
def by_aligned_alloc(): return aligned_alloc(8, 984)
def by_memalign(): return memalign(64, 984)
def by_valloc(): return valloc(984)
def by_pvalloc(): return pvalloc(984)
TEXT = b'x' * 983
def by_strdup(): return strdup(TEXT)
printed = pointer()
def by_asprintf():
    assert libc.asprintf(ctypes.byref(printed), b'%983d', 1) == 983
    return printed.value
for way in [by_malloc, by_calloc, by_realloc, by_reallocarray, by_posix_memalign, by_aligned_alloc, by_memalign,
            by_valloc, by_pvalloc, by_strdup, by_asprintf]:
    free(way())
os._exit(0)
";
    let expected = [
        ("by_malloc", "malloc"),
        ("by_calloc", "calloc"),
        ("by_realloc", "realloc"),
        ("by_reallocarray", "reallocarray"),
        ("by_posix_memalign", "posix_memalign"),
        ("by_aligned_alloc", "aligned_alloc"),
        ("by_memalign", "memalign"),
        ("by_valloc", "valloc"),
        ("by_pvalloc", "pvalloc"),
        // These two ask malloc, or grow what they have.
        ("by_strdup", "malloc"),
        ("by_asprintf", "realloc"),
    ];
    on_every_python(|python| {
        record(&folder, python, code);
        let (mut given, mut live) = (HashMap::new(), HashMap::new());
        for event in folder.report("records") {
            let address = event["address"].clone();
            match event["type"].as_str().unwrap() {
                "memtrace.allocation.recorded" if event["size_bytes"] == 984 => {
                    let function = event["stack"][0]["function"].as_str().unwrap_or_default().to_owned();
                    if function.starts_with("by_") {
                        let is_first = given.insert(function.clone(), event["allocator"].clone()).is_none();
                        assert!(is_first, "{}: {function} twice", python.display());
                        live.insert(address, function);
                    }
                }
                "memtrace.allocation.freed" => drop(live.remove(&address)),
                _ => {}
            }
        }
        for (function, allocator) in expected {
            assert_eq!(given.get(function), Some(&allocator.into()), "{}: {function}", python.display());
        }
        assert_eq!(live, HashMap::new(), "{}", python.display());
    });
}

/// Bytes and blocks that each function of `app.py` had at some time.
fn measured(folder: &Folder, at: &str) -> HashMap<String, (u64, u64)> {
    let ran = kit::run(folder.memtrace().args(["records", "--at", at, "capture.mtr"])).exits(0);
    let records = kit::records("memtrace", &ran.stdout);
    let mut measured: HashMap<String, (u64, u64)> = HashMap::new();
    for site in kit::of_type(&records, "memtrace.stack.measured") {
        let mut frames = site["stack"].as_array().unwrap().iter();
        let own = frames.find(|frame| frame["function"] != "pages");
        let function = own.map_or("", |frame| frame["function"].as_str().unwrap());
        let (bytes, blocks) = measured.entry(function.to_owned()).or_default();
        *bytes += site["bytes"].as_u64().unwrap();
        *blocks += site["allocations"].as_u64().unwrap();
    }
    measured
}

#[test]
fn what_fails_gives_nothing_back_and_what_is_partly_given_back_counts_in_part() {
    let folder = Folder::new();
    let code = "\
def emptied():
    # Frees the block: no memory is in use.
    assert realloc(malloc(77_001), 0) is None
def failed_realloc():
    assert realloc(malloc(77_002), 1 << 62) is None
def failed_munmap():
    start = pages(10)
    assert munmap(start + 1, PAGE) == -1
def partly_unmapped():
    start = pages(100)
    assert munmap(start + 40 * PAGE, 20 * PAGE) == 0
def grown():
    assert mremap(pages(10), 10 * PAGE, 300 * PAGE, 1) != pointer(-1).value
def moved_break():
    before = sbrk(0)
    sbrk(50 * PAGE); sbrk(-20 * PAGE)
    assert sbrk(0) == before + 30 * PAGE
def unmapped_in_pieces():
    start = pages(30)
    for piece in range(3):
        assert munmap(start + piece * 10 * PAGE, 10 * PAGE) == 0
def unmapped_together():
    # Two mappings by one call, as long as they lie side by side.
    start = pages(20)
    assert mmap(start + 5 * PAGE, 5 * PAGE, 3, 0x32, -1, 0) == start + 5 * PAGE
    assert munmap(start, 20 * PAGE) == 0
def reserved():
    # Cannot be used: no memory.
    mmap(None, 1 << 30, 0, 0x22, -1, 0)
for way in [emptied, failed_realloc, failed_munmap, partly_unmapped, grown, moved_break, unmapped_in_pieces,
            unmapped_together, reserved]:
    way()
def peak():
    munmap(pages(50_000), 50_000 * PAGE)
peak()
os._exit(0)
";
    on_every_python(|python| {
        record(&folder, python, code);
        for at in ["leaked", "peak"] {
            let measured = measured(&folder, at);
            let page = 4096;
            let bytes = |function: &str| measured.get(function).map_or(0, |(bytes, _)| *bytes);
            // ctypes has small objects of its own.
            let hold = |function: &str, expected: u64| {
                let bytes = bytes(function);
                let message = format!("{}: {function} has {bytes} bytes, {at}", python.display());
                assert!((expected..expected + 2000).contains(&bytes), "{message}");
            };
            hold("emptied", 0);
            hold("failed_realloc", 77_002);
            hold("failed_munmap", 10 * page);
            hold("partly_unmapped", 80 * page);
            hold("grown", 300 * page);
            hold("moved_break", 30 * page);
            hold("unmapped_in_pieces", 0);
            hold("unmapped_together", 0);
            hold("reserved", 0);
            hold("peak", if at == "peak" { 50_000 * page } else { 0 });
        }
        let stats = folder.stats();
        let of =
            |measured: &HashMap<String, (u64, u64)>| measured.values().map(|(bytes, _)| bytes).sum::<u64>();
        assert_eq!(of(&measured(&folder, "leaked")), stats["leaked_bytes"].as_u64().unwrap());
        assert_eq!(of(&measured(&folder, "peak")), stats["peak_bytes"].as_u64().unwrap());
    });
}
