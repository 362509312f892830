//! Some members of an archive; and the same archive, or a newer version of it, once more.

use std::fs::FileTimes;
use std::os::unix::fs::MetadataExt;

use super::{extracted, of, tar, zip};
use crate::{World, files};

#[test]
fn members_are_taken_exactly() {
    let world = World::new();
    let tree: [(&str, &[u8]); 4] =
        [("data/a", b"1"), ("data2/b", b"2"), ("data.txt", b"3"), ("x/data/c", b"4")];
    world.server.file("/t.tar", tar(&tree)).file("/t.zip", zip(&tree));
    for (name, process) in [("t.tar", "untar"), ("t.zip", "unzip")] {
        let url = world.server.url(&format!("/{name}"));
        let get = |members: &[&str], exit| {
            let mut args = vec!["get", "--cache", "data", "--process", process, &url];
            args.extend(members.iter().flat_map(|member| ["--member", member]));
            world.records(&args, exit)
        };
        let folder = world.path(&format!("data/{name}.{process}"));
        assert_eq!(extracted(&get(&["data"], 0), &folder), ["data/a"]);
        assert_eq!(files(&folder), ["data/a"]);
        // More of the same archive joins what is there; what is told is what was asked for.
        assert_eq!(extracted(&get(&["x/data/c", "./data.txt"], 0), &folder), ["data.txt", "x/data/c"]);
        assert_eq!(files(&folder), ["data.txt", "data/a", "x/data/c"]);
        let failed = &get(&["dataa/a"], 2)[0];
        assert_eq!(failed["code"], "no_such_member");
        assert_eq!(
            failed["message"],
            "nothing in it is called \"dataa/a\"; there is \"data/a\", \"data2/b\", \"x/data/c\""
        );
        assert_eq!(extracted(&get(&[], 0), &folder).len(), 4);
    }
}

#[test]
fn the_second_time_nothing_is_written_unless_something_has_changed() {
    let world = World::new();
    world.server.file("/t.tar", tar(&[("a/x", b"11"), ("a/y", b"22")]));
    let url = world.server.url("/t.tar");
    let get = |more: &[&str]| {
        world.records(&[&["get", "--cache", "data", "--process", "untar", &url], more].concat(), 0)
    };
    let inode = |name: &str| std::fs::metadata(world.path("data/t.tar.untar").join(name)).unwrap().ino();
    let first = get(&[]);
    let before = (inode("a/x"), inode("a/y"));
    let again = get(&[]);
    assert_eq!(before, (inode("a/x"), inode("a/y")));
    assert_eq!(extracted(&first, world.folder.path()), extracted(&again, world.folder.path()));
    assert_eq!(of(&again, "fetch.file.finished")[0]["status"], "cached");
    // Changed, then removed.
    world.write("data/t.tar.untar/a/x", "other");
    get(&[]);
    assert_eq!(std::fs::read(world.path("data/t.tar.untar/a/x")).unwrap(), b"11");
    std::fs::remove_file(world.path("data/t.tar.untar/a/y")).unwrap();
    get(&[]);
    assert_eq!(std::fs::read(world.path("data/t.tar.untar/a/y")).unwrap(), b"22");
    // A changed byte at the same size and time is seen by a full verification.
    let path = world.path("data/t.tar.untar/a/x");
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let times = FileTimes::new().set_modified(file.metadata().unwrap().modified().unwrap());
    std::os::unix::fs::FileExt::write_all_at(&file, b"9", 0).unwrap();
    file.set_times(times).unwrap();
    get(&[]);
    assert_eq!(std::fs::read(&path).unwrap(), b"91");
    get(&["--verify", "full"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"11");
    assert_eq!(world.requests(), 1);
}

#[test]
fn notes_of_another_boot_are_checked_against_the_files() {
    let world = World::new();
    world.server.file("/t.tar", tar(&[("x", b"11")]));
    let url = world.server.url("/t.tar");
    let get = || world.records(&["get", "--cache", "data", "--process", "untar", &url], 0);
    get();
    let folder = std::fs::read_dir(world.path("data/.fetch/unpacked")).unwrap();
    let note = folder.flatten().next().unwrap().path();
    let boot = || {
        serde_json::from_slice::<serde_json::Value>(&std::fs::read(&note).unwrap()).unwrap()["boot"].clone()
    };
    let age = || {
        let text = std::fs::read_to_string(&note).unwrap();
        std::fs::write(&note, text.replace(boot().as_str().unwrap(), "another")).unwrap();
    };
    let path = world.path("data/t.tar.untar/x");
    let inode = std::fs::metadata(&path).unwrap().ino();
    age();
    get();
    // Nothing had to be done, and the note counts for good.
    assert_eq!((std::fs::metadata(&path).unwrap().ino(), boot()), (inode, serde_json::Value::Null));
    // What a crash has filled with zeros is made anew.
    std::fs::remove_file(&note).unwrap();
    get();
    age();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let times = FileTimes::new().set_modified(file.metadata().unwrap().modified().unwrap());
    std::os::unix::fs::FileExt::write_all_at(&file, &[0, 0], 0).unwrap();
    file.set_times(times).unwrap();
    get();
    assert_eq!(std::fs::read(&path).unwrap(), b"11");
}

#[test]
fn a_new_version_takes_the_place_of_the_old_and_of_nothing_else() {
    let world = World::new();
    world
        .server
        .file("/t.tar", tar(&[("a/old", b"1"), ("a/both", b"1"), ("was/file", b"1"), ("was2", b"1")]));
    let url = world.server.url("/t.tar");
    let get = ["get", "--cache", "data", "--refresh", "--process", "untar", "--extract-dir", "mine", &url];
    std::fs::create_dir_all(world.path("data/mine/a")).unwrap();
    world.write("data/mine/a/own", "the user's");
    world.write("data/mine/own", "the user's");
    world.records(&get, 0);
    assert_eq!(files(&world.path("data/mine")), ["a/both", "a/old", "a/own", "own", "was/file", "was2"]);
    world
        .server
        .file("/t.tar", tar(&[("a/both", b"2"), ("a/new", b"2"), ("was", b"2"), ("was2/file", b"2")]));
    let records = world.records(&get, 0);
    assert_eq!(of(&records, "fetch.file.finished")[0]["status"], "updated");
    assert_eq!(files(&world.path("data/mine")), ["a/both", "a/new", "a/own", "own", "was", "was2/file"]);
    assert_eq!(std::fs::read(world.path("data/mine/a/both")).unwrap(), b"2");
    assert_eq!(std::fs::read(world.path("data/mine/own")).unwrap(), b"the user's");
}

#[test]
fn archives_of_one_run_do_not_get_into_each_others_folders() {
    let world = World::new();
    world.server.file("/a.zip", zip(&[("x", b"a")])).file("/b.zip", zip(&[("x", b"b")]));
    let (a, b) = (world.server.url("/a.zip"), world.server.url("/b.zip"));
    world.records(&["get", "--cache", "data", "--process", "unzip", &a, &b], 0);
    assert_eq!(std::fs::read(world.path("data/a.zip.unzip/x")).unwrap(), b"a");
    assert_eq!(std::fs::read(world.path("data/b.zip.unzip/x")).unwrap(), b"b");
}

#[test]
fn bad_usage_of_processing_says_what_to_do() {
    let world = World::new();
    for (args, said) in [
        (&["get", "--member", "x", "http://h/x"][..], "--process"),
        (
            &["get", "--process", "decompress", "--member", "x", "http://h/x"],
            "--member together with --process decompress",
        ),
        (&["get", "--process", "untar", "--member", "../x", "http://h/x"], "bad --member"),
        (&["get", "--process", "unrar", "http://h/x"], "unrar"),
        (&["extract"], "required"),
        (&["extract", "--max-unpacked", "lots", "x"], "lots"),
    ] {
        let ran = kit::run(&mut world.fetch(args)).exits(2);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
    }
    let bad = r#"{"url": "http://h/x", "process": {"kind": "untar", "member": "x"}}"#;
    let ran =
        kit::run(world.fetch(&["get", "-"]).stdin(std::fs::File::open(world.write("in", bad)).unwrap()))
            .exits(2);
    assert!(ran.stderr.contains("\"process\" has the unknown key \"member\""), "{}", ran.stderr);
}
