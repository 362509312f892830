//! The cache's index: whatever a disk or somebody has made of it, it is read without a panic, names nothing outside
//! the cache folder, and never makes a file with other bytes a hit.
#![no_main]

use std::path::Component;

use fetch::cache::{Cache, Layout};
use fetch::source::{Address, Request};
use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh3::xxh3_64;

/// Lines with the checksum that each needs to be looked at, and what has none.
fn summed(text: &[u8]) -> Vec<u8> {
    let line = |line: &[u8]| match line.strip_prefix(b"{") {
        Some(rest) => [format!("{{\"sum\":\"{:016x}\",", xxh3_64(rest)).as_bytes(), rest].concat(),
        None => line.to_vec(),
    };
    text.split(|byte| *byte == b'\n').map(line).collect::<Vec<_>>().join(&b'\n')
}

fuzz_target!(|text: &[u8]| {
    let log = summed(text);
    let folder = tempfile::tempdir().expect("a folder");
    let control = folder.path().join(".fetch");
    std::fs::create_dir(&control).expect("a folder");
    std::fs::write(control.join("index.jsonl"), log).expect("a file");
    std::fs::write(folder.path().join("x"), "other\n").expect("a file");
    let cache = Cache::open(folder.path(), Layout::Plain).expect("an index is never an error");
    for stock in cache.stock().expect("the folder can be read") {
        let inside = stock.path.strip_prefix(folder.path()).expect("below the folder");
        assert!(inside.components().all(|part| matches!(part, Component::Normal(_))), "{}", stock.path.display());
    }
    let hello = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03".parse().expect("a digest");
    let address = Address::parse("http://host/x").expect("a URL");
    let request = Request::of(address, Some(hello));
    let place = cache.place(&request).unwrap_or_else(|_| unreachable!());
    assert!(cache.stat_hit(&place, &request).is_none());
});
