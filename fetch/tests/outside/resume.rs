//! Downloads that break off, and what becomes of their beginning.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::server::Fault;
use super::{World, leftovers, noise};

const WHOLE: usize = 1_000_000;
const HALF: usize = 600_000;

/// A world whose server has a long file at `/x`.
fn with_long_file() -> (World, Vec<u8>) {
    let (world, bytes) = (World::new(), noise(WHOLE, 1));
    world.server.file("/x", bytes.clone());
    (world, bytes)
}

/// The partials in the cache folder `data`, without their notes.
pub fn partials(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.path("data/.fetch/partial"));
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_none()).collect()
}

/// The sha256 of bytes, by `fetch hash`, which other tests hold against Python's.
fn sha256(world: &World, bytes: &[u8]) -> String {
    std::fs::write(world.path("to-hash"), bytes).unwrap();
    world.records(&["hash", "to-hash"], 0)[0]["digest"].as_str().unwrap().to_owned()
}

/// Starts a run and waits until it has `length` bytes of the file.
fn run_until(world: &World, args: &[&str], length: u64) -> Child {
    start_until(world, &mut world.fetch(args), length)
}

fn start_until(world: &World, command: &mut Command, length: u64) -> Child {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let there = |path: &PathBuf| path.metadata().is_ok_and(|state| state.len() == length);
    while !partials(world).iter().any(there) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// Kills a run after half of the file, so hard that it can do nothing about it.
fn kill_at_half(world: &World, args: &[&str]) {
    world.server.faults("/x", [Fault::Stall(HALF)]);
    let mut child = run_until(world, args, HALF as u64);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Kills a run that a server lets stop at `length` bytes of its only file.
pub fn kill_at_half_of(world: &World, command: &mut Command, length: u64) {
    let mut child = start_until(world, command, length);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[track_caller]
fn is_right(world: &World, file: &Value, status: &str, bytes: &[u8]) {
    assert_eq!(file["status"], status, "{file}");
    assert!(std::fs::read(world.path("data/x")).unwrap() == bytes);
    assert_eq!(file["digest"], sha256(world, bytes));
    assert_eq!(leftovers(&world.path("data")), [""; 0]);
}

/// What the last request asked to have: the range and the version it must be of.
fn asked(world: &World) -> (Option<String>, Option<String>) {
    let last = world.server.seen().pop().unwrap();
    (last.headers.get("range").cloned(), last.headers.get("if-range").cloned())
}

#[test]
fn a_killed_run_is_gone_on_with() {
    let (world, bytes) = with_long_file();
    let get = ["get", "--cache", "data", &world.server.url("/x")];
    kill_at_half(&world, &get);
    assert!(!world.path("data/x").exists());
    let file = &world.records(&get, 0)[0];
    let (range, version) = asked(&world);
    assert_eq!(range, Some(format!("bytes={HALF}-")));
    assert!(version.unwrap().starts_with('"'));
    assert_eq!((world.requests(), &file["attempts"]), (2, &1.into()));
    is_right(&world, file, "resumed", &bytes);
    assert_eq!(world.records(&get, 0)[0]["status"], "cached");
}

#[test]
fn a_whole_file_that_was_not_published_costs_one_byte() {
    let (world, bytes) = with_long_file();
    let get = ["get", "--cache", "data", &world.server.url("/x")];
    kill_at_half(&world, &get);
    std::fs::write(&partials(&world)[0], &bytes).unwrap();
    let file = &world.records(&get, 0)[0];
    assert_eq!(asked(&world).0, Some(format!("bytes={}-", WHOLE - 1)));
    is_right(&world, file, "resumed", &bytes);
}

#[test]
fn another_version_is_begun_from_its_start() {
    let (world, _) = with_long_file();
    let get = ["get", "--cache", "data", &world.server.url("/x")];
    kill_at_half(&world, &get);
    let changed = noise(WHOLE, 2);
    world.server.file("/x", changed.clone());
    let file = &world.records(&get, 0)[0];
    assert_eq!((asked(&world).0, world.requests()), (Some(format!("bytes={HALF}-")), 2));
    is_right(&world, file, "downloaded", &changed);
}

#[test]
fn a_body_cut_short_is_gone_on_with_in_the_same_run() {
    let (world, bytes) = with_long_file();
    world.server.faults("/x", [Fault::Cut(HALF), Fault::Cut(100_000)]);
    let file = &world.records(&["get", "--cache", "data", &world.server.url("/x")], 0)[0];
    let ranges: Vec<_> = world.server.seen().iter().map(|seen| seen.headers.get("range").cloned()).collect();
    let rest = |from: usize| Some(format!("bytes={from}-"));
    assert_eq!(ranges, [None, rest(HALF), rest(HALF + 100_000)]);
    assert_eq!(file["attempts"], 3);
    is_right(&world, file, "resumed", &bytes);
}

#[test]
fn a_server_without_ranges_sends_it_whole() {
    let (world, bytes) = with_long_file();
    world.server.faults("/x", [Fault::Cut(HALF), Fault::NoRange]);
    let file = &world.records(&["get", "--cache", "data", &world.server.url("/x")], 0)[0];
    assert_eq!(file["attempts"], 2);
    is_right(&world, file, "downloaded", &bytes);
}

#[test]
fn a_server_that_sends_another_range_is_asked_for_the_whole() {
    let (world, bytes) = with_long_file();
    world.server.faults("/x", [Fault::Cut(HALF), Fault::WrongRange]);
    let file = &world.records(&["get", "--cache", "data", &world.server.url("/x")], 0)[0];
    assert_eq!((asked(&world).0, &file["attempts"]), (None, &3.into()));
    is_right(&world, file, "downloaded", &bytes);
}

#[test]
fn a_spoilt_beginning_is_got_again() {
    let (world, bytes) = with_long_file();
    let digest = sha256(&world, &bytes);
    let get = ["get", "--cache", "data", "--hash", &digest, &world.server.url("/x")];
    kill_at_half(&world, &get);
    std::fs::write(&partials(&world)[0], vec![0; HALF]).unwrap();
    let file = &world.records(&get, 0)[0];
    assert_eq!((asked(&world).0, &file["attempts"]), (None, &2.into()));
    is_right(&world, file, "downloaded", &bytes);
}

#[test]
fn a_beginning_from_before_the_machine_started_serves_only_who_can_check_it() {
    let (world, bytes) = with_long_file();
    let digest = sha256(&world, &bytes);
    for (hash, status) in [(None, "downloaded"), (Some(digest.as_str()), "resumed")] {
        let url = world.server.url("/x");
        let mut get = vec!["get", "--cache", "data", &url];
        get.extend(hash.into_iter().flat_map(|hash| ["--hash", hash]));
        kill_at_half(&world, &get);
        let notes = partials(&world)[0].with_extension("json");
        let text = std::fs::read_to_string(&notes).unwrap();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        assert!(text.contains(boot.trim()), "{text}");
        std::fs::write(&notes, text.replace(boot.trim(), "another")).unwrap();
        is_right(&world, &world.records(&get, 0)[0], status, &bytes);
        std::fs::remove_dir_all(world.path("data")).unwrap();
    }
}

#[test]
fn who_waited_for_a_run_that_was_killed_goes_on_with_it() {
    let (world, bytes) = with_long_file();
    let get = ["get", "--cache", "data", &world.server.url("/x")];
    world.server.faults("/x", [Fault::Stall(HALF)]);
    let mut first = run_until(&world, &get, HALF as u64);
    let file = std::thread::scope(|scope| {
        let second = scope.spawn(|| world.records(&get, 0));
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(world.requests(), 1, "the partial is the first one's");
        first.kill().unwrap();
        first.wait().unwrap();
        second.join().unwrap().remove(0)
    });
    is_right(&world, &file, "resumed", &bytes);
}

#[test]
fn a_beginning_goes_when_the_whole_is_there() {
    let (world, bytes) = with_long_file();
    let digest = sha256(&world, &bytes);
    let get = ["get", "--cache", "data", "--hash", &digest, &world.server.url("/x")];
    kill_at_half(&world, &get);
    std::fs::write(world.path("data/x"), &bytes).unwrap();
    is_right(&world, &world.records(&get, 0)[0], "cached", &bytes);
    assert_eq!(world.requests(), 1);
}

#[test]
fn what_nobody_goes_on_with_is_swept() {
    let (world, _) = with_long_file();
    world.server.file("/y", "hello\n");
    let url = world.server.url("/x");
    let write = |name: &str, days: u64| {
        let path = world.write(name, "left");
        let then = SystemTime::now() - Duration::from_hours(days * 24);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
        path
    };
    kill_at_half(&world, &["get", "--cache", "data", &url]);
    let (half, there) = (partials(&world)[0].clone(), |path: &PathBuf| path.exists());
    std::fs::create_dir_all(world.path("data/deep")).unwrap();
    let old = write("data/deep/.snakepipe-old.part", 2);
    let new = write("data/deep/.snakepipe-new.part", 0);
    let held = write("data/.snakepipe-held.part", 2);
    let lock = std::fs::File::open(&held).unwrap();
    lock.lock().unwrap();
    let unknown = write("data/.fetch/partial/0123456789abcdef", 0);
    world.records(&["get", "--cache", "data", &world.server.url("/y")], 0);
    let left = [&half, &old, &new, &held, &unknown].map(there);
    assert_eq!(left, [true, false, true, true, false], "only what is old, unknown and nobody's goes");

    let long_ago = SystemTime::now() - Duration::from_hours(8 * 24);
    std::fs::File::options().write(true).open(&half).unwrap().set_modified(long_ago).unwrap();
    world.server.file("/z", "hello\n");
    world.records(&["get", "--cache", "data", &world.server.url("/z")], 0);
    assert!(!half.exists() && !half.with_extension("json").exists());
}

/// A server that gives these answers, one for each connection, and then tells what it was asked.
fn answering(answers: Vec<Vec<u8>>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let serve = move |answer: Vec<u8>| {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let asked: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        stream.write_all(&answer).unwrap();
        asked.join("\n").to_ascii_lowercase()
    };
    (url, std::thread::spawn(move || answers.into_iter().map(serve).collect()))
}

#[test]
fn a_time_is_a_version_only_when_it_is_past() {
    let bytes = noise(3_000_000, 1);
    let written = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (date, past) in [("Sun, 06 Nov 1994 08:49:38 GMT", true), ("Sun, 06 Nov 1994 08:49:37 GMT", false)] {
        let world = World::new();
        let head = format!("Last-Modified: {written}\r\nDate: {date}\r\nConnection: close\r\n");
        let whole = format!("HTTP/1.1 200 OK\r\n{head}Content-Length: 3000000\r\n\r\n");
        let rest = format!(
            "HTTP/1.1 206 Partial\r\n{head}Content-Range: bytes 2000000-2999999/3000000\r\nContent-Length: 1000000\r\n\r\n"
        );
        let first = [whole.as_bytes(), &bytes[..2_000_000]].concat();
        let second = if past {
            [rest.as_bytes(), &bytes[2_000_000..]].concat()
        } else {
            [whole.as_bytes(), &bytes[..]].concat()
        };
        let (url, asked) = answering(vec![first, second]);
        let file = &world.records(&["get", "--cache", "data", &url], 0)[0];
        assert_eq!(file["status"], if past { "resumed" } else { "downloaded" });
        assert!(std::fs::read(world.path("data/x")).unwrap() == bytes);
        let asked = asked.join().unwrap().remove(1);
        let if_range = format!("if-range: {}", written.to_ascii_lowercase());
        assert_eq!(
            (asked.contains("range: bytes=2000000-"), asked.contains(&if_range)),
            (past, past),
            "{asked}"
        );
    }
}
