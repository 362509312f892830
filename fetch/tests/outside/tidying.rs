//! `fetch cache verify|prune|rm|ls`: what is wrong, too old or too much; and what is in use.

use std::fs::FileTimes;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use super::archives::tar;
use super::server::Fault;
use super::{World, files, noise};

const DAY: Duration = Duration::from_hours(24);

/// Makes a file look as if it was last used so long ago, and gives its time of writing back to what it was.
fn unused_for(path: &Path, age: Duration) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let time = SystemTime::now() - age;
    file.set_times(FileTimes::new().set_accessed(time).set_modified(time)).unwrap();
}

/// A world whose folder `data` has `f0` (oldest) to `f3`, of 100 kB each, used 40, 30, 20 and 10 days ago.
fn stocked() -> World {
    let world = World::new();
    let urls: Vec<String> = (0..4)
        .map(|number| {
            world.server.file(&format!("/f{number}"), noise(100_000, number));
            world.server.url(&format!("/f{number}"))
        })
        .collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    world.records(&[&["get", "--cache", "data"], &urls[..]].concat(), 0);
    for (number, days) in (0..4).zip([40, 30, 20, 10]) {
        unused_for(&world.path(&format!("data/f{number}")), DAY * days);
    }
    // The index learns of the new times.
    world.records(&[&["get", "--cache", "data", "--verify", "full"], &urls[..]].concat(), 0);
    for (number, days) in (0..4).zip([40, 30, 20, 10]) {
        unused_for_read(&world.path(&format!("data/f{number}")), DAY * days);
    }
    world
}

/// The access time alone: reading has renewed it.
fn unused_for_read(path: &Path, age: Duration) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_accessed(SystemTime::now() - age)).unwrap();
}

#[test]
fn what_is_too_old_or_too_much_goes_and_what_was_used_last_stays() {
    let world = stocked();
    let prune = |more: &[&str]| world.records(&[&["cache", "prune", "--cache", "data"], more].concat(), 0);
    assert!(prune(&[]).is_empty());
    let planned = prune(&["--older-than", "25d", "--dry-run"]);
    assert_eq!((planned.len(), &planned[0]["dry_run"]), (2, &true.into()));
    assert_eq!(files(&world.path("data")).len(), 4);
    let gone = prune(&["--older-than", "35d"]);
    assert_eq!((gone.len(), &gone[0]["reason"]), (1, &"too_old".into()));
    assert_eq!(files(&world.path("data")), ["f1", "f2", "f3"]);
    // A hit is a use.
    world.records(&["get", "--cache", "data", &world.server.url("/f1")], 0);
    assert_eq!(world.requests(), 4);
    assert_eq!(prune(&["--max-size", "100K"])[0]["reason"], "too_much");
    assert_eq!(files(&world.path("data")), ["f1"]);
    // What went is got again.
    assert_eq!(
        world.records(&["get", "--cache", "data", &world.server.url("/f0")], 0)[0]["status"],
        "downloaded"
    );
    kit::run(&mut world.fetch(&["cache", "prune", "--max-size", "much"])).exits(2);
}

#[test]
fn files_of_somebody_else_are_never_removed() {
    let world = stocked();
    world.write("data/mine", "not fetch's");
    unused_for(&world.path("data/mine"), DAY * 400);
    world.records(&["cache", "prune", "--cache", "data", "--max-size", "0", "--older-than", "1d"], 0);
    assert_eq!(files(&world.path("data")), ["mine"]);
    kit::run(&mut world.fetch(&["cache", "rm", "--cache", "data", "mine"])).exits(2);
    assert_eq!(files(&world.path("data")), ["mine"]);
}

#[test]
fn orphans_of_the_shared_cache_are_shown_and_go_when_they_are_old() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    world.records(&["get", &world.server.url("/x")], 0);
    let cache = world.path("cache/fetch");
    std::fs::create_dir(cache.join("0123456789abcdef")).unwrap();
    std::fs::write(cache.join("0123456789abcdef/lost"), "lost").unwrap();
    let states = || -> Vec<String> {
        let listed = world.records(&["cache", "ls", "--sort", "size"], 0);
        listed.iter().map(|file| file["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(), ["unknown", "whole"]);
    assert!(world.records(&["cache", "prune"], 0).is_empty(), "it may be on its way into the index");
    unused_for(&cache.join("0123456789abcdef/lost"), DAY * 2);
    assert_eq!(world.records(&["cache", "prune"], 0)[0]["reason"], "orphan");
    assert_eq!(states(), ["whole"]);
    assert!(!cache.join("0123456789abcdef").exists());
}

#[test]
fn a_spoilt_file_is_named_and_dropped() {
    let world = stocked();
    assert!(
        world.records(&["cache", "verify", "--cache", "data"], 0).iter().all(|file| file["state"] == "right")
    );
    std::fs::write(world.path("data/f2"), noise(100_000, 77)).unwrap();
    let verified = world.records(&["cache", "verify", "--cache", "data"], 1);
    let wrong: Vec<_> = verified.iter().filter(|file| file["state"] == "wrong").collect();
    assert_eq!(wrong.len(), 1);
    assert!(
        wrong[0]["path"].as_str().unwrap().ends_with("/data/f2") && wrong[0]["got"] != wrong[0]["expected"]
    );
    assert_eq!(files(&world.path("data")).len(), 4);
    world.records(&["cache", "verify", "--cache", "data", "--remove"], 1);
    assert_eq!(files(&world.path("data")), ["f0", "f1", "f3"]);
    assert_eq!(world.records(&["cache", "verify", "--cache", "data"], 0).len(), 3);
}

#[test]
fn files_are_removed_by_whatever_they_are_called() {
    let world = stocked();
    let verified = world.records(&["cache", "verify", "--cache", "data"], 0);
    let digest = verified[1]["got"].as_str().unwrap();
    let (url, path) = (world.server.url("/f0"), world.path("data/f2"));
    let unknown = ["cache", "rm", "--cache", "data", "f3", "nope"];
    let ran = kit::run(&mut world.fetch(&unknown)).exits(2);
    assert!(ran.stderr.contains("nothing in the cache is called \"nope\""), "{}", ran.stderr);
    assert_eq!(files(&world.path("data")).len(), 4);
    let rm = ["cache", "rm", "--cache", "data", &url, &digest[..20], path.to_str().unwrap(), "f3"];
    assert_eq!(world.records(&[&rm[..], &["--dry-run"]].concat(), 0).len(), 4);
    assert_eq!(world.records(&rm, 0).len(), 4);
    assert!(files(&world.path("data")).is_empty());
    assert!(world.records(&["cache", "ls", "--cache", "data"], 0).is_empty());
}

#[test]
fn what_a_running_get_may_have_used_stays_until_it_ends() {
    let world = stocked();
    world.server.file("/slow", noise(300_000, 9)).faults("/slow", [Fault::Stall(1000)]);
    let (f0, slow) = (world.server.url("/f0"), world.server.url("/slow"));
    let mut running = world.fetch(&["get", "-j1", "--cache", "data", &f0, &slow]);
    let mut running = running.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while world.requests() < 5 {
        std::thread::sleep(Duration::from_millis(5));
    }
    // It has had f0 and waits for the rest of the other: neither may go, all else may.
    let records = world.records(&["cache", "prune", "--cache", "data", "--max-size", "0"], 0);
    let kept: Vec<_> = records.iter().filter(|record| record["type"] == "fetch.file.kept").collect();
    assert!(kept.iter().all(|record| record["reason"] == "in_use") && kept.len() == 2, "{records:?}");
    assert_eq!(files(&world.path("data")), ["f0"]);
    assert_eq!(world.records(&["cache", "rm", "--cache", "data", "f0"], 1)[0]["reason"], "in_use");
    running.kill().unwrap();
    running.wait().unwrap();
    world.records(&["cache", "rm", "--cache", "data", "f0"], 0);
    assert!(files(&world.path("data")).is_empty());
}

#[test]
fn gets_and_prunes_at_once_lose_nothing() {
    let world = World::new();
    let names: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
    for (name, seed) in names.iter().zip(0..) {
        world.server.file(&format!("/{name}"), noise(20_000, seed));
    }
    let urls: Vec<String> = names.iter().map(|name| world.server.url(&format!("/{name}"))).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let get = [&["get"], &urls[..]].concat();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..6 {
                    assert_eq!(world.records(&get, 0).len(), names.len());
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..12 {
                world.records(&["cache", "prune", "--max-size", "0"], 0);
                world.records(&["cache", "verify"], 0);
            }
        });
    });
    for file in world.records(&get, 0) {
        assert_eq!(std::fs::metadata(file["path"].as_str().unwrap()).unwrap().len(), 20_000);
    }
    let before = world.requests();
    world.records(&get, 0);
    assert_eq!(world.requests(), before);
}

#[test]
fn with_an_archive_goes_what_was_unpacked_of_it() {
    for cache in [&[][..], &["--cache", "data"]] {
        let world = World::new();
        world.server.file("/a.tar", tar(&[("in/x", &noise(50_000, 1)), ("y", b"y")]));
        let url = world.server.url("/a.tar");
        let got = world.records(&[&["get", "--process", "untar", &url], cache].concat(), 0);
        let finished = got.iter().find(|record| record["type"] == "fetch.file.finished").unwrap();
        let folder = Path::new(finished["processed"]["path"].as_str().unwrap());
        assert_eq!(files(folder), ["in/x", "y"]);

        // It is no file that nobody knows, however old.
        unused_for(&folder.join("y"), DAY * 40);
        let listed = world.records(&[&["cache", "ls"], cache].concat(), 0);
        assert_eq!((listed.len(), &listed[0]["unpacked_bytes"]), (1, &50_001.into()));
        let archive = Path::new(finished["path"].as_str().unwrap());
        let prune = |more: &[&str]| world.records(&[&["cache", "prune"], more, cache].concat(), 0);
        assert!(prune(&["--max-size", "1G"]).is_empty());
        let planned = prune(&["--max-size", "60K", "--dry-run"]);
        assert_eq!(planned[0]["size_bytes"], archive_size() + 50_001);

        // What somebody has changed is theirs.
        std::fs::write(folder.join("y"), "mine").unwrap();
        let removed = world.records(&[&["cache", "rm", "a.tar"], cache].concat(), 0);
        assert_eq!(removed[0]["size_bytes"], archive_size() + 50_001);
        assert!(!archive.exists());
        assert_eq!(files(folder), ["y"]);
        std::fs::remove_file(folder.join("y")).unwrap();

        // Unpacked anew, all of it goes.
        world.records(&[&["get", "--process", "untar", &url], cache].concat(), 0);
        world.records(&[&["cache", "rm", "a.tar"], cache].concat(), 0);
        assert!(!folder.exists());
        assert_eq!(world.records(&[&["cache", "ls"], cache].concat(), 0).len(), 0);
    }
}

/// The size in bytes of a tar archive of two files and 50001 bytes.
fn archive_size() -> u64 {
    tar(&[("in/x", &noise(50_000, 1)), ("y", b"y")]).len() as u64
}

#[test]
fn what_was_unpacked_is_verified_too() {
    let world = World::new();
    world.server.file("/a.tar", tar(&[("in/x", &noise(50_000, 1)), ("y", b"hello\n"), ("z", b"z")]));
    let get = ["get", "--process", "untar", "--cache", "data", &world.server.url("/a.tar")];
    world.records(&get, 0);
    let verify =
        |more: &[&str], exit| world.records(&[&["cache", "verify", "--cache", "data"], more].concat(), exit);
    let verified = verify(&[], 0);
    assert_eq!(verified.len(), 4, "the archive and three files");
    assert!(
        verified.iter().all(|file| file["state"] == "right" && file["url"] == world.server.url("/a.tar"))
    );

    // Same size, same time, same inode: only its bytes tell.
    let folder = world.path("data/a.tar.untar");
    let state = folder.join("y").metadata().unwrap();
    std::fs::write(folder.join("y"), "jello\n").unwrap();
    let file = std::fs::File::options().write(true).open(folder.join("y")).unwrap();
    file.set_modified(state.modified().unwrap()).unwrap();
    std::fs::remove_file(folder.join("z")).unwrap();
    let bad = |verified: &[serde_json::Value]| -> Vec<(String, String)> {
        let bad =
            verified.iter().filter(|file| file["state"] != "right" && file["type"] == "fetch.file.verified");
        bad.map(|file| {
            (
                file["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned(),
                file["state"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
    };
    let expected = [("y".to_owned(), "wrong".to_owned()), ("z".to_owned(), "missing".to_owned())];
    assert_eq!(bad(&verify(&[], 1)), expected);
    assert!(folder.join("y").exists());
    let removed = verify(&["--remove"], 1).pop().unwrap();
    assert_eq!(
        (&removed["type"], &removed["reason"], &removed["size_bytes"]),
        (&"fetch.file.removed".into(), &"wrong".into(), &6.into())
    );
    assert_eq!(files(&folder), ["in/x"]);
    // The next run unpacks them once more, without asking the server.
    world.records(&get, 0);
    assert_eq!((files(&folder), world.requests()), (vec!["in/x".to_owned(), "y".into(), "z".into()], 1));
    assert!(verify(&[], 0).iter().all(|file| file["state"] == "right"));
}
