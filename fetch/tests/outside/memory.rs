//! How much memory the binary holds at most: what is long, a registry or a file, must not lie in it.

use std::fmt::Write;
use std::os::unix::fs::MetadataExt;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;

use crate::servers::nginx::Nginx;
use crate::{World, resum};

/// The most that a run may hold, in KiB.
const MOST: i64 = 40 << 10;
/// The lines of a long registry.
const LINES: usize = 100_000;
/// Fewer than file systems let one file have.
const LINKS: usize = 50_000;

/// Runs `fetch`, which must find or get all, and gives the counts and the most that any process of this test held so
/// far, in KiB.
#[track_caller]
fn run(world: &World, args: &[&str]) -> (serde_json::Value, i64) {
    let ran = kit::run(&mut world.fetch(args)).exits(0);
    let last = ran.stdout.lines().next_back().unwrap();
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    (last["counts"].clone(), getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss())
}

#[test]
fn a_registry_of_a_hundred_thousand_lines_takes_little_memory() {
    let world = World::new();
    let cache = world.path("data");
    world.write("one.txt", "hello\n");
    let url = format!("file://{}/", world.folder.path().display());
    run(&world, &["get", &format!("{url}one.txt"), "--cache", "data"]);
    // As if each had been got: a link to a file that was, and its line in the index.
    let log = cache.join(".fetch/index.jsonl");
    let line = std::fs::read_to_string(&log).unwrap();
    let inode = cache.join("one.txt").metadata().unwrap().ino();
    let (mut registry, mut index) = (String::new(), String::new());
    for number in 0..LINES {
        let name = format!("data/of/many/file-{number:06}.txt");
        let folder = cache.join("data/of/many");
        std::fs::create_dir_all(&folder).unwrap();
        let first = number / LINKS * LINKS;
        let source =
            if number == first { cache.join("one.txt") } else { folder.join(format!("file-{first:06}.txt")) };
        let target = cache.join(&name);
        if number == first {
            std::fs::copy(source, &target).unwrap();
        } else {
            std::fs::hard_link(source, &target).unwrap();
        }
        let state = target.metadata().unwrap();
        let mtime = state.mtime() * 1_000_000_000 + state.mtime_nsec();
        let line = line.replace("\"path\":\"one.txt\"", &format!("\"path\":\"{name}\""));
        let line = line.replace(&format!("\"inode\":{inode}"), &format!("\"inode\":{}", state.ino()));
        let (before, rest) = line.split_once("\"mtime_ns\":").unwrap();
        let rest = &rest[rest.find(',').unwrap()..];
        index += &resum(&format!("{before}\"mtime_ns\":{mtime}{rest}"));
        writeln!(registry, "{name} sha256:{}", crate::HELLO).unwrap();
    }
    std::fs::write(&log, index).unwrap();
    world.write("registry.txt", &registry);
    let args = ["get", "-r", "registry.txt", "--base-url", &url, "--cache", "data"];
    let (counts, most) = run(&world, &args);
    assert_eq!(counts, json!({"cached": LINES, "transferred_bytes": 0}));
    assert!(most <= MOST, "{most} KiB");
}

#[test]
fn a_long_file_takes_little_memory_by_one_connection_and_by_many() {
    let nginx =
        Nginx::start("location /slow { limit_rate 64m; }").unwrap_or_else(|missing| panic!("{missing}"));
    let world = World::new();
    for name in ["whole.bin", "slow.bin"] {
        std::fs::File::create(nginx.root().join(name)).unwrap().set_len(1 << 30).unwrap();
        let (counts, most) = run(&world, &["get", &nginx.url(&format!("/{name}")), "--cache", "data"]);
        assert_eq!(counts, json!({"downloaded": 1, "transferred_bytes": 1_u64 << 30}));
        assert!(most <= MOST, "{name}: {most} KiB");
        std::fs::remove_file(world.path("data").join(name)).unwrap();
    }
}
