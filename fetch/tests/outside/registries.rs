//! `fetch registry`: made, checked, converted; and read by pooch itself.

use std::path::Path;
use std::process::{Command, Stdio};

use super::server::Fault;
use super::{HELLO, World};

/// Names and their bytes that a registry has to quote.
const ODD: [&str; 6] = ["a b.txt", "it's.txt", "#hash", "q\"uote", "back\\slash", "é ☃"];

fn stdout(world: &World, args: &[&str]) -> String {
    kit::run(&mut world.fetch(args)).exits(0).stdout
}

fn odd_folder(world: &World) {
    std::fs::create_dir_all(world.path("data/sub/.hidden")).unwrap();
    for name in ODD {
        world.write(&format!("data/{name}"), "hello\n");
    }
    world.write("data/sub/.hidden/x", "hello\n");
}

#[test]
fn a_registry_is_made_sorted_without_itself() {
    let world = World::new();
    odd_folder(&world);
    std::os::unix::fs::symlink("a b.txt", world.path("data/link")).unwrap();
    std::os::unix::fs::symlink("..", world.path("data/circle")).unwrap();
    std::os::unix::fs::symlink("gone", world.path("data/dangling")).unwrap();
    let text = stdout(&world, &["registry", "make", "data"]);
    let mut names: Vec<&str> = ODD.to_vec();
    names.extend(["link", "sub/.hidden/x"]);
    names.sort_unstable();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), names.len(), "{text}");
    assert!(lines.iter().all(|line| line.ends_with(&format!(" {HELLO}"))), "{text}");

    let records = world.records(&["registry", "make", "data", "-o", "data/r.txt"], 0);
    assert_eq!(records.last().unwrap()["type"], "fetch.registry.written");
    let found: Vec<&str> = records.iter().filter_map(|record| record["name"].as_str()).collect();
    assert_eq!(found, names);
    // Once more, over itself, and by the redirection of a shell: it never lists itself.
    world.records(&["registry", "make", "data", "-o", "data/r.txt"], 0);
    assert_eq!(std::fs::read_to_string(world.path("data/r.txt")).unwrap(), text);
    let file = std::fs::File::create(world.path("data/r.txt")).unwrap();
    assert!(world.fetch(&["registry", "make", "data"]).stdout(file).status().unwrap().success());
    assert_eq!(std::fs::read_to_string(world.path("data/r.txt")).unwrap(), text);
}

#[test]
fn parts_of_a_folder_are_left_out() {
    let world = World::new();
    odd_folder(&world);
    let names =
        |args: &[&str]| stdout(&world, &[&["registry", "make", "data"], args].concat()).lines().count();
    assert_eq!(names(&["--no-recursive"]), 6);
    assert_eq!(names(&["--exclude", "*.txt"]), 5);
    assert_eq!(names(&["--exclude", ".hidden/"]), 6);
    assert_eq!(names(&["--exclude", "sub/.hidden/x"]), 6);
    assert_eq!(names(&["--exclude", "hidden/x"]), 7);
    let bad = kit::run(&mut world.fetch(&["registry", "make", "data", "--exclude", "[a"])).exits(2);
    assert!(bad.stderr.contains("bad pattern \"[a\""), "{}", bad.stderr);
}

#[test]
fn what_no_registry_can_hold_is_refused_and_the_old_one_stays() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new();
    std::fs::create_dir(world.path("data")).unwrap();
    world.write("r.txt", "# old\n");
    let bad = [std::ffi::OsStr::from_bytes(b"a\xff"), std::ffi::OsStr::new("a\nb")];
    for (name, said) in bad.into_iter().zip(["is not UTF-8", "has the end of a line in it"]) {
        std::fs::write(world.path("data").join(name), "").unwrap();
        let ran = kit::run(&mut world.fetch(&["registry", "make", "data", "-o", "r.txt"])).exits(2);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        std::fs::remove_file(world.path("data").join(name)).unwrap();
        assert_eq!(std::fs::read_to_string(world.path("r.txt")).unwrap(), "# old\n");
    }
    kit::run(&mut world.fetch(&["registry", "make", "gone"])).exits(2);
}

#[test]
fn pooch_reads_what_is_made_and_what_is_made_of_its_own_names() {
    let Ok(python) = kit::venv("bench") else { return };
    let world = World::new();
    odd_folder(&world);
    world.records(&["registry", "make", "data", "-o", "r.txt"], 0);
    let script = "import json, pooch\n\
        p = pooch.create(path='data', base_url='http://127.0.0.1:9/')\n\
        p.load_registry('r.txt')\n\
        print(json.dumps({name: p.fetch(name) for name in p.registry}))\n";
    let ran = kit::run(Command::new(python).args(["-c", script]).current_dir(world.folder.path())).exits(0);
    let fetched: std::collections::BTreeMap<String, String> = serde_json::from_str(&ran.stdout).unwrap();
    let mut names: Vec<&str> = ODD.to_vec();
    names.push("sub/.hidden/x");
    names.sort_unstable();
    // Fetched without a request: pooch found every file, and its hash right.
    assert_eq!(fetched.keys().map(String::as_str).collect::<Vec<_>>(), names);
}

#[test]
fn files_are_right_wrong_missing_or_unknown() {
    let world = World::new();
    odd_folder(&world);
    world.records(&["registry", "make", "data", "-o", "data/r.txt"], 0);
    let check = ["registry", "check", "data/r.txt", "data"];
    assert!(world.records(&check, 0).iter().all(|file| file["state"] == "right"));
    world.write("data/new", "");
    let strict = [&check[..], &["--strict"]].concat();
    let unknown = world.records(&check, 0).pop().unwrap();
    assert_eq!((&unknown["state"], &unknown["name"]), (&"unknown".into(), &"new".into()));
    world.records(&strict, 1);
    world.write("data/#hash", "spoilt");
    std::fs::remove_file(world.path("data/a b.txt")).unwrap();
    let checked = world.records(&check, 1);
    let state = |name: &str| checked.iter().find(|file| file["name"] == name).unwrap()["state"].clone();
    assert_eq!(
        (state("#hash"), state("a b.txt"), state("it's.txt")),
        ("wrong".into(), "missing".into(), "right".into())
    );
    world.write("out.txt", &format!("../out {HELLO}\n"));
    let ran = kit::run(&mut world.fetch(&["registry", "check", "out.txt", "data"])).exits(2);
    assert!(ran.stderr.contains("no path below"), "{}", ran.stderr);
}

#[test]
fn a_check_of_the_cache_looks_where_get_puts_files() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    world.write("r.txt", &format!("x {HELLO} {}\n", world.server.url("/x")));
    for cache in [&[][..], &["--cache", "data"], &["--layout", "pooch", "--cache", "pooch"]] {
        let check = [&["registry", "check", "r.txt"], cache].concat();
        assert_eq!(world.records(&check, 1)[0]["state"], "missing");
        world.records(&[&["get", "-r", "r.txt"], cache].concat(), 0);
        assert_eq!(world.records(&check, 0)[0]["state"], "right");
    }
}

fn convert(world: &World, text: &str, args: &[&str], exit: i32) -> kit::Ran {
    let input = std::fs::File::open(world.write("input", text)).unwrap();
    let args = [&["registry", "convert", "-"], args].concat();
    kit::run(world.fetch(&args).stdin(Stdio::from(input))).exits(exit)
}

#[test]
fn the_registry_of_scikit_image_goes_through_every_form() {
    let world = World::new();
    let path = kit::root().join("fetch/tests/fixtures/skimage-registry.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let json = convert(&world, &text, &["--to", "json"], 0).stdout;
    assert_eq!(json.lines().count(), 118);
    let back = convert(&world, &json, &["--to", "pooch"], 0).stdout;
    let plain = |text: &str| {
        let fields = |line: &str| {
            line.split_whitespace()
                .map(|field| field.trim_matches('"').replace("sha256:", ""))
                .collect::<Vec<_>>()
        };
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(fields)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
    };
    assert_eq!(plain(&back), plain(&text), "the same names, hashes and URLs");
    let sums = convert(&world, &text, &["--to", "sha256sum"], 0);
    assert_eq!(sums.stdout.lines().count(), 118);
    let without = convert(&world, &sums.stdout, &["--to", "pooch"], 0).stdout;
    let first_two =
        |lines: Vec<Vec<String>>| lines.into_iter().map(|line| line[..2].to_vec()).collect::<Vec<_>>();
    assert_eq!(plain(&without), first_two(plain(&text)));
}

#[test]
fn sha256sum_checks_what_is_written_and_what_it_writes_is_read() {
    let world = World::new();
    odd_folder(&world);
    std::fs::write(world.path("data/line\nend"), "hello\n").unwrap();
    let names: Vec<&str> = ODD.iter().copied().chain(["line\nend"]).collect();
    let sums = |args: &[&str]| {
        kit::run(Command::new("sha256sum").args(args).args(&names).current_dir(world.path("data"))).exits(0)
    };
    for tag in [&[][..], &["--tag"]] {
        let theirs = sums(tag).stdout;
        let ours = convert(&world, &theirs, &["--to", "sha256sum"], 0).stdout;
        assert_eq!(ours, sums(&[]).stdout);
        world.write("sums", &ours);
        kit::run(
            Command::new("sha256sum").args(["-c", "--strict", "../sums"]).current_dir(world.path("data")),
        )
        .exits(0);
    }
}

#[test]
fn what_cannot_be_converted_is_said() {
    let world = World::new();
    for (text, to, said) in [
        ("a b c d\n", "json", "standard input, line 1: expected 2 or 3 fields"),
        ("{\"name\":\"a\"}\n", "pooch", "\"a\" has no hash"),
        ("a md5:b1946ac92492d2347c6235b4d2611184\n", "sha256sum", "a hash by md5"),
        ("a \u{0}\n", "json", "bad hash"),
    ] {
        let ran = convert(&world, text, &["--to", to], 2);
        assert!(ran.stderr.contains(said) && ran.stdout.is_empty(), "{text:?}: {}", ran.stderr);
    }
    let invalid = kit::root().join("fetch/tests/fixtures/pooch/registry-invalid.txt");
    let ran = kit::run(&mut world.fetch(&["registry", "convert", invalid.to_str().unwrap(), "--to", "json"]))
        .exits(2);
    assert!(ran.stderr.contains("registry-invalid.txt, line 2:"), "{}", ran.stderr);
}

#[test]
fn every_registry_of_pooch_is_read() {
    let world = World::new();
    let folder = kit::root().join("fetch/tests/fixtures/pooch");
    for (name, entries) in [
        ("registry.txt", 10),
        ("registry_comments.txt", 10),
        ("registry-spaces.txt", 2),
        ("registry-custom-url.txt", 10),
    ] {
        let path = folder.join(name);
        let json = stdout(&world, &["registry", "convert", path.to_str().unwrap(), "--to", "json"]);
        assert_eq!(json.lines().count(), entries, "{name}");
    }
}

#[test]
fn registries_are_read_from_standard_input_and_several_are_one() {
    let world = World::new();
    world.server.file("/x", "hello\n").file("/y", "hello\n").file("/base/z", "hello\n");
    let line = |name: &str| format!("{name} {HELLO} {}\n", world.server.url(&format!("/{name}")));
    world.write("one.txt", &line("x"));
    let got = world.records_of_input(&["get", "-r", "one.txt", "-r", "-"], &line("y"), 0);
    assert_eq!(got.len(), 2);
    let twice = kit::run(&mut world.fetch(&["get", "-r", "-", "-"])).exits(2);
    assert!(twice.stderr.contains("- for more than one thing"), "{}", twice.stderr);

    let base = world.server.url("/base");
    let by_name = world.records_of_input(&["get", "-", "--base-url", &base], "{\"name\":\"z\"}", 0);
    assert_eq!(by_name[0]["url"], world.server.url("/base/z"));
    assert_eq!(world.records(&["get", "--base-url", &base, "z"], 0)[0]["name"], "z");
    assert!(Path::new(by_name[0]["path"].as_str().unwrap()).is_file());
}

#[test]
fn servers_are_asked_whether_they_have_the_files_and_none_is_got() {
    let world = World::new();
    world.server.file("/base/a%20b", "hello\n").file("/other/x", "hello\n");
    // One that knows no HEAD.
    world.server.faults("/other/x", [Fault::Status(405, None)]);
    world.write("r.txt", &format!("'a b' {HELLO}\nx {HELLO} {}\n", world.server.url("/other/x")));
    let base = world.server.url("/base");
    let check = ["registry", "check", "r.txt", "--online", "--base-url", &base];
    let checked = world.records(&check, 0);
    assert_eq!(checked.len(), 2);
    for file in &checked {
        assert_eq!(
            (&file["type"], &file["available"], &file["size_bytes"]),
            (&"fetch.file.checked".into(), &true.into(), &6.into())
        );
    }
    let asked: Vec<(String, bool)> = world
        .server
        .seen()
        .into_iter()
        .map(|seen| (seen.method, seen.headers.contains_key("range")))
        .collect();
    assert!(asked.iter().all(|(method, range)| method == "HEAD" || *range), "{asked:?}");
    assert!(!world.path("cache").exists(), "nothing is written");

    // Any form of a registry; what is missing is named, and what cannot be asked is an error.
    let sums = format!("{HELLO}  gone\n{HELLO}  a b\n");
    let ask = |exit| {
        world.records_of_input(
            &["registry", "check", "-", "--online", "--retries", "0", "--base-url", &base],
            &sums,
            exit,
        )
    };
    let checked = ask(1);
    let missing: Vec<_> = checked.iter().filter(|file| file["available"] == false).collect();
    assert_eq!(
        (missing.len(), &missing[0]["name"], &missing[0]["http_status"]),
        (1, &"gone".into(), &404.into())
    );
    world.server.faults("/base/gone", [Fault::Status(500, None)]);
    assert!(ask(2).iter().any(|record| record["type"] == "fetch.file.failed"));

    // The login goes along, as the availability check of pooch forgets.
    let mut command =
        world.fetch(&["registry", "check", "r.txt", "--online", "--base-url", &base, "--user", "me"]);
    kit::run(command.env("FETCH_PASSWORD", "s3cret")).exits(0);
    assert!(world.server.seen().pop().unwrap().headers.contains_key("authorization"));
    for wrong in [&["--base-url", "http://h/"][..], &["--online", "--strict"], &["--online", "data"]] {
        kit::run(&mut world.fetch(&[&["registry", "check", "r.txt"], wrong].concat())).exits(2);
    }
}
