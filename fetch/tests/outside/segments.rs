//! Long files that come by several connections.

use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::server::Fault;
use super::{World, leftovers, noise};

const MIB: usize = 1 << 20;
const WHOLE: usize = 24 * MIB + 12_345;
/// By one connection the file would take six seconds.
const RATE: usize = 4 * MIB;
/// Does nothing to the first request, which is for the whole file.
const FIRST: Fault = Fault::Slow(Duration::ZERO);

/// A world whose server is slow with each connection.
fn throttled() -> (World, Vec<u8>) {
    let (world, bytes) = (World::new(), noise(WHOLE, 3));
    world.server.file("/x", bytes.clone()).throttle("/x", RATE);
    (world, bytes)
}

fn get(world: &World, more: &[&str]) -> Value {
    let url = world.server.url("/x");
    world.records(&[&["get", "--cache", "data", &url], more].concat(), 0).remove(0)
}

/// The ranges asked for: first byte and the one behind the last, where they were given.
fn ranges(world: &World) -> Vec<Option<String>> {
    world.server.seen().iter().map(|seen| seen.headers.get("range").cloned()).collect()
}

#[track_caller]
fn is_right(world: &World, file: &Value, bytes: &[u8]) {
    assert!(std::fs::read(world.path("data/x")).unwrap() == bytes, "{file}");
    std::fs::write(world.path("to-hash"), bytes).unwrap();
    assert_eq!(file["digest"], world.records(&["hash", "to-hash"], 0)[0]["digest"]);
    assert_eq!(leftovers(&world.path("data")), [""; 0]);
}

#[test]
fn a_server_that_is_slow_with_each_connection_is_asked_by_several() {
    let (world, bytes) = throttled();
    let file = get(&world, &["--segments", "4"]);
    is_right(&world, &file, &bytes);
    assert_eq!((&file["status"], &file["attempts"]), (&"downloaded".into(), &world.requests().into()));
    let seen = world.server.seen();
    assert!(seen.len() >= 4, "{seen:?}");
    assert_eq!(ranges(&world)[0], None);
    let etag = format!("\"{}-", bytes.len());
    assert!(seen[1..].iter().all(|part| part.headers["if-range"].starts_with(&etag)), "{seen:?}");
}

#[test]
fn one_connection_is_enough_where_more_are_not_wanted_or_not_possible() {
    let (world, bytes) = throttled();
    is_right(&world, &get(&world, &["--segments", "1"]), &bytes);
    assert_eq!(world.requests(), 1);
    std::fs::remove_dir_all(world.path("data")).unwrap();
    // It does not say that it has ranges.
    world.server.faults("/x", [Fault::NoRange]);
    is_right(&world, &get(&world, &[]), &bytes);
    assert_eq!(world.requests(), 2);
}

#[test]
fn parts_that_break_off_are_gone_on_with() {
    let (world, bytes) = throttled();
    let faults = [
        FIRST,
        Fault::Cut(500_000),
        Fault::Status(503, Some("0")),
        Fault::Cut(0),
        Fault::Stall(70_000),
        Fault::Cut(1_000_000),
    ];
    world.server.faults("/x", faults);
    let file = get(&world, &["--segments", "4"]);
    is_right(&world, &file, &bytes);
    assert!(world.requests() > 5, "{:?}", ranges(&world));
}

#[test]
fn a_first_connection_that_breaks_off_or_stands_still_is_replaced() {
    for fault in [Fault::Cut(3_000_000), Fault::Stall(3_000_000)] {
        let (world, bytes) = throttled();
        world.server.faults("/x", [fault]);
        is_right(&world, &get(&world, &[]), &bytes);
    }
}

#[test]
fn another_range_than_asked_for_is_refused() {
    for wrong in [Fault::WrongRange, Fault::NoRange, Fault::Status(416, None)] {
        let (world, bytes) = throttled();
        world.server.faults("/x", [FIRST, wrong.clone(), wrong.clone(), wrong.clone()]);
        let file = get(&world, &["--segments", "4", "--retries", "0"]);
        is_right(&world, &file, &bytes);
        assert!((2..=4).contains(&world.requests()), "{wrong:?}: {:?}", ranges(&world));
    }
}

#[test]
fn a_file_that_changes_between_its_parts_is_got_anew() {
    let (world, _) = throttled();
    let changed = noise(WHOLE, 4);
    world.server.faults("/x", [FIRST, FIRST, Fault::Replaced(changed.clone())]);
    let file = get(&world, &["--segments", "4"]);
    is_right(&world, &file, &changed);
    assert_eq!(file["status"], "downloaded");
}

/// The partial in the cache, with the ranges that its notes name.
fn noted(world: &World) -> Option<(PathBuf, Vec<Range<usize>>)> {
    let entries = std::fs::read_dir(world.path("data/.fetch/partial")).ok()?;
    let notes = entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "json"))?;
    let read: Value = serde_json::from_slice(&std::fs::read(&notes).ok()?).ok()?;
    let place = |part: &Value, end: &str| usize::try_from(part[end].as_u64().unwrap()).unwrap();
    let parts = read["parts"].as_array().into_iter().flatten();
    let parts = parts.map(|part| place(part, "start")..place(part, "end")).collect();
    Some((notes.with_extension(""), parts))
}

/// What the notes say is there, is there.
#[track_caller]
fn notes_are_true(world: &World, bytes: &[u8]) -> usize {
    let Some((partial, parts)) = noted(world) else { return 0 };
    let there = std::fs::read(partial).unwrap();
    if parts.is_empty() {
        assert!(bytes.starts_with(&there));
        return there.len();
    }
    for part in &parts {
        assert!(there.get(part.clone()) == bytes.get(part.clone()), "{part:?}");
    }
    parts.iter().map(Range::len).sum()
}

fn start(world: &World) -> Child {
    let mut command = world.fetch(&["get", "--cache", "data", &world.server.url("/x")]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_killed_run_is_gone_on_with_part_by_part() {
    let (world, bytes) = throttled();
    // So slow that it is still at it when it notes its parts for the second time.
    world.server.throttle("/x", RATE / 8);
    let mut child = start(&world);
    // Some parts behind gaps.
    while noted(&world).is_none_or(|(_, parts)| parts.len() < 3) {
        assert!(child.try_wait().unwrap().is_none(), "it is over before any part was noted");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!world.path("data/x").exists());
    let (_, parts) = noted(&world).unwrap();
    assert!(notes_are_true(&world, &bytes) > 0);
    let before = world.requests();
    world.server.throttle("/x", RATE);
    let file = get(&world, &[]);
    is_right(&world, &file, &bytes);
    assert_eq!(file["status"], "resumed");
    let asked: Vec<String> = ranges(&world).split_off(before).into_iter().flatten().collect();
    assert_eq!(asked[0], format!("bytes={}-", parts[0].end));
    // No further request begins where bytes were noted.
    for range in &asked[1..] {
        let from: usize = range.trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap();
        assert!(parts.iter().all(|part| !part.contains(&from)), "{range} of {parts:?}");
    }
}

#[test]
fn runs_killed_at_random_moments_leave_nothing_wrong() {
    let (world, bytes) = throttled();
    for random in noise(8, 11) {
        let mut child = start(&world);
        std::thread::sleep(Duration::from_millis(2 * u64::from(random)));
        child.kill().unwrap();
        child.wait().unwrap();
        notes_are_true(&world, &bytes);
    }
    // Gone on with by one connection, as well.
    is_right(&world, &get(&world, &["--segments", "1"]), &bytes);
}

#[test]
fn an_interrupted_run_ends_at_once_and_keeps_what_it_has() {
    let (world, bytes) = throttled();
    world.server.faults("/x", [FIRST, Fault::Stall(10_000), Fault::Stall(10_000)]);
    let mut child = start(&world);
    while noted(&world).is_none_or(|(_, parts)| parts.len() < 2) {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    // A silent server would hold a connection for a minute; kit's limit is not what ends this.
    let began = std::time::Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(notes_are_true(&world, &bytes) > 0);
    is_right(&world, &get(&world, &[]), &bytes);
}

/// nginx with a folder of files, 4 MiB a second for each connection; it ends with the test.
struct Nginx {
    process: Child,
    port: u16,
}

impl Nginx {
    fn start(program: &Path, folder: &Path) -> Nginx {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.join("nginx.conf");
        let temp = folder.display();
        let text = format!(
            "daemon off; master_process off; pid {temp}/nginx.pid; error_log stderr;
             events {{ }}
             http {{ access_log off; client_body_temp_path {temp}/b; proxy_temp_path {temp}/p;
               fastcgi_temp_path {temp}/f; uwsgi_temp_path {temp}/u; scgi_temp_path {temp}/s;
               server {{ listen 127.0.0.1:{port}; root {temp}; limit_rate 4m; }} }}"
        );
        std::fs::write(&config, text).unwrap();
        let process = Command::new(program)
            .args(["-e", "stderr", "-c"])
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Nginx { process, port };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn nginx_that_limits_each_connection_is_asked_by_several() {
    let program = kit::tool("nginx", "nginx").unwrap();
    let (world, bytes) = (World::new(), noise(WHOLE, 5));
    std::fs::write(world.path("x"), &bytes).unwrap();
    let nginx = Nginx::start(&program, world.folder.path());
    let url = format!("http://127.0.0.1:{}/x", nginx.port);
    let file = world.records(&["get", "--cache", "data", &url], 0).remove(0);
    is_right(&world, &file, &bytes);
    assert!(file["attempts"].as_u64().unwrap() > 1, "{file}");
}
