//! What the cache notices, and what it asks for.

use std::fs::FileTimes;
use std::io::Write;
use std::time::Duration;

use super::server::Fault;
use super::{HELLO, World, files};

#[test]
fn four_processes_make_one_request() {
    let world = World::new();
    let slow = Fault::Slow(Duration::from_millis(300));
    world.server.file("/x", "hello\n").faults("/x", [slow]);
    // Once with a hash to know the file by, once with nothing but its URL.
    for (hash, requests) in [(Some(HELLO), 1), (None, 2)] {
        let url = world.server.url("/x");
        let mut args = vec!["get", url.as_str()];
        args.extend(hash.into_iter().flat_map(|hash| ["--hash", hash]));
        let ran: Vec<_> = std::thread::scope(|scope| {
            let start = || scope.spawn(|| world.records(&args, 0));
            let running: Vec<_> = (0..4).map(|_| start()).collect();
            running.into_iter().map(|run| run.join().unwrap()).collect()
        });
        let downloaded = ran.iter().filter(|records| records[0]["status"] == "downloaded").count();
        assert_eq!((downloaded, world.requests()), (1, requests));
    }
}

#[test]
fn a_changed_file_is_noticed_and_got_again() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    let get = ["get", "--cache", "data", "--hash", HELLO, &url];
    world.records(&get, 0);
    world.write("data/x", "spoilt");
    assert_eq!(world.records(&get, 0)[0]["status"], "updated");
    assert_eq!(world.records(&get, 0)[0]["status"], "cached");
    std::fs::remove_file(world.path("data/x")).unwrap();
    assert_eq!(world.records(&get, 0)[0]["status"], "downloaded");
    assert_eq!(world.requests(), 3);
}

#[test]
fn a_flipped_byte_of_the_same_size_and_time_is_seen_by_a_full_verification() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    world.records(&["get", "--cache", "data", &url], 0);
    let times = std::fs::metadata(world.path("data/x")).unwrap().modified().unwrap();
    let mut file = std::fs::OpenOptions::new().write(true).open(world.path("data/x")).unwrap();
    file.write_all(b"J").unwrap();
    file.set_times(FileTimes::new().set_modified(times)).unwrap();
    assert_eq!(world.records(&["get", "--cache", "data", &url], 0)[0]["status"], "cached");
    assert_eq!(
        world.records(&["get", "--cache", "data", "--verify", "full", &url], 0)[0]["status"],
        "updated"
    );
    assert_eq!(std::fs::read(world.path("data/x")).unwrap(), b"hello\n");
}

#[test]
fn a_file_that_was_there_before_is_taken_when_its_hash_is_right() {
    let world = World::new();
    std::fs::create_dir(world.path("data")).unwrap();
    world.write("data/x", "hello\n");
    for hash in [HELLO, "md5:b1946ac92492d2347c6235b4d2611184"] {
        let file = &world.records(&["get", "--cache", "data", "--hash", hash, &world.server.url("/x")], 0)[0];
        assert_eq!((&file["status"], &file["digest"]), (&"cached".into(), &format!("sha256:{HELLO}").into()));
    }
    assert_eq!(world.requests(), 0);
}

#[test]
fn offline_uses_the_cache_alone() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    let missed = &world.records(&["get", "--offline", &url], 2)[0];
    assert_eq!((&missed["code"], &missed["attempts"]), (&"offline_miss".into(), &0.into()));
    world.records(&["get", &url], 0);
    assert_eq!(world.records(&["get", "--offline", &url], 0)[0]["status"], "cached");
    assert_eq!(world.requests(), 1);
}

#[test]
fn refresh_asks_whether_a_file_has_changed() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    let get = ["get", "--cache", "data", "--refresh", &url];
    assert_eq!(world.records(&get, 0)[0]["status"], "downloaded");
    assert_eq!(world.records(&get, 0)[0]["status"], "not_modified");
    world.server.file("/x", "changed\n");
    assert_eq!(world.records(&["get", "--cache", "data", &url], 0)[0]["status"], "cached");
    assert_eq!(world.records(&get, 0)[0]["status"], "updated");
    assert_eq!(std::fs::read(world.path("data/x")).unwrap(), b"changed\n");
    assert_eq!(world.requests(), 3);
}

#[test]
fn the_cache_can_be_listed_and_found() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    world.records(&["get", &world.server.url("/x")], 0);
    let listed = world.records(&["cache", "ls"], 0);
    assert_eq!((&listed[0]["type"], &listed[0]["size_bytes"]), (&"fetch.file.listed".into(), &6.into()));
    let path = kit::run(&mut world.fetch(&["cache", "path"])).exits(0).stdout;
    assert_eq!(path.trim_end(), world.path("cache/fetch").to_str().unwrap());
    assert_eq!(files(path.trim_end().as_ref()).len(), 1);
}
