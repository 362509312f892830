//! pooch's own registries and files.

use std::collections::HashSet;
use std::path::PathBuf;

use super::{HELLO, World, files};

fn fixtures() -> PathBuf {
    kit::root().join("fetch/tests/fixtures")
}

/// A world whose server has all that pooch's `registry.txt` names.
fn with_pooch() -> World {
    let world = World::new();
    let folder = fixtures().join("pooch");
    for name in files(&folder) {
        world.server.file(&format!("/{name}"), std::fs::read(folder.join(&name)).unwrap());
    }
    let tiny = std::fs::read(folder.join("tiny-data.txt")).unwrap();
    world.server.file("/subdir/tiny-data.txt", tiny.clone());
    for name in ["/file%20with%20spaces.txt", "/other%20with%20spaces.txt"] {
        world.server.file(name, tiny.clone());
    }
    world
}

#[test]
fn every_file_is_verified_and_then_cached_without_a_request() {
    let world = with_pooch();
    let registry = fixtures().join("pooch/registry.txt");
    let (registry, base) = (registry.to_str().unwrap(), world.server.url("/"));
    let get = ["get", "-r", registry, "--base-url", &base];
    let first = world.records(&get, 0);
    assert_eq!(first.len(), 10);
    for file in &first {
        // Some of them are the same file under several names, which is got once.
        let how = (file["status"].as_str().unwrap(), file["attempts"].as_u64().unwrap());
        assert!(how == ("downloaded", 1) || how == ("cached", 0), "{file}");
        let bytes = std::fs::read(file["path"].as_str().unwrap()).unwrap();
        let name = file["name"].as_str().unwrap().trim_start_matches("subdir/");
        assert_eq!(bytes, std::fs::read(fixtures().join("pooch").join(name)).unwrap(), "{file}");
        assert_eq!(file["size_bytes"], bytes.len());
    }
    let requests = first.iter().filter(|file| file["status"] == "downloaded").count();
    assert_eq!(world.requests(), requests);

    let again = world.records(&get, 0);
    assert_eq!(again.len(), 10);
    assert!(again.iter().all(|file| file["status"] == "cached" && file["attempts"] == 0));
    assert_eq!(world.requests(), requests, "a hit asks nobody");
    let paths = |files: &[serde_json::Value]| {
        files.iter().map(|file| file["path"].to_string()).collect::<HashSet<_>>()
    };
    assert_eq!(paths(&first), paths(&again));
}

#[test]
fn names_pick_and_spaces_are_names() {
    let world = with_pooch();
    let registry = fixtures().join("pooch/registry-spaces.txt");
    let (registry, base) = (registry.to_str().unwrap(), world.server.url(""));
    let both = world.records(&["get", "-r", registry, "--base-url", &base, "--cache", "data"], 0);
    assert_eq!(both.len(), 2);
    assert_eq!(files(&world.path("data")), ["file with spaces.txt", "other with spaces.txt"]);

    let picked = ["get", "-r", registry, "--base-url", &base, "--cache", "one", "other with spaces.txt"];
    world.records(&picked, 0);
    assert_eq!(files(&world.path("one")), ["other with spaces.txt"]);

    let unknown = kit::run(&mut world.fetch(&["get", "-r", registry, "--base-url", &base, "nope"])).exits(2);
    assert!(unknown.stderr.contains("nothing in the registry is called \"nope\""), "{}", unknown.stderr);
}

#[test]
fn an_invalid_line_is_named_and_nothing_is_got() {
    let world = with_pooch();
    let registry = fixtures().join("pooch/registry-invalid.txt");
    let base = world.server.url("/");
    let records = world.records(&["get", "-r", registry.to_str().unwrap(), "--base-url", &base], 2);
    assert_eq!(
        (&records[0]["type"], &records[0]["code"]),
        (&"fetch.run.failed".into(), &"bad_registry".into())
    );
    let message = records[0]["message"].as_str().unwrap();
    assert!(message.contains("registry-invalid.txt, line 2: expected 2 or 3 fields"), "{message}");
    assert_eq!(world.requests(), 0);
}

#[test]
fn comments_and_urls_of_their_own_are_understood() {
    let world = with_pooch();
    let base = world.server.url("/");
    let comments = fixtures().join("pooch/registry_comments.txt");
    assert_eq!(world.records(&["get", "-r", comments.to_str().unwrap(), "--base-url", &base], 0).len(), 10);

    world.server.file("/elsewhere", "hello\n");
    let line = format!("sub/h.txt {HELLO} {}\n", world.server.url("/elsewhere"));
    world.write("own.txt", &line);
    let own = world.records(&["get", "-r", "own.txt", "--cache", "own"], 0);
    assert_eq!(own[0]["url"], world.server.url("/elsewhere"));
    assert_eq!(files(&world.path("own")), ["sub/h.txt"]);

    world.write("none.txt", &format!("h.txt {HELLO}\n"));
    let ran = kit::run(&mut world.fetch(&["get", "-r", "none.txt"])).exits(2);
    assert!(ran.stderr.contains("--base-url"), "{}", ran.stderr);
}

#[test]
fn the_registry_of_scikit_image_is_read_whole() {
    let world = World::new();
    let registry = fixtures().join("skimage-registry.txt");
    let get = ["get", "-r", registry.to_str().unwrap(), "--base-url", "http://127.0.0.1:9/", "--offline"];
    let missed = world.records(&get, 2);
    assert_eq!(missed.len(), 118);
    assert!(missed.iter().all(|file| file["code"] == "offline_miss"));
}
