//! How much memory the binary holds at most: what is long, a registry or a file, must not lie in it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;

use crate::servers::nginx::Nginx;
use crate::{HELLO, World, resum};

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

/// Fills the cache folder as if every line of the registry had been got: each file is a link to one that was, and has
/// its line in the index. What this test itself holds counts as the child's until that begins, so it holds no text.
fn pretend(cache: &Path, registry: &Path) -> io::Result<()> {
    let log = cache.join(".fetch/index.jsonl");
    let known = std::fs::read_to_string(&log)?;
    let (known, rest) = known.split_once("\"mtime_ns\":").unwrap();
    let rest = &rest[rest.find(",\"url\"").unwrap()..];
    std::fs::create_dir_all(cache.join("data/of/many"))?;
    let (mut index, mut registry) =
        (BufWriter::new(File::create(&log)?), BufWriter::new(File::create(registry)?));
    let mut first = cache.join("one.txt");
    for number in 0..LINES {
        let name = format!("data/of/many/file-{number:06}.txt");
        let path = cache.join(&name);
        if number % LINKS == 0 {
            std::fs::copy(&first, &path)?;
            first.clone_from(&path);
        } else {
            std::fs::hard_link(&first, &path)?;
        }
        let state = path.metadata()?;
        let mtime_ns = state.mtime() * 1_000_000_000 + state.mtime_nsec();
        let known = known.replace("\"path\":\"one.txt\"", &format!("\"path\":\"{name}\""));
        let line = format!("{known}\"mtime_ns\":{mtime_ns},\"inode\":{}{rest}", state.ino());
        index.write_all(resum(&line).as_bytes())?;
        writeln!(registry, "{name} sha256:{HELLO}")?;
    }
    index.flush()?;
    registry.flush()
}

#[test]
fn a_registry_of_a_hundred_thousand_lines_takes_little_memory() {
    let world = World::new();
    world.write("one.txt", "hello\n");
    let url = format!("file://{}/", world.folder.path().display());
    run(&world, &["get", &format!("{url}one.txt"), "--cache", "data"]);
    pretend(&world.path("data"), &world.path("registry.txt")).unwrap();
    let (counts, most) = run(&world, &["get", "-r", "registry.txt", "--base-url", &url, "--cache", "data"]);
    assert_eq!(counts, json!({"cached": LINES, "transferred_bytes": 0}));
    assert!(most <= MOST, "{most} KiB");
}

#[test]
fn a_long_file_takes_little_memory_by_one_connection_and_by_many() {
    let nginx =
        Nginx::start("location /slow { limit_rate 64m; }").unwrap_or_else(|missing| panic!("{missing}"));
    let world = World::new();
    for name in ["whole.bin", "slow.bin"] {
        File::create(nginx.root().join(name)).unwrap().set_len(1 << 30).unwrap();
        let (counts, most) = run(&world, &["get", &nginx.url(&format!("/{name}")), "--cache", "data"]);
        assert_eq!(counts, json!({"downloaded": 1, "transferred_bytes": 1_u64 << 30}));
        assert!(most <= MOST, "{name}: {most} KiB");
        std::fs::remove_file(world.path("data").join(name)).unwrap();
    }
}
