//! Runs that are killed while they unpack, and several at once.

use std::process::Stdio;
use std::time::Duration;

use super::{gzip, of, tar};
use crate::{World, leftovers, noise};

const KILLS: u64 = 20;

#[test]
fn a_killed_run_leaves_no_half_folder() {
    let world = World::new();
    let long = noise(1_500_000, 8);
    let names: Vec<String> = (0..12).map(|number| format!("dir/{number}")).collect();
    let tree: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &long[..])).collect();
    std::fs::write(world.path("t.tar.gz"), gzip(&tar(&tree))).unwrap();
    let url = format!("file://{}", world.path("t.tar.gz").display());
    let get = ["get", "--cache", "data", "--process", "untar", &url];
    let folder = world.path("data/t.tar.gz.untar");
    let whole = || names.iter().all(|name| std::fs::read(folder.join(name)).is_ok_and(|bytes| bytes == long));
    world.records(&get, 0);
    let mut killed = 0;
    for number in 0..KILLS {
        std::fs::remove_dir_all(&folder).unwrap();
        let mut child = world.fetch(&get).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Until it has begun to unpack; then a little longer each time.
        while child.try_wait().unwrap().is_none()
            && std::fs::read_dir(world.path("data/.fetch/unpacking")).unwrap().count() == 0
        {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_millis(2 * number));
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        assert!(!folder.exists() || whole(), "a half folder after kill {number}");
        // The next run finishes it, whichever it is; so it can be removed again.
        if !folder.exists() {
            world.records(&get, 0);
            assert!(whole());
        }
        assert_eq!(std::fs::read_dir(world.path("data/.fetch/unpacking")).unwrap().count(), 0);
    }
    assert!(killed > 0, "no run was killed before its end");
    assert_eq!(leftovers(&world.path("data")), [""; 0]);
}

#[test]
fn what_a_killed_run_has_left_is_swept_by_any_other() {
    let world = World::new();
    std::fs::create_dir_all(world.path("data/.fetch/unpacking/0123456789abcdef/half")).unwrap();
    world.server.file("/x", "hello\n");
    world.records(&["get", "--cache", "data", &world.server.url("/x")], 0);
    assert_eq!(std::fs::read_dir(world.path("data/.fetch/unpacking")).unwrap().count(), 0);
}

#[test]
fn four_processes_unpack_once() {
    let world = World::new();
    let long = noise(3_000_000, 9);
    world.server.file("/t.tar.gz", gzip(&tar(&[("a", &long), ("b", b"1")])));
    let url = world.server.url("/t.tar.gz");
    let get = ["get", "--cache", "data", "--process", "auto", &url];
    let watched = std::thread::scope(|scope| {
        let running: Vec<_> = (0..4).map(|_| scope.spawn(|| world.records(&get, 0))).collect();
        running.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>()
    });
    for records in &watched {
        assert_eq!(of(records, "fetch.file.extracted").len(), 2);
    }
    assert!(std::fs::read(world.path("data/t.tar.gz.untar/a")).unwrap() == long);
    // One selection is noted for each time that something was unpacked.
    let note = std::fs::read_dir(world.path("data/.fetch/unpacked")).unwrap().flatten().next().unwrap();
    let note: serde_json::Value = serde_json::from_slice(&std::fs::read(note.path()).unwrap()).unwrap();
    assert_eq!(note["selections"].as_array().unwrap().len(), 1);
}

#[test]
fn what_a_killed_run_has_left_never_gets_into_the_next_ones_folder() {
    let world = World::new();
    world.server.file("/t.tar", tar(&[("x", b"1")]));
    let url = world.server.url("/t.tar");
    let get = ["get", "--cache", "data", "--process", "untar", &url];
    world.records(&get, 0);
    let note =
        std::fs::read_dir(world.path("data/.fetch/unpacked")).unwrap().flatten().next().unwrap().path();
    let half = world.path("data/.fetch/unpacking").join(note.file_stem().unwrap());
    std::fs::remove_dir_all(world.path("data/t.tar.untar")).unwrap();
    std::fs::create_dir_all(half.join("folder")).unwrap();
    std::fs::write(half.join("folder/of an older version"), "").unwrap();
    world.records(&get, 0);
    assert_eq!(crate::files(&world.path("data/t.tar.untar")), ["x"]);
}

#[test]
fn what_a_killed_extract_has_left_goes_with_the_next_one_beside_it() {
    let world = World::new();
    std::fs::write(world.path("t.tar"), tar(&[("x", b"1")])).unwrap();
    std::fs::write(world.path("long.tar.gz"), gzip(&tar(&[("a", &noise(40_000_000, 1))]))).unwrap();
    let staging = || {
        let names = std::fs::read_dir(world.path("")).unwrap().flatten().map(|entry| entry.file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".snakepipe-")).collect::<Vec<_>>()
    };
    let mut child = world.fetch(&["extract", "long.tar.gz"]).stdout(Stdio::null()).spawn().unwrap();
    while staging().is_empty() {
        std::thread::sleep(Duration::from_micros(200));
    }
    // While it is at work, nobody takes its folder away.
    world.records(&["extract", "t.tar"], 0);
    let stopped = child.try_wait().unwrap().is_none();
    assert!(!stopped || staging().len() == 1);
    child.kill().unwrap();
    let whole = child.wait().unwrap().success();
    assert!(whole || staging().len() == 1, "{:?}", staging());
    world.records(&["extract", "t.tar"], 0);
    assert!(staging().is_empty(), "{:?}", staging());
}
