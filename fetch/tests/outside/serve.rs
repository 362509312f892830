//! `fetch serve` seen from outside, by curl and by clients that mean no good.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Serving, curl, head};
use serde_json::Value;

use super::{HELLO, World, noise};

/// A running server of the folder `site`.
pub fn serve(world: &World, args: &[&str]) -> Serving {
    Serving::start("fetch", &mut world.fetch(&[&["serve", "site"], args].concat()))
}

fn with_site() -> World {
    let world = World::new();
    std::fs::create_dir_all(world.path("site/sub")).unwrap();
    world.write("site/a.txt", "hello\n");
    world.write("site/sub/b c.tar.gz", "hello\n");
    world
}

#[test]
fn files_are_served_whole_and_in_parts() {
    let world = with_site();
    let serving = serve(&world, &[]);
    let url = serving.url("/a.txt");
    assert_eq!(curl(&[&url]), "hello\n");
    assert_eq!(curl(&["-r", "1-3", &url]), "ell");
    assert_eq!(curl(&["-r", "-2", &url]), "o\n");
    assert_eq!(head(&["-r", "1-3", &url], "content-range"), ("206".into(), "bytes 1-3/6".into()));
    assert_eq!(head(&["-r", "6-", &url], "content-range"), ("416".into(), "bytes */6".into()));
    assert_eq!(head(&["-I", &url], "content-length"), ("200".into(), "6".into()));
    assert_eq!(head(&["-X", "PUT", &url], "allow"), ("405".into(), "GET, HEAD".into()));
    let (_, etag) = head(&[&url], "etag");
    let (_, modified) = head(&[&url], "last-modified");
    assert_eq!(head(&["-H", &format!("If-None-Match: {etag}"), &url], "etag"), ("304".into(), etag.clone()));
    assert_eq!(head(&["-H", &format!("If-Modified-Since: {modified}"), &url], "etag").0, "304");
    world.write("site/a.txt", "jello\n");
    let stale = format!("If-Range: {etag}");
    assert_eq!(curl(&["-r", "1-3", "-H", &stale, &url]), "jello\n", "another version comes whole");
    let packed = serving.url("/sub/b%20c.tar.gz");
    assert_eq!(head(&["--compressed", &packed], "content-type").1, "application/gzip");
    assert_eq!(head(&["--compressed", &packed], "content-encoding").1, "");
    let records = serving.end();
    let partial = records.iter().find(|record| record["status"] == 206).unwrap();
    assert_eq!((&partial["path"], &partial["bytes"]), (&"/a.txt".into(), &3.into()));
    assert_eq!(records.last().unwrap()["counts"]["requests"], 14);
}

#[test]
fn nothing_outside_the_folder_is_given_out() {
    let world = with_site();
    world.write("outside", "secret\n");
    std::fs::create_dir_all(world.path("site/.fetch")).unwrap();
    world.write("site/.fetch/index.jsonl", "secret\n");
    world.write("site/.snakepipe-x.part", "secret\n");
    symlink("../outside", world.path("site/link")).unwrap();
    symlink(world.path("outside"), world.path("site/absolute")).unwrap();
    symlink("..", world.path("site/up")).unwrap();
    symlink("sub", world.path("site/inside")).unwrap();
    symlink(".", world.path("site/sub/circle")).unwrap();
    kit::run(Command::new("mkfifo").arg(world.path("site/pipe"))).exits(0);
    let serving = serve(&world, &[]);
    for path in [
        "/../outside",
        "/sub/../../outside",
        "/%2e%2e/outside",
        "/sub/..%2f..%2foutside",
        "/..\\outside",
        "//../outside",
        "/link",
        "/absolute",
        "/up/outside",
        "/up/",
        "/up/?json",
        "/.fetch/index.jsonl",
        "/.fetch/",
        "/%2efetch/index.jsonl",
        "/.snakepipe-x.part",
        "/a.txt%00",
        "/a.txt/",
        "/pipe",
        "/none",
        "/%zz",
    ] {
        let answer = serving.raw(&format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 404 ") && !answer.contains("secret"), "{path}: {answer}");
    }
    for request in [
        "GET outside HTTP/1.1\r\n\r\n",
        "GET /\0 HTTP/1.1\r\n\r\n",
        "\0\r\n\r\n",
        "GET /a.txt HTTP/9\r\n\r\n",
    ] {
        let answer = serving.raw(request);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 40"), "{request:?}: {answer}");
    }
    let huge = format!("GET /a.txt HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert!(!serving.raw(&huge).starts_with("HTTP/1.1 200"));
    let sent = serving.raw("GET //sub HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(sent.contains("location: /sub/\r\n"), "never to another host: {sent}");
    assert_eq!(curl(&[&serving.url("/inside/b%20c.tar.gz")]), "hello\n");
    let listed: Value = serde_json::from_str(&curl(&[&serving.url("/?json")])).unwrap();
    let names: Vec<_> = listed["entries"].as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["inside", "sub", "a.txt"]);
    serving.end();
}

#[test]
fn a_folder_is_its_own_registry() {
    let world = with_site();
    world.write("site/<i>&'\".txt", "hello\n");
    symlink("..", world.path("site/sub/circle")).unwrap();
    let serving = serve(&world, &[]);
    let page = curl(&["-L", &serving.url("")]);
    assert!(page.contains("&lt;i&gt;&amp;") && !page.contains("<i>"), "{page}");
    let registry = curl(&[&serving.url("/?registry")]);
    assert!(registry.contains(&format!("'sub/b c.tar.gz' sha256:{HELLO}\n")), "{registry}");
    world.write("r.txt", &registry);
    let get = ["get", "-r", "r.txt", "--base-url", &serving.url("/"), "--cache", "data"];
    assert_eq!(world.records(&get, 0).len(), 3);
    assert!(world.records(&get, 0).iter().all(|file| file["status"] == "cached"));
    serving.end();
}

#[test]
fn slow_and_many_clients_hold_nobody_up() {
    const LONG: u64 = 200_000_000;
    let world = with_site();
    // More than any socket's buffers take.
    std::fs::File::create(world.path("site/long")).unwrap().set_len(LONG).unwrap();
    let serving = serve(&world, &[]);
    let address = ("127.0.0.1", serving.port());
    // Half a head each, and a reader that never reads.
    let mut slow: Vec<_> = (0..400).map(|_| TcpStream::connect(address).unwrap()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /long HTTP/1.1\r\nHost:").unwrap();
    }
    slow[0].write_all(b" h\r\n\r\n").unwrap();
    let answers: Vec<String> = std::thread::scope(|scope| {
        let ask = || serving.raw("GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let asking: Vec<_> = (0..100).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer.ends_with("\r\n\r\nhello\n")));
    let began = Instant::now();
    let records = serving.end();
    assert!(began.elapsed() < Duration::from_secs(20), "nobody is waited for");
    let unread = records.iter().find(|record| record["path"] == "/long").unwrap();
    assert!(unread["bytes"].as_u64().unwrap() < LONG, "{unread}");
}

#[test]
fn a_rate_is_kept() {
    let world = with_site();
    std::fs::write(world.path("site/long"), noise(300_000, 5)).unwrap();
    let serving = serve(&world, &["--rate", "200k"]);
    let began = Instant::now();
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{size_download}", &serving.url("/long")]), "300000");
    assert!(began.elapsed() > Duration::from_millis(1300));
    serving.end();
}

#[test]
fn a_file_that_changes_meanwhile_is_not_given_as_whole() {
    let world = with_site();
    std::fs::write(world.path("site/long"), noise(300_000, 5)).unwrap();
    let serving = serve(&world, &["--rate", "150k"]);
    let url = serving.url("/long");
    let mut client =
        Command::new("curl").args(["-sS", "-o", "/dev/null", &url]).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    std::fs::OpenOptions::new()
        .write(true)
        .open(world.path("site/long"))
        .unwrap()
        .write_all(b"other")
        .unwrap();
    assert_eq!(client.wait().unwrap().code(), Some(18), "curl knows that it is not whole");
    serving.end();
}

#[test]
fn what_cannot_be_served_is_said() {
    let world = with_site();
    let failed = kit::run(&mut world.fetch(&["serve", "none"])).exits(2);
    assert!(failed.stderr.contains("failed to serve none"), "{}", failed.stderr);
    let serving = serve(&world, &[]);
    let taken = world.records(&["serve", "site", "--port", &serving.port().to_string()], 2);
    assert_eq!(taken[0]["code"], "cannot_listen");
    serving.end();
}
