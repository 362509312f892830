//! `--data-version`: the base URL and the folder that pooch gives a version of a project.

use super::super::{HELLO, World, files};

#[test]
fn a_version_is_in_the_url_and_in_the_folder() {
    let world = World::new();
    world.write("r.txt", &format!("x {HELLO}\n"));
    let base = world.server.url("/data-{version}");
    for (version, path) in [("v0.1", "v0.1"), ("0.1+12.do9iwd", "master")] {
        world.server.file(&format!("/data-{path}/x"), "hello\n");
        let get = ["get", "-r", "r.txt", "--base-url", &base, "--data-version", version, "--cache", "data"];
        assert_eq!(world.records(&get, 0)[0]["url"], world.server.url(&format!("/data-{path}/x")));
    }
    assert_eq!(files(&world.path("data")), ["master/x", "v0.1/x"]);

    world.server.file("/data-main/x", "hello\n");
    let get = ["get", "-r", "r.txt", "--base-url", &base, "--data-version", "1+g", "--dev-version", "main"];
    let file = &world.records(&get, 0)[0];
    assert_eq!(file["url"], world.server.url("/data-main/x"));
    assert!(!file["path"].as_str().unwrap().contains("main"), "the shared cache goes by digests");
}

#[test]
fn what_is_no_version_is_refused() {
    let world = World::new();
    world.write("r.txt", &format!("x {HELLO}\n"));
    let base = world.server.url("/{version}/");
    let get = ["get", "-r", "r.txt", "--base-url", &base];
    for (more, said) in [
        (&["--data-version", "main"][..], "bad --data-version: \"main\" is not a version"),
        (&["--data-version", "1+a", "--dev-version", "../x"], "bad --dev-version"),
        (&["--data-version", "1+a", "--dev-version", ""], "bad --dev-version"),
        (&[], "the base URL has {version}, and no version is given"),
    ] {
        let ran = kit::run(&mut world.fetch(&[&get[..], more].concat())).exits(2);
        assert!(ran.stderr.contains(said) && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
    assert_eq!(world.requests(), 0);
}
