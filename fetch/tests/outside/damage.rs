//! Cache folders that are full, read-only, spoilt, in several pieces, or taken away; and clocks that are set back.

use std::fs::FileTimes;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::serve::serve;
use super::server::Fault;
use super::{HELLO, World, files, leftovers, noise};

/// Runs `script` in mounts of its own, where `$FETCH` is the binary and `$URL` the server; nothing where this
/// machine does not let us mount, which is noted for the list of what is missing.
fn mounted(world: &World, script: &str) -> Option<kit::Ran> {
    let unshare = kit::tool("unshare", "util-linux").ok()?;
    let isolated = |script: &str| {
        let mut command = Command::new(&unshare);
        command.args(["--map-root-user", "--mount", "sh", "-ec", script]).current_dir(world.folder.path());
        command.env("FETCH", kit::binary("fetch")).env("URL", world.server.url(""));
        command.env("SNAKEPIPE_CACHE", world.path("cache")).stdin(Stdio::null());
        command
    };
    std::fs::create_dir_all(world.path("data")).unwrap();
    if kit::run(&mut isolated("mount -t tmpfs none data")).code != 0 {
        let _ = kit::Missing::new(
            "mounts of its own",
            "run the tests where user namespaces are allowed, or as root",
        );
        return None;
    }
    Some(kit::run(&mut isolated(script)))
}

/// The records of several runs, one frame after the other.
fn all_records(stdout: &str) -> Vec<Value> {
    stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn of_files(stdout: &str) -> Vec<Value> {
    let mut records = all_records(stdout);
    records.retain(|record| record["type"].as_str().unwrap().starts_with("fetch.file."));
    records
}

#[test]
fn a_full_disk_is_an_error_and_keeps_what_is_there() {
    let world = World::new();
    world.server.file("/old", "hello\n").file("/x", noise(3_000_000, 1));
    let script = "
        mount -t tmpfs -o size=2m none data
        $FETCH get --cache data $URL/old
        if $FETCH get --cache data $URL/x; then exit 9; fi
        cat data/old >&2
        find data -type f ! -path '*/index.*' ! -name swept >&2
        mount -o remount,size=16m data
        $FETCH get --cache data $URL/old $URL/x
        cmp data/x whole";
    std::fs::write(world.path("whole"), noise(3_000_000, 1)).unwrap();
    let Some(ran) = mounted(&world, script) else { return };
    let ran = ran.exits(0);
    let records = of_files(&ran.stdout);
    assert_eq!(
        (&records[1]["type"], &records[1]["code"]),
        (&"fetch.file.failed".into(), &"file_error".into())
    );
    assert_eq!(records[1]["hint"], "free some space and run it again");
    assert_eq!(records[1]["attempts"], 1, "no other attempt makes space");
    assert!(ran.stderr.contains("hello\ndata/old\n"), "nothing else is left: {}", ran.stderr);
    assert_eq!((&records[2]["status"], &records[3]["status"]), (&"cached".into(), &"downloaded".into()));
}

#[test]
fn a_full_disk_does_not_harm_the_file_that_is_replaced() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let script = "
        mount -t tmpfs -o size=1m none data
        $FETCH get --cache data $URL/x
        cp data/x before
        dd if=/dev/zero of=data/fill bs=4k 2>/dev/null || true
        touch -d @1 data/x
        if $FETCH get --cache data --refresh $URL/big; then exit 9; fi
        cmp data/x before";
    world.server.file("/big", noise(100_000, 2));
    let Some(ran) = mounted(&world, script) else { return };
    let records = of_files(&ran.exits(0).stdout);
    assert_eq!(
        (&records[1]["code"], &records[1]["hint"]),
        (&"file_error".into(), &"free some space and run it again".into())
    );
}

#[test]
fn a_read_only_cache_still_has_its_files() {
    let world = World::new();
    world.server.file("/x", "hello\n").file("/y", "hello\n");
    world.records(&["get", "--cache", "data", &world.server.url("/x")], 0);
    let script = "
        mount --bind data data
        mount -o remount,bind,ro data
        if touch data/z 2>/dev/null; then exit 9; fi
        $FETCH get --cache data $URL/x
        $FETCH get --cache data --verify full $URL/x
        if $FETCH get --cache data $URL/y; then exit 9; fi";
    let Some(ran) = mounted(&world, script) else { return };
    let ran = ran.exits(0);
    let records = of_files(&ran.stdout);
    assert_eq!((&records[0]["status"], &records[1]["status"]), (&"cached".into(), &"cached".into()));
    assert_eq!(
        (&records[2]["code"], &records[2]["hint"]),
        (&"file_error".into(), &"name a folder that can be written to".into())
    );
    assert_eq!(ran.stderr.matches("error:").count(), 1, "{}", ran.stderr);
    assert_eq!(world.requests(), 1);
}

#[test]
fn a_cache_in_two_file_systems_gets_whole_files() {
    let world = World::new();
    world.server.file("/x", noise(1_500_000, 3));
    std::fs::write(world.path("whole"), noise(1_500_000, 3)).unwrap();
    let request = serde_json::json!({"url": world.server.url("/x"), "dest": "other/x"}).to_string();
    world.write("request", &request);
    let script = "
        mkdir -p data/other
        mount -t tmpfs -o size=4m none data/other
        $FETCH get --cache data - < request
        cmp data/other/x whole
        $FETCH get --cache data - < request
        rm data/other/x
        dd if=/dev/zero of=data/other/fill bs=4k 2>/dev/null || true
        if $FETCH get --cache data - < request; then exit 9; fi
        rm data/other/fill
        find data/other data/.fetch/partial -type f >&2
        $FETCH get --cache data - < request
        cmp data/other/x whole";
    let Some(ran) = mounted(&world, script) else { return };
    let ran = ran.exits(0);
    let told: Vec<_> = of_files(&ran.stdout).iter().map(|record| record["status"].clone()).collect();
    assert_eq!(told, ["downloaded".into(), "cached".into(), Value::Null, "downloaded".into()]);
    assert!(!ran.stderr.contains("\ndata/"), "nothing half-written is left: {}", ran.stderr);
}

#[test]
fn a_cache_folder_removed_meanwhile_gets_no_wrong_file() {
    let world = World::new();
    let bytes = noise(1_000_000, 4);
    std::fs::create_dir(world.path("site")).unwrap();
    std::fs::write(world.path("site/x"), &bytes).unwrap();
    let serving = serve(&world, &["--rate", "500k"]);
    let url = serving.url("/x");
    let get = ["get", "--cache", "data", &url];
    let start = || world.fetch(&get).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let has_begun = || {
        let entries = std::fs::read_dir(world.path("data/.fetch/partial")).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).any(|state| state.len() > 100_000)
    };
    let mut first = start();
    while !has_begun() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::remove_dir_all(world.path("data")).unwrap();
    let mut second = start();
    // What the first would move into its place by name is the beginning that the second has.
    let ended = first.wait().unwrap();
    let there = std::fs::read(world.path("data/x"));
    assert!(there.is_err() || there.unwrap() == bytes, "a beginning was published");
    assert_eq!(ended.code(), Some(2));
    assert_eq!(second.wait().unwrap().code(), Some(0));
    assert!(std::fs::read(world.path("data/x")).unwrap() == bytes);
    assert_eq!(world.records(&get, 0)[0]["status"], "cached");
    assert_eq!(leftovers(&world.path("data")), [""; 0]);
}

#[test]
fn what_is_no_file_holds_nobody_up_and_is_not_written_through() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let get = ["get", "--cache", "data", "--hash", HELLO, &world.server.url("/x")];
    std::fs::create_dir_all(world.path("data")).unwrap();
    kit::run(Command::new("mkfifo").arg(world.path("data/x"))).exits(0);
    assert_eq!(world.records(&get, 0)[0]["status"], "updated");
    assert!(world.path("data/x").symlink_metadata().unwrap().is_file());

    std::fs::remove_file(world.path("data/x")).unwrap();
    world.write("outside", "mine");
    symlink(world.path("outside"), world.path("data/x")).unwrap();
    assert_eq!(world.records(&get, 0)[0]["status"], "updated");
    assert_eq!(std::fs::read(world.path("outside")).unwrap(), b"mine");

    // A link where a partial is to be.
    std::fs::remove_file(world.path("data/x")).unwrap();
    let name = kit::run(Command::new("sh").args(["-c", "printf x | sha256sum"])).exits(0).stdout;
    symlink(world.path("outside"), world.path("data/.fetch/partial").join(&name[..16])).unwrap();
    assert_eq!(world.records(&get, 2)[0]["code"], "file_error");
    assert_eq!(std::fs::read(world.path("outside")).unwrap(), b"mine");
}

#[test]
fn who_waits_for_another_process_can_be_interrupted() {
    let world = World::new();
    world.server.file("/x", noise(1_000_000, 6)).faults("/x", [Fault::Stall(600_000)]);
    let url = world.server.url("/x");
    let start = || {
        world
            .fetch(&["get", "--cache", "data", &url])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut first = start();
    while world.requests() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut second = start();
    // It waits for the partial from the moment when it has opened it.
    let partial = world.path("data/.fetch/partial");
    let opened = |link: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_link(link.unwrap().path()).is_ok_and(|path| path.starts_with(&partial))
    };
    while !std::fs::read_dir(format!("/proc/{}/fd", second.id())).unwrap().any(opened) {
        std::thread::sleep(Duration::from_millis(5));
    }
    kit::run(Command::new("kill").args(["-INT", &second.id().to_string()])).exits(0);
    let until = SystemTime::now() + Duration::from_secs(30);
    let ended = loop {
        match second.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if SystemTime::now() > until => break None,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    first.kill().unwrap();
    first.wait().unwrap();
    let _ = second.kill();
    assert_eq!(ended.and_then(|status| status.code()), Some(130));
}

#[test]
fn a_clock_set_back_makes_no_stale_hit_and_keeps_no_orphan() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    let get = ["get", "--cache", "data", "--hash", HELLO, &url];
    world.records(&get, 0);
    let future = SystemTime::now() + Duration::from_hours(24 * 365);
    let date = |path: &Path| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(future)).unwrap();
    };
    // Dated ahead by the clock that was; then other bytes of the same size, dated by the clock that is.
    date(&world.path("data/x"));
    assert_eq!(world.records(&get, 0)[0]["status"], "cached");
    world.write("data/x", "jello\n");
    assert_eq!(world.records(&get, 0)[0]["status"], "updated");
    let orphans = [
        world.write("data/.snakepipe-a.part", "left"),
        world.write("data/.fetch/partial/0123456789abcdef", "left"),
    ];
    std::fs::write(
        orphans[1].with_extension("json"),
        serde_json::json!({"place": "p", "url": "u", "validator": "v", "size_bytes": null, "boot": "b"})
            .to_string(),
    )
    .unwrap();
    for path in orphans.iter().chain([&world.path("data/.fetch/swept")]) {
        date(path);
    }
    std::fs::remove_file(world.path("data/x")).unwrap();
    world.records(&get, 0);
    assert!(orphans.iter().all(|path| !path.exists()));
}

#[test]
fn eight_processes_share_a_cache() {
    let world = World::new();
    let names: Vec<String> = (0..24).map(|number| format!("f{number}")).collect();
    let mut lines = String::new();
    for (name, seed) in names.iter().zip(0..) {
        let bytes = noise(1000 * (1 + (seed % 4) as usize * 300), seed);
        world.server.file(&format!("/{name}"), bytes.clone());
        std::fs::write(world.path(name), bytes).unwrap();
        let hashed = &world.records(&["hash", name], 0)[0];
        lines += &format!("{name} {}\n", hashed["digest"].as_str().unwrap());
    }
    world.write("r.txt", &lines);
    let base = world.server.url("/");
    // Each wants two thirds of them, so that every file is wanted by several.
    std::thread::scope(|scope| {
        for process in 0..8 {
            let picked: Vec<&str> = names
                .iter()
                .enumerate()
                .filter(|(number, _)| (number + process) % 3 > 0)
                .map(|(_, name)| name.as_str())
                .collect();
            let args =
                [&["get", "-r", "r.txt", "--base-url", &base, "--cache", "data"][..], &picked].concat();
            let world = &world;
            scope.spawn(move || assert_eq!(world.records(&args, 0).len(), 16));
        }
    });
    assert_eq!(world.requests(), names.len(), "each is got once");
    assert_eq!(files(&world.path("data")).len(), names.len());
    for name in &names {
        assert!(
            std::fs::read(world.path("data").join(name)).unwrap() == std::fs::read(world.path(name)).unwrap()
        );
    }
    assert_eq!(leftovers(&world.path("data")), [""; 0]);
}

#[test]
fn an_index_that_is_spoilt_or_forged_names_nothing_else() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let get = ["get", "--cache", "data", &world.server.url("/x")];
    world.records(&get, 0);
    let log = world.path("data/.fetch/index.jsonl");
    let whole = std::fs::read_to_string(&log).unwrap();
    // A digest that is not that of the file must never be told for it.
    std::fs::write(&log, whole.replace(&HELLO[..8], "00000000")).unwrap();
    let file = &world.records(&get, 0)[0];
    assert_eq!((&file["status"], &file["digest"]), (&"updated".into(), &format!("sha256:{HELLO}").into()));
    let outside = world.write("outside", "mine");
    let state = outside.metadata().unwrap();
    let forged = serde_json::json!({"path": "../outside", "size_bytes": state.size(), "mtime_ns": 1, "inode": state.ino(), "url": "u", "digests": []});
    let line = super::resum(&format!("{{\"sum\":\"0000000000000000\",{}\n", &forged.to_string()[1..]));
    std::fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(line.as_bytes()).unwrap();
    let listed = world.records(&["cache", "ls", "--cache", "data"], 0);
    assert_eq!(listed.len(), 1, "{listed:?}");
}
