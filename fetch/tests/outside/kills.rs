//! Runs that are killed at any moment, and what they leave for the next one.

use std::collections::HashMap;
use std::fs::FileTimes;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::server::Fault;
use super::{HELLO, World, files, leftovers, noise, resum};

/// So many runs are killed, unless `SNAKEPIPE_KILLS` says how many: `cargo xtask faults` does.
const KILLS: usize = 60;
/// A run without disturbance is over in less.
const LONGEST_LIFE: u64 = 40_000;

/// Names and bytes of what is served: an empty file, less than a piece, some pieces, many.
fn served() -> HashMap<String, Vec<u8>> {
    let sizes = [0, 6, 10_240, 300_000, 1_500_000, 6_000_000];
    (0..).zip(sizes).map(|(seed, size)| (format!("f{size}"), noise(size, seed))).collect()
}

/// Every file under its name has the right bytes, so whatever the index says of it is right too.
#[track_caller]
fn nothing_is_wrong(world: &World, served: &HashMap<String, Vec<u8>>) {
    for name in files(&world.path("data")) {
        let bytes = std::fs::read(world.path("data").join(&name)).unwrap();
        assert!(served.get(&name) == Some(&bytes), "{name} has {} bytes that are not its own", bytes.len());
    }
    for entry in index(world) {
        let name = entry["path"].as_str().unwrap();
        assert!(served.contains_key(name), "{entry}");
    }
}

/// The lines of the index that are whole.
fn index(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(world.path("data/.fetch/index.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Gets everything after the kills, and looks at all of it.
#[track_caller]
fn a_last_run_makes_it_right(world: &World, get: &[&str], served: &HashMap<String, Vec<u8>>) {
    let records = world.records(get, 0);
    assert_eq!(records.len(), served.len());
    for (name, bytes) in served {
        assert!(std::fs::read(world.path("data").join(name)).unwrap() == *bytes, "{name}");
    }
    assert_eq!(leftovers(&world.path("data")), [""; 0]);
    let before = world.requests();
    assert!(world.records(get, 0).iter().all(|file| file["status"] == "cached"));
    assert_eq!(world.requests(), before, "the index knows them all");
}

fn kill_and_look(pinned: bool) {
    let (world, served) = (World::new(), served());
    let mut lines = String::new();
    let mut urls = vec![];
    for (name, bytes) in &served {
        world.server.file(&format!("/{name}"), bytes.clone());
        std::fs::write(world.path(name), bytes).unwrap();
        let hashed = &world.records(&["hash", name], 0)[0];
        lines += &format!(
            "{name} {} {}\n",
            hashed["digest"].as_str().unwrap(),
            world.server.url(&format!("/{name}"))
        );
        urls.push(world.server.url(&format!("/{name}")));
    }
    world.write("r.txt", &lines);
    let mut get = vec!["get", "--cache", "data"];
    if pinned {
        get.extend(["-r", "r.txt"]);
    } else {
        get.extend(urls.iter().map(String::as_str));
    }
    let mut killed = 0;
    let kills = std::env::var("SNAKEPIPE_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    for (number, random) in (0..kills).zip(noise(8 * kills, 7).chunks(8)) {
        let before = files(&world.path("data"));
        let start = || world.fetch(&get).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Now and then another run is at it, which goes on for a while longer.
        let other = (random[1] % 4 == 0).then(start);
        let mut child = start();
        let life = u64::from_le_bytes(random.try_into().unwrap()) % LONGEST_LIFE;
        std::thread::sleep(Duration::from_micros(life));
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        nothing_is_wrong(&world, &served);
        if let Some(mut other) = other {
            std::thread::sleep(Duration::from_micros(life / 2));
            other.kill().unwrap();
            other.wait().unwrap();
            nothing_is_wrong(&world, &served);
        }
        let after = files(&world.path("data"));
        assert!(before.iter().all(|name| after.contains(name)), "{before:?} were there, then {after:?}");
        // There must be something to do for the next run, and something that goes wrong.
        let name = format!("f{}", [6, 10_240, 300_000, 1_500_000, 6_000_000][number % 5]);
        let _ = std::fs::remove_file(world.path("data").join(&name));
        if random[0] % 3 == 0 {
            world.server.faults(&format!("/{name}"), [Fault::Cut(served[&name].len() / 2)]);
        }
    }
    assert!(killed > 0, "no run was killed before its end");
    a_last_run_makes_it_right(&world, &get, &served);
}

#[test]
fn pinned_files_survive_kills_at_random_moments() {
    kill_and_look(true);
}

#[test]
fn files_without_a_hash_survive_kills_at_random_moments() {
    kill_and_look(false);
}

#[test]
fn an_index_whose_last_line_was_cut_short_costs_a_hash() {
    let world = World::new();
    world.server.file("/x", "hello\n").file("/y", "hello\n");
    let get = ["get", "--cache", "data", "--hash", HELLO, &world.server.url("/x")];
    world.records(&get, 0);
    let log = world.path("data/.fetch/index.jsonl");
    let text = std::fs::read(&log).unwrap();
    std::fs::write(&log, &text[..text.len() / 2]).unwrap();
    assert_eq!(world.records(&get, 0)[0]["status"], "cached");
    assert_eq!((world.requests(), index(&world).len()), (1, 1));
}

/// Spoils a file as a crash does that keeps its name and its stat but not its bytes.
fn spoil(path: &Path) {
    let state = std::fs::metadata(path).unwrap();
    let mut file = std::fs::File::options().write(true).open(path).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(state.len()), &mut file).unwrap();
    file.set_times(FileTimes::new().set_modified(state.modified().unwrap())).unwrap();
}

#[test]
fn a_short_file_counts_until_the_machine_starts_anew() {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    for (hash, lost) in [(true, false), (true, true), (false, false), (false, true)] {
        let world = World::new();
        world.server.file("/x", "hello\n");
        let url = world.server.url("/x");
        let get =
            [&["get", "--cache", "data", &url][..], if hash { &["--hash", HELLO] } else { &[] }].concat();
        world.records(&get, 0);
        let log = world.path("data/.fetch/index.jsonl");
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(text.contains(boot.trim()), "{text}");
        std::fs::write(&log, resum(&text.replace(boot.trim(), "an-earlier-one"))).unwrap();
        if lost {
            spoil(&world.path("data/x"));
        }
        let status = if lost { "updated" } else { "cached" };
        assert_eq!(world.records(&get, 0)[0]["status"], status);
        assert_eq!(std::fs::read(world.path("data/x")).unwrap(), b"hello\n");
        assert_eq!(world.requests(), 1 + usize::from(lost));
        // What a start has not harmed, no further one will.
        assert_eq!(index(&world).pop().unwrap()["boot"].is_null(), !lost);
    }
}

#[test]
fn a_file_that_no_line_vouches_for_is_never_a_hit() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    for spoilt in [&b""[..], b"\0\0\0\0\0\0"] {
        for hash in [&["--hash", HELLO][..], &[]] {
            std::fs::create_dir_all(world.path("data")).unwrap();
            std::fs::write(world.path("data/x"), spoilt).unwrap();
            let get = [&["get", "--cache", "data", &url][..], hash].concat();
            assert_eq!(world.records(&get, 0)[0]["status"], "updated");
            assert_eq!(std::fs::read(world.path("data/x")).unwrap(), b"hello\n");
            std::fs::remove_dir_all(world.path("data")).unwrap();
        }
    }
}

#[test]
fn a_long_file_is_durable_before_the_index_knows_it() {
    let Ok(strace) = kit::tool("strace", "strace") else { return };
    let world = World::new();
    let names: Vec<String> = (0..4).map(|number| format!("f{number}")).collect();
    for (name, seed) in names.iter().zip(0..) {
        world.server.file(&format!("/{name}"), noise(1_500_000, seed));
    }
    let urls: Vec<String> = names.iter().map(|name| world.server.url(&format!("/{name}"))).collect();
    let mut command = std::process::Command::new(strace);
    let calls = "trace=openat,rename,renameat,renameat2,fdatasync,fsync,write,close";
    command.args(["-f", "-y", "-s", "2000", "-e", calls, "-o"]).arg(world.path("calls"));
    command.arg(kit::binary("fetch")).args(["get", "--cache"]).arg(world.path("data")).args(&urls);
    kit::run(command.env("SNAKEPIPE_CACHE", world.path("cache")).current_dir(world.folder.path())).exits(0);
    let calls = std::fs::read_to_string(world.path("calls")).unwrap();
    let calls: Vec<&str> = calls.lines().collect();
    for name in &names {
        // `-y` shows the path that a descriptor has at that moment: its final one, as it was renamed before.
        let (file, line) = (format!("/data/{name}>"), format!("\\\"path\\\":\\\"{name}\\\""));
        let written = calls.iter().position(|call| call.contains("index.jsonl>") && call.contains(&line));
        let synced = calls.iter().position(|call| call.contains("fdatasync(") && call.contains(&file));
        let (written, synced) = (written.unwrap(), synced.unwrap());
        // It has returned when its line says so, or the line by which it goes on.
        let thread = calls[synced].split(' ').next().unwrap();
        let returned = (synced..calls.len()).find(|at| {
            calls[*at].starts_with(thread) && calls[*at].contains("fdatasync") && calls[*at].ends_with("= 0")
        });
        assert!(returned.unwrap() < written, "{name}: {} comes before its sync", calls[written]);
    }
}
