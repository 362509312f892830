//! `--layout pooch`, with pooch itself; and content that is there under another name.

use std::fs::FileTimes;
use std::process::Command;

use super::{HELLO, World, files, noise};

fn pooch(world: &World, script: &str) -> Option<String> {
    let python = kit::venv("bench").ok()?;
    let mut command = Command::new(python);
    command.args(["-c", &format!("import pooch\n{script}")]).current_dir(world.folder.path());
    Some(kit::run(command.env("XDG_CACHE_HOME", world.path("xdg"))).exits(0).stdout.trim().to_owned())
}

fn fetch(world: &World, args: &[&str]) -> serde_json::Value {
    let mut command = world.fetch(&[&["get", "--layout", "pooch"], args].concat());
    let ran = kit::run(command.env("XDG_CACHE_HOME", world.path("xdg"))).exits(0);
    kit::records("fetch", &ran.stdout)[1].clone()
}

#[test]
fn either_finds_what_the_other_retrieved() {
    let world = World::new();
    for path in ["/d/ours.bin?v=1", "/d/theirs%20b.bin"] {
        world.server.file(path, "hello\n");
    }
    let (ours, theirs) = (world.server.url("/d/ours.bin?v=1"), world.server.url("/d/theirs%20b.bin"));
    let got = fetch(&world, &[&ours]);
    let Some(path) = pooch(&world, &format!("print(pooch.retrieve({ours:?}, {HELLO:?}))")) else { return };
    assert_eq!(got["path"], path);
    assert_eq!(world.requests(), 1);

    let path = pooch(&world, &format!("print(pooch.retrieve({theirs:?}, None))")).unwrap();
    let requests = world.requests();
    for args in [&[theirs.as_str(), "--hash", HELLO][..], &[&theirs]] {
        let got = fetch(&world, args);
        assert_eq!((&got["path"], &got["status"]), (&path.clone().into(), &"cached".into()));
    }
    assert_eq!(world.requests(), requests);

    // A name that pooch cuts.
    let long = world.server.url(&format!("/{}.bin", "x".repeat(300)));
    let name = pooch(&world, &format!("print(pooch.utils.unique_file_name({long:?}))")).unwrap();
    world.server.file(&format!("/{}.bin", "x".repeat(300)), "hello\n");
    assert!(fetch(&world, &[&long])["path"].as_str().unwrap().ends_with(&format!("/pooch/{name}")));
}

#[test]
fn a_pooch_without_a_hash_takes_what_bears_the_name() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    let Some(path) = pooch(&world, &format!("print(pooch.retrieve({url:?}, None))")) else { return };
    let requests = world.requests();
    let got = fetch(&world, &[&url]);
    assert_eq!((&got["path"], &got["status"], world.requests()), (&path.into(), &"cached".into(), requests));
}

#[test]
fn either_finds_what_the_other_got_from_a_registry_with_versions() {
    let world = World::new();
    for name in ["a b.txt", "sub/c.txt"] {
        let path = format!("/v1.2/{}", name.replace(' ', "%20"));
        world.server.file(&path, "hello\n").file(&path.replace("v1.2", "dev"), "hello\n");
    }
    world.write("r.txt", &format!("'a b.txt' {HELLO}\nsub/c.txt {HELLO}\n"));
    let base = world.server.url("/{version}");
    for (version, folder, name) in [("v1.2", "v1.2", "a b.txt"), ("v1.2+3.gabc", "dev", "sub/c.txt")] {
        let args = ["-r", "r.txt", "--base-url", &base, "--cache", "ignored", "--cache-env", "MY_DATA"];
        let args =
            [&["get", "--layout", "pooch", "--data-version", version, "--dev-version", "dev"], &args[..]]
                .concat();
        let mut command = world.fetch(&args);
        kit::run(command.env("MY_DATA", world.path("data"))).exits(0);
        assert!(files(&world.path(&format!("data/{folder}"))).contains(&name.to_owned()));
        let requests = world.requests();
        let script = format!(
            "import os; os.environ['MY_DATA'] = 'data'\n\
             p = pooch.create('ignored', {base:?}, version={version:?}, version_dev='dev', env='MY_DATA')\n\
             p.load_registry('r.txt'); print(p.fetch({name:?}))"
        );
        let Some(path) = pooch(&world, &script) else { return };
        assert_eq!(
            (path, world.requests()),
            (world.path(&format!("data/{folder}/{name}")).display().to_string(), requests)
        );
    }
    let bad = kit::run(&mut world.fetch(&["get", "--data-version", "../x", "http://h/x"])).exits(2);
    assert!(bad.stderr.contains("bad --data-version"), "{}", bad.stderr);
}

#[test]
fn content_under_two_names_is_got_once() {
    let world = World::new();
    world.server.file("/x", "hello\n").file("/y", "hello\n");
    let line = |name: &str| format!("{name} {HELLO} {}\n", world.server.url(&format!("/{name}")));
    world.write("r.txt", &(line("x") + &line("y")));
    for (cache, requests) in
        [(&[][..], 1), (&["--cache", "data"], 1), (&["--layout", "pooch", "--cache", "p"], 1)]
    {
        let got = world.records(&[&["get", "-r", "r.txt"], cache].concat(), 0);
        assert_eq!(world.requests(), requests, "the first is got, all others are there");
        for file in &got {
            assert_eq!(std::fs::read(file["path"].as_str().unwrap()).unwrap(), b"hello\n");
        }
    }
    // They are files of their own.
    world.write("data/x", "edited");
    assert_eq!(std::fs::read(world.path("data/y")).unwrap(), b"hello\n");
    assert_eq!(std::fs::read(world.path("p/x")).unwrap(), b"hello\n");
}

#[test]
fn content_that_was_spoilt_elsewhere_is_got_anew() {
    // Once as an edit spoils it, once behind the back of its stat.
    for same_stat in [false, true] {
        let world = World::new();
        let bytes = noise(700_000, 3);
        world.server.file("/x", bytes.clone());
        std::fs::write(world.path("x"), &bytes).unwrap();
        let hashed = &world.records(&["hash", "x"], 0)[0];
        let (url, hash) = (world.server.url("/x"), hashed["digest"].as_str().unwrap());
        let first = &world.records(&["get", "--hash", hash, &url], 0)[0];
        let path = first["path"].as_str().unwrap();
        let written = std::fs::metadata(path).unwrap().modified().unwrap();
        std::fs::write(path, noise(700_000, 4)).unwrap();
        if same_stat {
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_times(FileTimes::new().set_modified(written)).unwrap();
        }
        let get = ["get", "--cache", "data", "--verify", "full", "--hash", hash, &url];
        let got = &world.records(&get, 0)[0];
        assert_eq!((&got["status"], world.requests()), (&"downloaded".into(), 2));
        assert!(std::fs::read(world.path("data/x")).unwrap() == bytes);
    }
}
