//! What a request carries, to whom it is told, and that nobody else hears of it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{Fault, Server};
use super::{HELLO, World};

const SECRET: &str = "s3cret";
/// base64.b64encode(b"me:s3cret")
const BASIC: &str = "Basic bWU6czNjcmV0";

/// Everything below a folder, as text.
fn all_text(folder: &std::path::Path) -> String {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let text = |path: std::path::PathBuf| {
        if path.is_dir() {
            return all_text(&path);
        }
        String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()
    };
    entries.map(|entry| text(entry.path())).collect()
}

/// Asserts that neither the secret nor its base64 is anywhere in what a run said or left behind.
#[track_caller]
fn assert_untold(world: &World, ran: &kit::Ran) {
    for told in [&ran.stdout, &ran.stderr, &all_text(&world.path("cache"))] {
        assert!(!told.contains(SECRET) && !told.contains(&BASIC[6..]), "{told}");
    }
}

/// Every way to give a secret: arguments, variables, and JSON on standard input with the URL to be put in.
fn ways(world: &World) -> Vec<(Command, Option<serde_json::Value>)> {
    let host = "127.0.0.1";
    let netrc = world.write("netrc", &format!("machine {host} login me password {SECRET}"));
    let token = world.write("token", &format!("Authorization: Bearer {SECRET}\nX-Token: {SECRET}\n"));
    let token = format!("@{}", token.display());
    let netrc = netrc.to_str().unwrap();
    let mut ways = Vec::new();
    for args in [
        vec![
            "--header",
            "Authorization: Bearer s3cret",
            "-H",
            "X-Token: s3cret",
            "--header=Cookie: a=s3cret",
        ],
        vec!["--header", &token],
        vec!["--user", "me"],
        vec!["--user", "me", "--netrc-file", netrc],
        vec!["--netrc-file", netrc],
    ] {
        let mut command = world.fetch(&["get", "-vv", "--retries", "0"]);
        command.args(&args);
        if args == ["--user", "me"] {
            command.env("FETCH_PASSWORD", SECRET);
        }
        ways.push((command, None));
    }
    for extra in [
        json!({"auth": {"user": "me", "password": SECRET}}),
        json!({"auth": {"bearer": SECRET}, "headers": {"Cookie": SECRET}}),
        json!({"auth": {"env": "FETCH_TEST_LOGIN"}}),
    ] {
        let mut command = world.fetch(&["get", "-vv", "--retries", "0", "-"]);
        command.env("FETCH_TEST_LOGIN", format!("me:{SECRET}"));
        ways.push((command, Some(extra)));
    }
    ways
}

fn run(world: &World, command: &mut Command, extra: Option<serde_json::Value>, url: &str) -> kit::Ran {
    match extra {
        Some(mut request) => {
            request["url"] = url.into();
            let input = world.write("input.json", &request.to_string());
            kit::run(command.stdin(std::fs::File::open(input).unwrap()))
        }
        None => kit::run(command.arg(url)),
    }
}

/// Whether a server was told the secret with its last request.
fn told(server: &Server) -> bool {
    let seen = server.seen();
    let mut values = seen.last().unwrap().headers.values();
    values.any(|value| value.contains(SECRET) || value == BASIC)
}

#[test]
fn no_secret_leaves_its_origin() {
    let world = World::new();
    let ways = ways(&world).len();
    for way in 0..ways {
        for (path, elsewhere) in [("/same", false), ("/host", true), ("/port", true)] {
            let world = World::new();
            let other = Server::new();
            other.file("/x", "hello\n");
            world.server.file("/x", "hello\n");
            let target = match path {
                "/same" => "/x".to_owned(),
                // The same machine by another name.
                "/host" => world.server.url("/x").replace("127.0.0.1", "localhost"),
                _ => other.url("/x"),
            };
            world.server.faults(path, [Fault::Redirect(target)]);
            let (mut command, extra) = self::ways(&world).swap_remove(way);
            let ran = run(&world, &mut command, extra, &world.server.url(path)).exits(0);
            let last = if path == "/port" { &other } else { &world.server };
            // What netrc has for a host is for all its ports.
            let allowed = !elsewhere || path == "/port" && (3..=4).contains(&way);
            assert_eq!(told(last), allowed, "way {way} {path}: {:?}", last.seen());
            let first = &world.server.seen()[0];
            assert!(first.headers.values().any(|value| value.contains(SECRET) || value == BASIC), "{way}");
            assert_untold(&world, &ran);
        }
    }
}

#[test]
fn no_secret_is_told_by_an_error() {
    let world = World::new();
    let (mut commands, url) = (ways(&world), world.server.url("/none?token=s3cret"));
    commands.push((world.fetch(&["get", "-vv"]), None));
    for (index, (mut command, extra)) in commands.into_iter().enumerate() {
        let url = if index == 8 { url.replace("//", "//me:s3cret@") } else { url.clone() };
        let ran = run(&world, &mut command, extra, &url).exits(2);
        assert!(told(&world.server), "{index}");
        assert!(ran.stdout.contains("not_found"), "{}", ran.stdout);
        assert_untold(&world, &ran);
    }
    world.server.faults("/denied", [Fault::Status(401, None)]);
    let denied = world.server.url("/denied").replace("//", "//me:s3cret@");
    let ran = kit::run(&mut world.fetch(&["get", &denied])).exits(2);
    assert!(ran.stderr.contains("~/.netrc") && ran.stderr.contains("--header @FILE"), "{}", ran.stderr);
    assert_untold(&world, &ran);
}

#[test]
fn usage_errors_show_no_secret() {
    let world = World::new();
    for (args, said) in [
        (&["http://me:s3cret@h/x"][..], "unrecognized subcommand"),
        (&["get", "--dev-version=x", "--base-url=http://me:s3cret@h/", "http://me:s3cret@h/x"], "required"),
        (&["get", "--user", "me:s3cret", "http://h/x"], "a password on the command line"),
        (&["get", "--user", "me", "http://h/x"], "no password for --user me"),
        (&["get", "--header", "s3cret", "http://h/x"], "a header is not `Name: value`"),
        (&["get", "--header", "X-A: s3cret\u{1}", "http://h/x"], "the value of header X-A"),
        (&["get", "--header", "Range: s3cret", "http://h/x"], "Range is set by fetch itself"),
        (&["get", "--proxy", "ftp://me:s3cret@h", "http://h/x"], "bad proxy in --proxy"),
        (&["get", "--header", "@gone", "http://h/x"], "failed to read gone"),
    ] {
        let ran = kit::run(&mut world.fetch(args)).exits(2);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
        assert_untold(&world, &ran);
    }
    let bad = world.write("bad.json", "{\"url\":\"http://h/x\",\"auth\":{\"env\":\"HOME\"}}");
    let ran = kit::run(world.fetch(&["get", "-"]).stdin(std::fs::File::open(bad).unwrap())).exits(2);
    assert!(ran.stderr.contains("only those that begin with FETCH_"), "{}", ran.stderr);
}

#[test]
fn the_process_title_has_no_secret() {
    let world = World::new();
    let slow = Fault::Slow(Duration::from_secs(2));
    world.server.file("/x", "hello\n").faults("/x", [slow]);
    let url = world.server.url("/x").replace("//", "//me:s3cret@");
    let args = ["get", "--header", "X-Token: s3cret", "--proxy=", &url, "--jobs=3"];
    let mut child = world.fetch(&args).stdout(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    while world.requests() == 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    let title = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    let title = String::from_utf8(title).unwrap();
    assert!(child.try_wait().unwrap().is_none(), "the server holds the request");
    assert!(!title.contains(SECRET), "{title:?}");
    let words: Vec<&str> = title.split('\0').filter(|word| !word.is_empty()).skip(1).collect();
    let shown = world.server.url("/x");
    assert_eq!(words, ["get", "--header", "X-Token: ***", "--proxy=", &shown, "--jobs=3"]);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success());
    let seen = &world.server.seen()[0];
    assert_eq!((&seen.headers["authorization"][..], &seen.headers["x-token"][..]), (BASIC, SECRET));
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(!said.contains(SECRET), "{said}");
}

#[test]
fn a_netrc_file_is_found_where_it_is_by_custom() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let text = format!("machine 127.0.0.1 login me password {SECRET}\n");
    let home = world.path("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join(".netrc"), &text).unwrap();
    let named = world.write("named", &text);
    let url = world.server.url("/x");
    for (index, (name, value)) in [("HOME", &home), ("NETRC", &named)].into_iter().enumerate() {
        let folder = index.to_string();
        let mut command = world.fetch(&["get", "--cache", &folder, &url]);
        kit::run(command.env_remove("NETRC").env(name, value)).exits(0);
        assert_eq!(world.server.seen().pop().unwrap().headers["authorization"], BASIC);
    }
    // Another host's login is for nobody here, and a bad file that was not asked for ends no run.
    let other = world.write("other", "machine localhost login me password s3cret");
    let bad = world.write("bad", "machine 127.0.0.1\nlogin me\nsecret s3cret\n");
    for (index, path) in [other, bad.clone()].into_iter().enumerate() {
        let folder = format!("more{index}");
        let ran = kit::run(world.fetch(&["get", "--cache", &folder, &url]).env("NETRC", path)).exits(0);
        assert!(!world.server.seen().pop().unwrap().headers.contains_key("authorization"));
        assert_eq!(ran.stderr.contains("bad, line 3"), index == 1, "{}", ran.stderr);
        assert!(!ran.stderr.contains(SECRET));
    }
    let ran = kit::run(&mut world.fetch(&["get", "--netrc-file", bad.to_str().unwrap(), &url])).exits(2);
    assert!(ran.stderr.contains("bad, line 3") && !ran.stderr.contains(SECRET), "{}", ran.stderr);
}

#[test]
fn redirects_end() {
    let world = World::new();
    let to = |path: &str| Fault::Redirect(world.server.url(path));
    world.server.faults("/circle", [to("/back")]).faults("/back", [to("/circle")]);
    for step in 0..12 {
        world.server.faults(&format!("/step{step}"), [to(&format!("/step{}", step + 1))]);
    }
    world.server.faults("/file", [Fault::Redirect("file:///etc/hostname".into())]);
    for (path, to) in
        [("/ftp", "ftp://127.0.0.1/x"), ("/doi", "doi:10.5281/zenodo.1/x"), ("/s3", "s3://bucket/x")]
    {
        world.server.faults(path, [Fault::Redirect(to.into())]);
    }
    world.server.faults("/odd", [Fault::Redirect("gopher://h/".into())]);
    for (path, said) in [
        ("/circle", "leads back to itself"),
        ("/step0", "more than 10"),
        ("/file", "no place that a server may lead to"),
        ("/ftp", "no place that a server may lead to"),
        ("/doi", "no place that a server may lead to"),
        ("/s3", "no place that a server may lead to"),
        ("/odd", "gopher: URLs are not supported"),
    ] {
        let failed = &world.records(&["get", &world.server.url(path)], 2)[0];
        assert_eq!((&failed["code"], &failed["attempts"]), (&"bad_redirect".into(), &1.into()), "{failed}");
        assert!(failed["message"].as_str().unwrap().contains(said), "{failed}");
    }
    world.server.file("/x", "hello\n").faults("/near", [Fault::Redirect("x".into())]);
    let file = &world.records(&["get", "--hash", HELLO, &world.server.url("/near")], 0)[0];
    assert_eq!(file["url"], world.server.url("/near"), "what was asked for is what is recorded");
}

#[test]
fn whether_files_are_there_is_asked_without_getting_them() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    world.server.faults("/x", [Fault::Status(405, None)]);
    let (there, none) = (world.server.url("/x"), world.server.url("/none"));
    let file = &world.records(&["get", "--check", "--user", "me", "--cache", "data", &there], 2);
    assert_eq!(file.last().unwrap()["type"], "fetch.run.failed", "no password is given");
    let file = &world.records(&["get", "--check", "--cache", "data", &there], 0)[0];
    assert_eq!((&file["type"], &file["available"]), (&"fetch.file.checked".into(), &true.into()));
    assert_eq!((&file["size_bytes"], &file["http_status"]), (&6.into(), &206.into()));
    let methods: Vec<String> = world.server.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["HEAD", "GET"]);
    assert_eq!(world.server.seen()[1].headers["range"], "bytes=0-0");
    let file = &world.records(&["get", "--check", &none], 1)[0];
    assert_eq!((&file["available"], &file["http_status"]), (&false.into(), &404.into()));
    let urls = [&none, "http://127.0.0.1:9/x"];
    let request = json!({"urls": urls, "name": "a", "id": 7}).to_string();
    let failed = &world.records_of_input(&["get", "--check", "--retries", "0", "-"], &request, 2)[0];
    assert_eq!((&failed["code"], &failed["id"]), (&"connection_failed".into(), &7.into()));
    let request = json!({"urls": [&none, &there], "name": "a", "id": 7, "auth": {"bearer": "t"}}).to_string();
    let found = &world.records_of_input(&["get", "--check", "-"], &request, 0)[0];
    assert_eq!((&found["url"], &found["attempts"], &found["id"]), (&there.into(), &2.into(), &7.into()));
    assert_eq!(world.server.seen().pop().unwrap().headers["authorization"], "Bearer t");
    assert!(found.get("auth").is_none());
    assert!(!world.path("data").join("x").exists());
}

/// Gets `x` as somebody, and tells what became of it.
fn got_as(world: &World, way: &[&str], who: &[&str]) -> String {
    let mut command = world.fetch(&[&["get"], way, who, &[&world.server.url("/x")]].concat());
    let ran = kit::run(command.env("FETCH_PASSWORD", SECRET)).exits(0);
    kit::records("fetch", &ran.stdout)[1]["status"].as_str().unwrap().to_owned()
}

#[test]
fn what_came_for_one_is_not_given_to_another() {
    let token = |world: &World, name: &str| {
        let path = world.write(name, &format!("Authorization: Bearer {SECRET}-{name}\n"));
        format!("@{}", path.display())
    };
    for way in [&[][..], &["--cache", "data"]] {
        let world = World::new();
        world.server.file("/x", "hello\n");
        let (one, two) = (token(&world, "one"), token(&world, "two"));
        let all = [&[][..], &["--user", "me"], &["--user", "you"], &["--header", &one], &["--header", &two]];
        for (number, who) in all.iter().enumerate() {
            let first = got_as(&world, way, who);
            assert!(first == "downloaded" || first == "updated", "{way:?} {who:?}: {first}");
            assert_eq!(
                (got_as(&world, way, who).as_str(), world.requests()),
                ("cached", number + 1),
                "{way:?} {who:?}"
            );
        }
        // Who knows the hash knows the file.
        for who in all {
            let pinned = [who, &["--hash", HELLO]].concat();
            assert_eq!(got_as(&world, way, &pinned), "cached", "{way:?} {who:?}");
        }
        assert_eq!(world.requests(), all.len());
        let folder = if way.is_empty() { "cache/fetch" } else { "data" };
        let index = std::fs::read_to_string(world.path(folder).join(".fetch/index.jsonl")).unwrap();
        assert!(!index.contains(SECRET) && !index.contains("\"me\"") && index.contains("\"who\""), "{index}");
        if way.is_empty() {
            // In the shared cache each has a place of their own.
            assert_eq!(got_as(&world, way, all[1]), "cached");
            assert_eq!(world.requests(), all.len());
        }
    }
}

#[test]
fn one_run_keeps_the_files_of_two_users_apart() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let line = |user: &str| json!({"url": world.server.url("/x"), "auth": {"user": user}}).to_string() + "\n";
    let both = line("me") + &line("you");
    let files = world.records_of_input(&["get", "-"], &both, 0);
    assert!(files[0]["path"] != files[1]["path"], "{files:?}");
    let records = world.records_of_input(&["get", "--cache", "data", "-"], &both, 2);
    assert!(records.iter().any(|record| record["code"] == "name_conflict"), "{records:?}");
}

#[test]
fn a_beginning_is_gone_on_with_only_for_the_same_user() {
    let world = World::new();
    let bytes = super::noise(3_000_000, 1);
    for (who, range) in [("you", false), ("me", true)] {
        let cache = format!("data-{who}");
        world.server.file("/x", bytes.clone()).faults("/x", [Fault::Cut(2_000_000)]);
        let url = world.server.url("/x");
        let get = |user: &str, exit| {
            let args = ["get", "--cache", &cache, "--retries", "0", "--user", user, &url];
            kit::run(world.fetch(&args).env("FETCH_PASSWORD", SECRET)).exits(exit);
        };
        get("me", 2);
        get(who, 0);
        assert_eq!(world.server.seen().pop().unwrap().headers.contains_key("range"), range, "{who}");
        assert!(std::fs::read(world.path(&cache).join("x")).unwrap() == bytes);
    }
}
