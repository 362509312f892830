//! Servers and networks that fail.

use std::time::Duration;

use super::server::{Fault, Server};
use super::{HELLO, World, files};

#[test]
fn a_wrong_hash_publishes_nothing() {
    let world = World::new();
    world.server.file("/x", "other\n");
    let failed = world.records(&["get", "--hash", HELLO, "--cache", "data", &world.server.url("/x")], 1);
    let failed = &failed[0];
    assert_eq!((&failed["type"], &failed["code"]), (&"fetch.file.failed".into(), &"hash_mismatch".into()));
    assert_eq!(failed["expected"], format!("sha256:{HELLO}"));
    // hashlib.sha256(b"other\n").hexdigest()
    let got = "sha256:7e4fa2eb8c7ac089739d5defc4489fad68a100d92082ca35c6b40a4524821f87";
    assert_eq!(failed["got"], got);
    assert!(failed["message"].as_str().unwrap().contains(HELLO));
    assert!(files(&world.path("data")).is_empty());
    assert_eq!(world.requests(), 1, "the same bytes would come again");
}

#[test]
fn a_server_that_is_busy_is_asked_again_when_it_says() {
    let world = World::new();
    let busy = [Fault::Status(503, Some("1")), Fault::Status(503, Some("0"))];
    world.server.file("/x", "hello\n").faults("/x", busy);
    let began = std::time::Instant::now();
    let file = &world.records(&["get", "--hash", HELLO, &world.server.url("/x")], 0)[0];
    assert_eq!((&file["status"], &file["attempts"]), (&"downloaded".into(), &3.into()));
    assert!(began.elapsed() >= Duration::from_secs(1), "Retry-After is a lower bound");
}

#[test]
fn what_will_not_pass_is_tried_once() {
    let world = World::new();
    world.server.faults("/forbidden", [Fault::Status(403, None)]);
    for (path, code) in [("/none", "not_found"), ("/forbidden", "access_denied")] {
        let failed = &world.records(&["get", &world.server.url(path)], 2)[0];
        assert_eq!((&failed["code"], &failed["attempts"]), (&code.into(), &1.into()));
        assert!(failed["hint"].is_string());
    }
    let asking_too_much = [Fault::Status(503, Some("86400"))];
    world.server.file("/x", "hello\n").faults("/x", asking_too_much);
    let failed = &world.records(&["get", &world.server.url("/x")], 2)[0];
    assert_eq!((&failed["code"], &failed["attempts"]), (&"http_status".into(), &1.into()));
}

#[test]
fn a_body_cut_short_is_never_published() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    for fault in [Fault::Cut(3), Fault::Cut(0), Fault::EndlessChunk] {
        world.server.faults("/x", [fault.clone()]);
        // Without a hash, so that only the transfer itself can tell.
        let get = ["get", "--cache", "data", "--retries", "0", &world.server.url("/x")];
        let failed = &world.records(&get, 2)[0];
        assert_eq!(failed["code"], "truncated", "{fault:?}: {failed}");
        assert!(files(&world.path("data")).is_empty(), "{fault:?}");
    }
    world.server.faults("/x", [Fault::Cut(3)]);
    let file = &world.records(&["get", "--cache", "data", &world.server.url("/x")], 0)[0];
    assert_eq!(file["attempts"], 2);
    assert_eq!(std::fs::read(world.path("data/x")).unwrap(), b"hello\n");
}

#[test]
fn a_mirror_stands_in_for_a_dead_or_wrong_one() {
    let world = World::new();
    world.server.file("/wrong", "other\n").file("/x", "hello\n");
    let urls = [&world.server.url("/none"), &world.server.url("/wrong"), &world.server.url("/x")];
    let request = serde_json::json!({"urls": urls, "hash": HELLO, "name": "x"}).to_string();
    let file = &world.records_of_input(&["get", "-", "--cache", "data"], &request, 0)[0];
    assert_eq!((&file["url"], &file["attempts"]), (&world.server.url("/x").into(), &3.into()));

    let request = serde_json::json!({"urls": &urls[..2], "hash": HELLO, "name": "y"}).to_string();
    let failed = &world.records_of_input(&["get", "-"], &request, 1)[0];
    assert_eq!(
        (&failed["url"], &failed["code"]),
        (&world.server.url("/wrong").into(), &"hash_mismatch".into())
    );
}

#[test]
fn nobody_there_is_an_error_with_a_hint() {
    let world = World::new();
    // Port 9 is the discard service, which no test machine runs.
    let failed = &world.records(&["get", "--retries", "1", "http://127.0.0.1:9/x"], 2)[0];
    assert_eq!((&failed["code"], &failed["attempts"]), (&"connection_failed".into(), &2.into()));
    assert!(failed["hint"].as_str().unwrap().contains("network"));
}

#[test]
fn bytes_stay_as_the_server_stores_them() {
    let world = World::new();
    world
        .server
        .file("/x.gz", "not really gzip")
        .faults("/x.gz", [Fault::Headers("Content-Encoding: gzip\r\n")]);
    let file = &world.records(&["get", &world.server.url("/x.gz")], 0)[0];
    assert_eq!(std::fs::read(file["path"].as_str().unwrap()).unwrap(), b"not really gzip");
    assert_eq!(world.server.seen()[0].headers["accept-encoding"], "identity");
}

#[test]
fn user_and_password_reach_their_host_and_nobody_else() {
    let world = World::new();
    let other = Server::new();
    other.file("/x", "hello\n");
    // Another host name for the same machine, as a host is what a credential belongs to.
    let elsewhere = other.url("/x").replace("127.0.0.1", "localhost");
    world.server.faults("/x", [Fault::Redirect(elsewhere)]);
    let url = world.server.url("/x").replace("http://", "http://me:s3cret@") + "?token=hidden";
    world
        .server
        .faults("/x?token=hidden", [Fault::Redirect(other.url("/x").replace("127.0.0.1", "localhost"))]);
    let ran = kit::run(&mut world.fetch(&["get", "-v", &url])).exits(0);
    // base64.b64encode(b"me:s3cret")
    assert_eq!(world.server.seen()[0].headers["authorization"], "Basic bWU6czNjcmV0");
    assert!(!other.seen()[0].headers.contains_key("authorization"));
    let failing = world.server.url("/none").replace("http://", "http://me:s3cret@") + "?token=hidden";
    let failed = kit::run(&mut world.fetch(&["get", "-v", &failing])).exits(2);
    let index = std::fs::read_to_string(world.path("cache/fetch/.fetch/index.jsonl")).unwrap();
    for said in [ran.stdout, ran.stderr, failed.stdout, failed.stderr, index] {
        assert!(!said.contains("s3cret") && !said.contains("hidden"), "{said}");
    }
}

#[test]
fn a_host_gets_no_more_connections_than_it_may() {
    let world = World::new();
    let slow = || Fault::Slow(Duration::from_millis(150));
    let paths: Vec<String> = (0..8).map(|number| format!("/f{number}")).collect();
    let urls: Vec<String> = paths.iter().map(|path| world.server.url(path)).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    for (more, most, folder) in [
        (&["--per-host", "2"][..], 2, "a"),
        (&["--jobs", "3"], 3, "b"),
        (&["--per-host", "3", "--check"], 3, "c"),
    ] {
        let server = Server::new();
        for path in &paths {
            server.file(path, "hello\n").faults(path, [slow()]);
        }
        let urls: Vec<String> = paths.iter().map(|path| server.url(path)).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        let args = [&["get", "--cache", folder], more, &urls].concat();
        assert_eq!(world.records(&args, 0).len(), 8);
        assert_eq!(server.busiest(), most, "{more:?} {:?}", server.seen());
    }
    // Another host is not held up by one that is silent, at which the next file waits, whichever that is.
    for path in ["/f0", "/f1"] {
        world.server.file(path, "hello\n").faults(path, [Fault::Stall(1)]);
    }
    let elsewhere = Server::new().file("/x", "hello\n").url("/x").replace("127.0.0.1", "localhost");
    let args = ["get", "--per-host", "1", "--cache", "d", urls[0], urls[1], &elsewhere];
    let mut child = world.fetch(&args).stdout(std::process::Stdio::null()).spawn().unwrap();
    while !world.path("d/x").exists() || world.requests() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(world.requests(), 1, "{:?}", world.server.seen());
}
