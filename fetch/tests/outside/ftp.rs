//! Files of a real FTP server, plain and over TLS.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::servers::vsftpd::{Certificate, Vsftpd};
use super::{HELLO, World, files, leftovers, noise};

const WHOLE: usize = 3_000_000;

/// The only record of a run that gets one file into the folder `data`.
#[track_caller]
fn get(world: &World, url: &str, exit: i32) -> Value {
    world.records(&["get", "--cache", "data", "--retries", "1", url], exit).remove(0)
}

#[track_caller]
fn is_whole(world: &World, name: &str, bytes: &[u8]) {
    assert!(std::fs::read(world.path("data").join(name)).unwrap() == bytes, "{name}");
    assert_eq!(leftovers(&world.path("data")), [""; 0]);
}

/// Writes a file's time, so that a server sees another version of it.
fn written_at(path: PathBuf, seconds: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
}

/// How many bytes of the one file under way are there.
fn held(world: &World) -> u64 {
    let entries = std::fs::read_dir(world.path("data/.fetch/partial")).into_iter().flatten().flatten();
    let partial = entries.map(|entry| entry.path()).find(|path| path.extension().is_none());
    partial.and_then(|path| path.metadata().ok()).map_or(0, |state| state.len())
}

/// Starts a run and waits until it has some bytes of its file.
fn run_until_some_are_there(world: &World, url: &str) -> Child {
    let mut command = world.fetch(&["get", "--cache", "data", "--retries", "1", url]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while held(world) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn a_file_is_got_whole_and_not_again() {
    let Ok(server) = Vsftpd::start(&[]) else { return };
    let world = World::new();
    let bytes = noise(WHOLE, 1);
    server.file("x", &bytes);
    let file = get(&world, &server.url("/x"), 0);
    assert_eq!((&file["status"], &file["attempts"]), (&"downloaded".into(), &1.into()));
    assert_eq!(file["url"], server.url("/x"));
    is_whole(&world, "x", &bytes);
    assert_eq!(get(&world, &server.url("/x"), 0)["status"], "cached");
    assert_eq!(server.count("RETR"), 1);
}

#[test]
fn an_empty_file_is_a_file() {
    let Ok(server) = Vsftpd::start(&[]) else { return };
    let world = World::new();
    server.file("x", "");
    assert_eq!(get(&world, &server.url("/x"), 0)["size_bytes"], 0);
    is_whole(&world, "x", b"");
}

#[test]
fn many_files_come_over_few_connections() {
    let Ok(server) = Vsftpd::start(&[]) else { return };
    let world = World::new();
    let names: Vec<String> = (0..200).map(|number| format!("f{number}")).collect();
    let urls: Vec<String> = names.iter().map(|name| server.url(&format!("/{name}"))).collect();
    for name in &names {
        server.file(name, name);
    }
    let mut args = vec!["get", "--cache", "data", "--jobs", "4"];
    args.extend(urls.iter().map(String::as_str));
    assert_eq!(world.records(&args, 0).len(), 200);
    for name in &names {
        is_whole(&world, name, name.as_bytes());
    }
    assert!(server.count("USER") <= 4, "{} logins", server.count("USER"));
}

#[test]
fn a_server_that_takes_few_connections_serves_all_files() {
    let Ok(server) = Vsftpd::start(&["max_per_ip=2", "anon_max_rate=200000"]) else { return };
    let world = World::new();
    let names: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
    let urls: Vec<String> = names.iter().map(|name| server.url(&format!("/{name}"))).collect();
    for name in &names {
        server.file(name, noise(20_000, 1));
    }
    let mut args = vec!["get", "--cache", "data", "--retries", "0"];
    args.extend(urls.iter().map(String::as_str));
    let records = world.records(&args, 0);
    assert!(records.iter().all(|file| file["attempts"] == 1), "{records:?}");
}

#[test]
fn what_is_not_there_is_not_found() {
    let Ok(server) = Vsftpd::start(&[]) else { return };
    let world = World::new();
    std::fs::create_dir(server.path("folder")).unwrap();
    for path in ["/none", "/folder/none", "/folder", "/folder/", "/"] {
        let failed = get(&world, &server.url(path), 2);
        assert_eq!((&failed["code"], &failed["attempts"]), (&"not_found".into(), &1.into()), "{path}");
    }
    assert!(files(&world.path("data")).is_empty());
}

#[test]
fn user_and_password_are_those_of_the_url() {
    let Ok(server) = Vsftpd::start(&["secure_email_list_enable=YES"]) else { return };
    let world = World::new();
    server.file("x", "hello\n");
    let with = |login: &str| server.url("/x").replace("ftp://", &format!("ftp://{login}@"));
    let got = kit::run(&mut world.fetch(&["get", "-v", "--cache", "data", &with("ftp:s3cret")])).exits(0);
    is_whole(&world, "x", b"hello\n");
    let ran = kit::run(&mut world.fetch(&["get", "-v", &with("ftp:s3cret-not")])).exits(2);
    let failed = kit::records("fetch", &ran.stdout).remove(1);
    assert_eq!((&failed["code"], &failed["attempts"]), (&"access_denied".into(), &1.into()));
    assert!(failed["message"].as_str().unwrap().contains("127.0.0.1 refuses: 530"), "{failed}");
    for said in [got.stdout, got.stderr, ran.stdout, ran.stderr] {
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn names_may_be_any_bytes() {
    let Ok(server) = Vsftpd::start(&[]) else { return };
    let world = World::new();
    std::fs::create_dir(server.path("sub folder")).unwrap();
    server.file("sub folder/ü & # 1.txt", "hello\n");
    let latin = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9");
    std::fs::write(server.path("").join::<&std::ffi::OsStr>(latin), "hello\n").unwrap();
    let absolute =
        server.path("sub folder/ü & # 1.txt").to_str().unwrap().replace(' ', "%20").replace('#', "%23");
    for path in [
        "/sub%20folder/%C3%BC%20&%20%23%201.txt",
        "/sub folder/ü & %23 1.txt",
        "/caf%E9",
        // `/%2F` is how RFC 1738 writes a path that does not begin where the login leads.
        &format!("/%2F{}", &absolute[1..]),
        &format!("/{absolute}"),
    ] {
        let file = world.records(&["get", &server.url(path)], 0).remove(0);
        assert_eq!(file["digest"], format!("sha256:{HELLO}"), "{path}");
    }
    let commands = server.commands();
    let failed = get(&world, &server.url("/x%0D%0ADELE%20y"), 2);
    assert_eq!(failed["code"], "not_found");
    assert_eq!(server.commands(), commands, "a line break never reaches a server");
}

/// A server that sends a long file `x` so slowly that there is time to end something.
fn slow_server(settings: &[&str]) -> Option<(Vsftpd, Vec<u8>)> {
    let server = Vsftpd::start(&[&["anon_max_rate=300000"], settings].concat()).ok()?;
    let bytes = noise(WHOLE, 1);
    server.file("x", &bytes);
    Some((server, bytes))
}

#[test]
fn a_killed_run_is_gone_on_with() {
    let Some((server, bytes)) = slow_server(&[]) else { return };
    let world = World::new();
    let mut child = run_until_some_are_there(&world, &server.url("/x"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!world.path("data/x").exists() && held(&world) < WHOLE as u64);
    server.set("anon_max_rate=0");
    assert_eq!(get(&world, &server.url("/x"), 0)["status"], "resumed");
    is_whole(&world, "x", &bytes);
    let commands = server.commands();
    let from = commands.iter().find_map(|given| given.strip_prefix("REST ")?.parse::<u64>().ok());
    assert!(from.is_some_and(|from| from > 0), "{commands:?}");
}

#[test]
fn another_version_is_begun_from_its_start() {
    let Some((server, _)) = slow_server(&[]) else { return };
    let world = World::new();
    let mut child = run_until_some_are_there(&world, &server.url("/x"));
    child.kill().unwrap();
    child.wait().unwrap();
    // Of the same size, so that only its time tells.
    let changed = noise(WHOLE, 2);
    server.file("x", &changed);
    written_at(server.path("x"), 1_000_000_000);
    server.set("anon_max_rate=0");
    assert_eq!(get(&world, &server.url("/x"), 0)["status"], "downloaded");
    is_whole(&world, "x", &changed);
    assert_eq!(server.count("REST"), 0);
}

/// A run whose connection breaks once gets the whole file all the same.
#[track_caller]
fn breaks_and_ends(server: &Vsftpd, status: &str, bytes: &[u8]) {
    let world = World::new();
    let child = run_until_some_are_there(&world, &server.url("/x"));
    server.set("anon_max_rate=0");
    server.process.break_connections();
    let output = child.wait_with_output().unwrap();
    let file = kit::records("fetch", &String::from_utf8(output.stdout).unwrap()).remove(1);
    assert_eq!((&file["status"], &file["attempts"]), (&status.into(), &2.into()), "{file}");
    is_whole(&world, "x", bytes);
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    let Some((server, bytes)) = slow_server(&[]) else { return };
    breaks_and_ends(&server, "resumed", &bytes);
}

#[test]
fn a_file_of_unknown_size_is_whole_when_the_server_says_so() {
    let Some((server, bytes)) = slow_server(&["cmds_denied=SIZE"]) else { return };
    breaks_and_ends(&server, "downloaded", &bytes);
}

#[test]
fn a_server_without_epsv_is_asked_by_pasv() {
    // And with an address that only its own network knows.
    let Ok(server) = Vsftpd::start(&["cmds_denied=EPSV", "pasv_address=192.0.2.1"]) else { return };
    let world = World::new();
    server.file("x", "hello\n");
    server.file("y", "hello\n");
    assert_eq!(get(&world, &server.url("/none"), 2)["code"], "not_found");
    let (x, y) = (server.url("/x"), server.url("/y"));
    world.records(&["get", "--cache", "data", "--jobs", "1", &x, &y], 0);
    is_whole(&world, "x", b"hello\n");
    assert_eq!((server.count("EPSV"), server.count("PASV")), (2, 3));
}

#[test]
fn files_of_two_users_are_two_files() {
    let Ok(server) = Vsftpd::start(&["secure_email_list_enable=YES"]) else { return };
    let world = World::new();
    server.file("x", "hello\n");
    for user in ["ftp", "anonymous"] {
        let url = server.url("/x").replace("ftp://", &format!("ftp://{user}:s3cret@"));
        assert_eq!(world.records(&["get", &url], 0)[0]["status"], "downloaded", "{user}");
        // In a folder of the requester's own there is one place for both.
        assert_ne!(get(&world, &url, 0)["status"], "cached", "{user}");
        assert_eq!(get(&world, &url, 0)["status"], "cached", "{user}");
    }
}

/// A port at which nobody answers: its queue of connections is full.
fn silent() -> (std::net::TcpListener, Vec<std::net::TcpStream>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
    let queue = std::iter::from_fn(connect).take(64).collect();
    (listener, queue)
}

#[test]
fn a_host_that_does_not_answer_is_given_up_in_time() {
    let world = World::new();
    let (listener, _queue) = silent();
    let port = listener.local_addr().unwrap().port();
    for scheme in ["ftp", "ftps"] {
        let began = std::time::Instant::now();
        let url = format!("{scheme}://127.0.0.1:{port}/x");
        let failed = &world.records(&["get", "--retries", "0", &url], 2)[0];
        assert_eq!(failed["code"], "connection_failed", "{failed}");
        // The system itself would try for two minutes.
        assert!(began.elapsed() < Duration::from_mins(1), "{scheme}: {:?}", began.elapsed());
    }
}

#[test]
fn a_server_that_dies_leaves_no_file() {
    let Some((mut server, _)) = slow_server(&[]) else { return };
    let world = World::new();
    let child = run_until_some_are_there(&world, &server.url("/x"));
    server.process.kill();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let failed = kit::records("fetch", &String::from_utf8(output.stdout).unwrap()).remove(1);
    assert_eq!((&failed["code"], &failed["attempts"]), (&"connection_failed".into(), &2.into()), "{failed}");
    assert!(files(&world.path("data")).is_empty());
}

#[test]
fn a_refresh_asks_for_time_and_size() {
    let Ok(server) = Vsftpd::start(&[]) else { return };
    let world = World::new();
    server.file("x", "hello\n");
    written_at(server.path("x"), 1_000_000_000);
    get(&world, &server.url("/x"), 0);
    let refresh = || world.records(&["get", "--cache", "data", "--refresh", &server.url("/x")], 0).remove(0);
    assert_eq!((&refresh()["status"], server.count("RETR")), (&"not_modified".into(), 1));
    for (text, seconds) in [("HELLO\n", 1_000_000_001), ("hello!\n", 1_000_000_001)] {
        server.file("x", text);
        written_at(server.path("x"), seconds);
        assert_eq!(refresh()["status"], "updated", "{text}");
        is_whole(&world, "x", text.as_bytes());
    }
}

#[test]
fn tls_is_made_where_the_url_asks_for_it() {
    let world = World::new();
    let Ok(certificate) = Certificate::new(world.folder.path()) else { return };
    let bytes = noise(WHOLE, 1);
    for (scheme, setting) in [("ftpes", "implicit_ssl=NO"), ("ftps", "implicit_ssl=YES")] {
        let Ok(server) = Vsftpd::with_tls(&[setting], &certificate) else { return };
        server.file("x", &bytes);
        server.file("y", "hello\n");
        server.file("empty", "");
        let url = |path| server.url(path).replace("ftp:", &format!("{scheme}:"));
        let folder = format!("data-{scheme}");
        let urls = [url("/x"), url("/y"), url("/empty")];
        let get = |certificate: Option<&Certificate>| {
            let mut command = world.fetch(&["get", "--jobs", "1", "--cache", &folder]);
            command.args(&urls).envs(certificate.map(|certificate| ("SSL_CERT_FILE", &certificate.path)));
            command
        };
        let ran = kit::run(&mut get(None)).exits(2);
        let failed = kit::records("fetch", &ran.stdout).remove(1);
        assert_eq!((&failed["code"], &failed["attempts"]), (&"certificate_refused".into(), &1.into()));
        assert!(files(&world.path(&folder)).is_empty());
        assert_eq!(server.count("USER"), 0, "nobody logs in at a server that may be another");
        kit::run(&mut get(Some(&certificate))).exits(0);
        assert!(std::fs::read(world.path(&folder).join("x")).unwrap() == bytes);
        assert_eq!(std::fs::read(world.path(&folder).join("y")).unwrap(), b"hello\n");
        assert_eq!(std::fs::read(world.path(&folder).join("empty")).unwrap(), b"");
        assert_eq!(server.count("USER"), 1);
    }
}

#[test]
fn without_tls_nothing_is_sent_where_it_is_asked_for() {
    let Ok(server) = Vsftpd::start(&[]) else { return };
    let world = World::new();
    server.file("x", "hello\n");
    let url = server.url("/x").replace("ftp://", "ftpes://me:s3cret@");
    assert_eq!(get(&world, &url, 2)["code"], "access_denied");
    assert_eq!(server.count("USER"), 0, "{:?}", server.commands());
}
