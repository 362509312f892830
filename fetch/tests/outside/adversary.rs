//! What servers, inputs and surroundings do that no decent one would.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::server::Fault;
use super::{HELLO, World, files, leftovers};

#[test]
fn an_answer_that_says_there_is_no_file_is_no_empty_file() {
    let world = World::new();
    let url = world.server.url("/x");
    let get = ["get", "--cache", "data", "--retries", "1", &url];
    for status in [204, 205] {
        world.server.faults("/x", [Fault::Status(status, None)]);
        let failed = &world.records(&get, 2)[0];
        assert_eq!((&failed["code"], &failed["attempts"]), (&"http_status".into(), &1.into()), "{failed}");
    }
    assert!(files(&world.path("data")).is_empty());
    // It says that the file is being made.
    world.server.file("/x", "hello\n").faults("/x", [Fault::Status(202, Some("0"))]);
    let file = &world.records(&get, 0)[0];
    assert_eq!((&file["attempts"], &file["size_bytes"]), (&2.into(), &6.into()));
    world.server.faults("/x", [Fault::Status(204, None)]);
    assert_eq!(world.records(&["get", "--check", "--retries", "0", &url], 2)[0]["code"], "http_status");
}

#[test]
fn nonsense_of_a_server_is_one_clear_error_and_no_file() {
    let world = World::new();
    let url = world.server.url("/x");
    let chunked = |chunks: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
    let answers = [
        "\u{0} garbage\r\n\r\n".to_owned(),
        "HTTP/9.9 200 OK\r\n\r\nhello\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(1_000_000)),
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Y: z\r\n".repeat(100_000)),
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(50_000),
        "HTTP/1.1 200 OK\r\nContent-Length: -6\r\n\r\nhello\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 5\r\n\r\nhello\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\n\r\n0\r\n\r\n"
            .to_owned(),
        chunked("zz\r\nhello\n\r\n0\r\n\r\n"),
        chunked("-6\r\nhello\n\r\n0\r\n\r\n"),
        chunked("fffffffffffffffff\r\nhello\n\r\n0\r\n\r\n"),
        "HTTP/1.1 206 Partial\r\nContent-Length: 6\r\n\r\nhello\n".to_owned(),
        "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-5/10\r\nContent-Length: 6\r\n\r\nhello\n".to_owned(),
        "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned(),
        "HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 302 Found\r\nLocation: http://[::bad/\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 302 Found\r\nLocation: \u{1b}[31m\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ];
    for answer in answers {
        let begin: String = answer.chars().take(60).collect();
        world.server.faults("/x", [Fault::Answer(answer)]);
        let ran = kit::run(&mut world.fetch(&["get", "--cache", "data", "--retries", "0", &url])).exits(2);
        let failed = &kit::records("fetch", &ran.stdout)[1];
        assert_eq!(
            (&failed["type"], &failed["attempts"]),
            (&"fetch.file.failed".into(), &1.into()),
            "{begin:?}"
        );
        let message = failed["message"].as_str().unwrap();
        assert!(message.len() < 200 && !message.contains(['\n', '\u{1b}']), "{begin:?}: {message}");
        assert!(ran.stderr.starts_with("error: x: ") && !ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    assert!(files(&world.path("data")).is_empty());
    assert_eq!(leftovers(&world.path("data")), [""; 0]);
}

#[test]
fn what_others_wrote_commands_no_terminal() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let url = world.server.url("/x");
    let names = [
        "\u{1b}[31mred",
        "two\nlines",
        "nul\u{0}",
        "\u{202e}gnp.exe\u{1b}",
        &"n".repeat(300),
        &"d/".repeat(2100),
    ];
    let input: String =
        names.iter().map(|name| json!({"url": url, "name": name}).to_string() + "\n").collect();
    let input = std::fs::File::open(world.write("input.json", &input)).unwrap();
    let get = ["get", "--format", "human", "--cache", "data", "-"];
    let ran = kit::run(world.fetch(&get).stdin(input)).exits(2);
    let odd = |c: char| c == '\u{202e}' || c.is_control() && c != '\n';
    assert!(!ran.stderr.contains(odd) && !ran.stdout.contains(odd), "{:?}", ran.stderr);
    assert_eq!(ran.stderr.matches("error: ").count(), names.len());
    // Each has an error, a URL and a hint; and the run its summary.
    assert_eq!(ran.stderr.lines().count(), 3 * names.len() + 1, "{}", ran.stderr);
    assert!(ran.stderr.lines().all(|line| line.len() < 3000));
    assert!(
        ran.stderr.contains("error: two\\nlines: ")
            && ran.stderr.contains("longer than a file's name can be")
    );
    assert_eq!(world.requests(), 0, "what cannot lie anywhere is not got");
    // And what a registry says when it is wrong.
    world.write("r.txt", "x sha256:\u{1b}]0;title\u{7}\n");
    let ran = kit::run(&mut world.fetch(&["get", "-r", "r.txt"])).exits(2);
    assert!(!ran.stderr.contains(odd) && ran.stderr.contains("r.txt, line 1"), "{:?}", ran.stderr);
}

#[test]
fn endless_lines_and_deep_nesting_are_errors_that_name_the_line() {
    let world = World::new();
    let long = "a".repeat(1_000_000);
    for (registry, said) in [
        (format!("# x\n'{long}\n"), "line 2: a quotation mark is not closed"),
        (
            format!("# x\n{}\n", "a ".repeat(500_000)),
            "line 2: expected 2 or 3 fields (name, hash, URL), got 500000",
        ),
        (format!("# x\na {}\n", "0".repeat(1_000_000)), "line 2: bad hash"),
        (format!("# x\na {HELLO} foo://{long}\n"), "line 2: bad URL"),
    ] {
        world.write("r.txt", &registry);
        let ran = kit::run(&mut world.fetch(&["get", "-r", "r.txt"])).exits(2);
        assert!(ran.stderr.contains(said) && ran.stderr.len() < 1000, "{said}: {} bytes", ran.stderr.len());
    }
    let url = world.server.url("/x");
    for nested in
        ["[".repeat(100_000), format!("{{\"url\":{:?},\"k\":{}{}}}", url, "[".repeat(200), "]".repeat(200))]
    {
        let input = std::fs::File::open(world.write("input", &format!("\n{nested}\n"))).unwrap();
        let ran = kit::run(world.fetch(&["get", "-"]).stdin(input)).exits(2);
        assert!(ran.stderr.contains("line 2 is not JSON: recursion limit"), "{}", ran.stderr);
    }
    assert_eq!(world.requests(), 0);
    let whole = format!("x {HELLO} {}\n", world.server.file("/x", "hello\n").url("/x"));
    world.write("r.txt", &format!("\u{feff}{whole}"));
    assert_eq!(
        world.records(&["get", "-r", "r.txt"], 0)[0]["name"],
        "x",
        "a mark of UTF-8 is no part of a name"
    );
}

#[test]
fn an_input_that_never_ends_can_be_interrupted() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let mut child = world.fetch(&["get", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", json!({"url": world.server.url("/x")})).unwrap();
    // And the beginning of one that will never be whole.
    write!(input, "{{\"url\": \"{}", "x".repeat(100_000)).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.nth(1).unwrap().unwrap().contains("fetch.file.finished"));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(lines.last().unwrap().unwrap().contains("fetch.run.finished"));
    drop(input);
}

/// Runs a shell command in which `$FETCH` is the binary and `$URL` serves `x`; gives what it printed last.
fn shell(world: &World, script: &str) -> kit::Ran {
    world.server.file("/x", "hello\n");
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(world.folder.path()).env("FETCH", kit::binary("fetch"));
    command
        .env("URL", world.server.url("/x"))
        .env("SNAKEPIPE_CACHE", world.path("cache"))
        .stdin(Stdio::null());
    command.env("NETRC", "/dev/null");
    kit::run(&mut command)
}

#[test]
fn streams_that_are_closed_or_full_end_no_run_by_a_signal() {
    for (streams, exit) in
        [(">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0), ("--format human 2>/dev/full", 0), (">/dev/full", 2)]
    {
        let world = World::new();
        let ran = shell(&world, &format!("$FETCH get --cache data $URL {streams}"));
        let ran = ran.exits(exit);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        // What was opened in place of a closed stream must not have got the output.
        let there = std::fs::read(world.path("data/x")).ok();
        assert_eq!(there.as_deref(), (exit == 0).then_some(&b"hello\n"[..]), "{streams}");
    }
    let world = World::new();
    std::fs::create_dir(world.path("many")).unwrap();
    for number in 0..5000 {
        world.write(&format!("many/a file with a rather long name, number {number}"), "");
    }
    let ran = shell(&world, "$FETCH registry make many | head -n 1; $FETCH registry make many >/dev/full");
    assert!(ran.exits(2).stderr.contains("failed to write to standard output"));
}

#[test]
fn a_strict_umask_and_a_strange_home_are_respected() {
    let world = World::new();
    shell(&world, "umask 077; $FETCH get --cache data $URL").exits(0);
    let mode = |name: &str| world.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("data/x"), mode("data"), mode("data/.fetch/index.jsonl")), (0o600, 0o700, 0o600));

    let unset = "env -u HOME -u XDG_CACHE_HOME -u SNAKEPIPE_CACHE -u NETRC";
    shell(&world, &format!("{unset} $FETCH get --cache data $URL")).exits(0);
    let path = shell(&world, &format!("{unset} HOME=$PWD/home $FETCH cache path")).exits(0).stdout;
    assert_eq!(path.trim_end(), world.path("home/.cache/snakepipe/fetch").to_str().unwrap());
    // A home that is no folder: nothing can be cached there, and a folder of one's own still can.
    let ran = shell(&world, &format!("{unset} HOME=/dev/null $FETCH get $URL")).exits(2);
    assert_eq!(ran.stderr.matches("error:").count(), 1, "{}", ran.stderr);
    shell(&world, &format!("{unset} HOME=/dev/null $FETCH get --cache data $URL")).exits(0);
}

#[test]
fn a_home_that_cannot_be_written_to_is_said() {
    let world = World::new();
    let script = "
        mkdir ro && cp $FETCH copy && chmod 755 . copy && chmod 555 ro
        env -u XDG_CACHE_HOME -u SNAKEPIPE_CACHE -u NETRC HOME=$PWD/ro $AS ./copy get $URL";
    // As root, who may write anywhere, the command runs as nobody.
    let root = kit::run(Command::new("id").arg("-u")).stdout.trim() == "0";
    let run_as = if root { "setpriv --reuid 65534 --regid 65534 --clear-groups" } else { "" };
    let ran = shell(&world, &script.replace("$AS", run_as)).exits(2);
    let failed: Value = serde_json::from_str(ran.stdout.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&failed["code"], &failed["attempts"]), (&"file_error".into(), &0.into()), "{failed}");
    assert!(failed["message"].as_str().unwrap().contains("Permission denied"), "{failed}");
}

#[test]
fn names_that_are_no_utf_8_are_told_as_bytes_in_any_locale() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let folder = std::ffi::OsStr::from_bytes(b"c\xff");
    let mut command = world.fetch(&["get", &world.server.url("/x"), "--cache"]);
    let ran = kit::run(command.arg(folder).env("LC_ALL", "C")).exits(0);
    let file = &kit::records("fetch", &ran.stdout)[1];
    let bytes = kit::run(Command::new("base64").arg("-d").stdin({
        let encoded = file["path_bytes"].as_str().unwrap();
        std::fs::File::open(world.write("encoded", encoded)).unwrap()
    }));
    assert!(bytes.stdout.ends_with("c\u{fffd}/x"), "{bytes:?}");
    assert_eq!(std::fs::read(world.folder.path().join(folder).join("x")).unwrap(), b"hello\n");
    let ran = kit::run(world.fetch(&["get"]).arg(std::ffi::OsStr::from_bytes(b"http://h/\xff"))).exits(2);
    assert!(ran.stderr.contains("UTF-8") && !ran.stderr.contains("panicked"), "{}", ran.stderr);
}

#[test]
fn hosts_may_be_ipv6_addresses_and_names_of_any_script() {
    let world = World::new();
    let ran = kit::run(&mut world.fetch(&["get", "--retries", "0", "http://bücher.invalid/x"])).exits(2);
    assert_eq!(kit::records("fetch", &ran.stdout)[1]["url"], "http://xn--bcher-kva.invalid/x");
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        let _ = kit::Missing::new("IPv6", "a loopback interface with ::1");
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(&stream).lines().map_while(Result::ok);
        let seen: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n").unwrap();
        seen
    });
    let url = format!("http://us%40er:p%3Aw%2F%C3%BC@[::1]:{port}/x");
    let file = &world.records(&["get", "--hash", HELLO, &url], 0)[0];
    assert_eq!(file["url"], format!("http://[::1]:{port}/x"));
    let seen = serving.join().unwrap().join("\n").to_ascii_lowercase();
    assert!(seen.contains(&format!("host: [::1]:{port}")), "{seen}");
    // base64.b64encode("us@er:p:w/ü".encode())
    assert!(seen.contains(&"authorization: Basic dXNAZXI6cDp3L8O8".to_ascii_lowercase()), "{seen}");
}
