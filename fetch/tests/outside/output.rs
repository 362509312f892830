//! Who reads: people at a terminal, programs in a pipe, or nobody any more.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::json;

use super::{HELLO, World};

#[test]
fn a_terminal_gets_text_and_the_line_to_pin() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let cache = world.path("cache");
    let envs = [("SNAKEPIPE_CACHE", cache.to_str().unwrap())];
    let (good, bad) = (world.server.url("/x"), world.server.url("/none"));
    let screen = kit::in_terminal(&kit::binary("fetch"), &["get", &good, &bad], world.folder.path(), &envs);
    assert_eq!(screen.code, 2);
    assert!(!screen.text.contains("{\"v\":1"), "{}", screen.text);
    assert!(screen.text.contains("downloaded"), "{}", screen.text);
    let pin = format!("x sha256:{HELLO} {good}");
    assert!(screen.text.contains(&pin), "{}", screen.text);
    assert!(screen.text.contains("the server has no such file (HTTP 404)"), "{}", screen.text);
    assert!(screen.text.contains("2 files"), "{}", screen.text);

    // The line does what it says.
    world.write("r.txt", &pin);
    world.records(&["get", "-r", "r.txt"], 0);
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let mut child = world
        .fetch(&["get", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let line =
        |number| json!({"url": world.server.url("/x"), "name": format!("{number}")}).to_string() + "\n";
    input.write_all(line(0).as_bytes()).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    assert!(first.contains("fetch.run.started"), "{first}");
    drop(output);
    // The writer keeps its end open: nothing but the missing reader ends the run.
    let _ = (1..50).try_for_each(|number| input.write_all(line(number).as_bytes()));
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
    drop(input);
}

#[test]
fn records_come_as_files_finish() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let mut child = world.fetch(&["get", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    for number in 0..3 {
        let request = json!({"url": world.server.url("/x"), "name": format!("{number}")});
        writeln!(input, "{request}").unwrap();
        // Standard input stays open, so a record that waits for its end would never come.
        assert!(lines.next().unwrap().unwrap().contains(&format!("\"name\":\"{number}\"")));
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn ctrl_c_leaves_nothing_half_written() {
    use super::server::Fault;
    let world = World::new();
    let slow = Fault::Slow(std::time::Duration::from_secs(2));
    world.server.file("/x", "hello\n").faults("/x", [slow]);
    let url = world.server.url("/x");
    let child = world.fetch(&["get", "--cache", "data", &url]).stdout(Stdio::piped()).spawn().unwrap();
    while world.requests() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    kit::records("fetch", &String::from_utf8_lossy(&ended.stdout));
    assert!(super::files(&world.path("data")).is_empty());
}

#[test]
fn usage_errors_say_what_to_do() {
    let world = World::new();
    for (args, said) in [
        (&["get"][..], "no file is asked for"),
        (&["get", "x.txt"], "is not a URL"),
        (&["get", "-", "http://h/x"], "- together with URLs"),
        (&["get", "--hash", "md5:0", "http://h/x"], "bad --hash"),
        (&["get", "--hash", HELLO, "http://h/x", "http://h/y"], "one --hash for 2 URLs"),
        (&["get", "-r", "gone.txt"], "failed to read gone.txt"),
        (&["hash", "--algorithm", "crc", "x"], "unknown hash algorithm \"crc\""),
        (&["hash", "gone"], "failed to read gone"),
    ] {
        let ran = kit::run(&mut world.fetch(args)).exits(2);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn hash_prints_every_algorithm() {
    let world = World::new();
    world.write("x", "hello\n");
    for (algorithm, hex) in [
        ("sha256", HELLO),
        ("MD5", "b1946ac92492d2347c6235b4d2611184"),
        ("sha1", "f572d396fae9206628714fb2ce00f72e94f2258f"),
    ] {
        let hashed = &world.records(&["hash", "-a", algorithm, "x"], 0)[0];
        assert_eq!(hashed["digest"], format!("{}:{hex}", algorithm.to_lowercase()));
        assert_eq!(hashed["size_bytes"], 6);
    }
}
