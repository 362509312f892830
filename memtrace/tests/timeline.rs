//! When things happened, how much memory the system gave, and what threads are called.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use serde_json::Value;
use support::{Folder, on_every_python};

#[test]
fn samples_tell_the_time_and_the_resident_memory() {
    let folder = Folder::new();
    let code = "\
import time
first = bytearray(1_000_001)
time.sleep(0.3)
second = bytearray(50_000_001)
second[:] = b'x' * 50_000_001
third = bytearray(1_000_002)
";
    folder.write("slow.py", code);
    on_every_python(|python| {
        let _ = folder.record(python, &["slow.py"]).exits(0);
        let records = folder.report("records");
        let index = |size: u64| {
            let found = records.iter().position(|record| record["size_bytes"] == size);
            found.unwrap_or_else(|| panic!("{size}"))
        };
        let sampled = |record: &&Value| record["type"] == "memtrace.memory.sampled";
        let before = |size: u64| records[..index(size)].iter().rev().find(sampled).unwrap();
        let elapsed = |record: &Value| record["elapsed_us"].as_u64().unwrap();
        // Whatever comes after the pause is known to come after it, and what came before, before.
        assert!(elapsed(before(50_000_002)) >= elapsed(before(1_000_002)) + 290_000);
        let all: Vec<u64> = records.iter().filter(sampled).map(elapsed).collect();
        assert!(all.is_sorted(), "{all:?}");
        let last = records.iter().rev().find(sampled).unwrap();
        assert!(last["resident_bytes"].as_u64().unwrap() > 1_000_000);
        let resident =
            records.iter().filter(sampled).map(|record| record["resident_bytes"].as_u64().unwrap());
        assert!((50_000_000..1_000_000_000).contains(&resident.max().unwrap()));
    });
}

#[test]
fn threads_have_the_names_that_the_system_knows() {
    let folder = Folder::new();
    let code = "\
import ctypes, threading
libc = ctypes.CDLL(None)
def by_pthread():
    libc.pthread_self.restype = ctypes.c_ulong
    libc.pthread_setname_np(ctypes.c_ulong(libc.pthread_self()), b'by-pthread')
    bytearray(1_000_001)
def by_prctl():
    libc.prctl(15, b'by-prctl', 0, 0, 0)
    bytearray(1_000_002)
for work in (by_pthread, by_prctl):
    thread = threading.Thread(target=work); thread.start(); thread.join()
";
    folder.write("names.py", code);
    on_every_python(|python| {
        let _ = folder.record(python, &["names.py"]).exits(0);
        let records = folder.report("records");
        for (size, name) in [(1_000_002, "by-pthread"), (1_000_003, "by-prctl")] {
            let index = records.iter().position(|record| record["size_bytes"] == size).unwrap();
            let thread = &records[index]["thread"];
            let named =
                |record: &&Value| record["type"] == "memtrace.thread.named" && record["thread"] == *thread;
            let last = records[..index].iter().rev().find(named).unwrap();
            assert_eq!(last["name"], name);
        }
    });
}
