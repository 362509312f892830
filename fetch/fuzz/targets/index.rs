//! The cache's index: whatever a disk or somebody has made of it, it is read without a panic, names nothing outside
//! the cache folder, and never makes a file with other bytes a hit.
#![no_main]

use std::path::Component;

use fetch::cache::{Cache, Layout};
use fetch::source::{Address, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|log: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let control = folder.path().join(".fetch");
    std::fs::create_dir(&control).expect("a folder");
    std::fs::write(control.join("index.jsonl"), log).expect("a file");
    std::fs::write(folder.path().join("x"), "other\n").expect("a file");
    let cache = Cache::open(folder.path(), Layout::Plain).expect("an index is never an error");
    for (path, _) in cache.list() {
        let inside = path.strip_prefix(folder.path()).expect("below the folder");
        assert!(inside.components().all(|part| matches!(part, Component::Normal(_))), "{}", path.display());
    }
    let hello = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03".parse().expect("a digest");
    let address = Address::parse("http://host/x").expect("a URL");
    let request = Request::of(address, Some(hello));
    let place = cache.place(&request).unwrap_or_else(|_| unreachable!());
    assert!(cache.stat_hit(&place, &request).is_none());
});
