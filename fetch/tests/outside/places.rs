//! Where files may lie, and where not.

use super::{HELLO, World, files};

#[test]
fn names_that_lead_out_are_refused_and_the_rest_goes_on() {
    let world = World::new();
    world.server.file("/x", "hello\n").file("/good", "hello\n");
    let names = ["../x", "a/../../x", "/tmp/snakepipe-x", r"..\\x", r"a\\b", ".fetch/index.jsonl", "a/"];
    let lines: String =
        names.iter().map(|name| format!("'{name}' {HELLO} {}\n", world.server.url("/x"))).collect();
    world.write("r.txt", &format!("{lines}good {HELLO}\n"));
    let records =
        world.records(&["get", "-r", "r.txt", "--base-url", &world.server.url(""), "--cache", "in/data"], 2);
    let refused: Vec<_> = records.iter().filter(|record| record["code"] == "unsafe_path").collect();
    assert_eq!(refused.len(), names.len());
    assert!(refused.iter().all(|record| record["attempts"] == 0));
    assert_eq!(files(&world.path("in")), ["data/good"]);
    assert_eq!(world.requests(), 1, "only the good one is asked for");
}

#[test]
fn a_link_in_the_cache_folder_leads_nowhere() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    std::fs::create_dir_all(world.path("data")).unwrap();
    std::fs::create_dir_all(world.path("outside")).unwrap();
    std::os::unix::fs::symlink("../outside", world.path("data/link")).unwrap();
    world.write("r.txt", &format!("link/x {HELLO} {}\n", world.server.url("/x")));
    let records = world.records(&["get", "-r", "r.txt", "--cache", "data"], 2);
    assert_eq!(records[0]["code"], "unsafe_path");
    assert!(files(&world.path("outside")).is_empty());
}

#[test]
fn two_files_of_one_name_do_not_overwrite_one_another() {
    let world = World::new();
    world.server.file("/a/x", "hello\n").file("/b/x", "other\n");
    let urls = [world.server.url("/a/x"), world.server.url("/b/x")];
    let records = world.records(&["get", "--cache", "data", "-j1", &urls[0], &urls[1]], 2);
    assert_eq!(records[1]["code"], "name_conflict");
    assert_eq!(std::fs::read(world.path("data/x")).unwrap(), b"hello\n");

    let shared = world.records(&["get", &urls[0], &urls[1]], 0);
    assert_ne!(shared[0]["path"], shared[1]["path"]);
}

#[test]
fn files_are_readable_as_the_umask_says() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    world.server.file("/x", "hello\n");
    world.records(&["get", "--cache", "data", &world.server.url("/x")], 0);
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(world.path("data/x")), mode(world.write("plain", "")));
}

#[test]
fn a_file_url_is_copied_and_may_be_missing() {
    let world = World::new();
    let url = |name: &str| format!("file://{}", world.path(name).display());
    world.write("here.txt", "hello\n");
    let file = &world.records(&["get", "--hash", HELLO, "--offline", &url("here.txt")], 0)[0];
    assert_eq!(std::fs::read(file["path"].as_str().unwrap()).unwrap(), b"hello\n");
    let failed = &world.records(&["get", &url("gone.txt")], 2)[0];
    assert_eq!(failed["code"], "not_found");
}
