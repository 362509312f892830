//! Files of a real SFTP server, and whom it is believed to be.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::servers::slow::Slow;
use super::servers::sshd::{Sshd, keygen};
use super::{HELLO, World, files, leftovers, noise, records_of};

const WHOLE: usize = 3_000_000;

/// A run whose home is that of the server's user.
fn fetch(world: &World, server: &Sshd, args: &[&str]) -> Command {
    let mut command = world.fetch(&[&["get", "--cache", "data", "--retries", "1"], args].concat());
    command.env("HOME", server.home()).env_remove("SSH_AUTH_SOCK");
    command
}

#[track_caller]
fn get(world: &World, server: &Sshd, url: &str, exit: i32) -> Value {
    records_of(&mut fetch(world, server, &[url]), exit).remove(0)
}

#[track_caller]
fn is_whole(world: &World, name: &str, bytes: &[u8]) {
    assert!(std::fs::read(world.path("data").join(name)).unwrap() == bytes, "{name}");
    assert_eq!(leftovers(&world.path("data")), [""; 0]);
}

#[test]
fn a_file_is_got_whole_and_not_again() {
    let Ok(server) = Sshd::start(&[]) else { return };
    let world = World::new();
    let bytes = noise(WHOLE, 1);
    server.file("x", &bytes);
    server.file("empty", "");
    let file = get(&world, &server, &server.url("x"), 0);
    assert_eq!((&file["status"], &file["attempts"]), (&"downloaded".into(), &1.into()));
    assert_eq!(file["size_bytes"], WHOLE);
    is_whole(&world, "x", &bytes);
    assert_eq!(get(&world, &server, &server.url("x"), 0)["status"], "cached");
    assert_eq!(server.logins(), 1);
    assert_eq!(get(&world, &server, &server.url("empty"), 0)["size_bytes"], 0);
}

#[test]
fn many_files_come_over_one_connection() {
    let Ok(server) = Sshd::start(&[]) else { return };
    let world = World::new();
    let names: Vec<String> = (0..200).map(|number| format!("f{number}")).collect();
    let urls: Vec<String> = names.iter().map(|name| server.url(name)).collect();
    for name in &names {
        server.file(name, name);
    }
    let args: Vec<&str> = urls.iter().map(String::as_str).collect();
    assert_eq!(records_of(&mut fetch(&world, &server, &args), 0).len(), 200);
    for name in &names {
        is_whole(&world, name, name.as_bytes());
    }
    assert_eq!(server.logins(), 1);
}

#[test]
fn what_is_no_file_is_not_found() {
    let Ok(server) = Sshd::start(&[]) else { return };
    let world = World::new();
    std::fs::create_dir(server.path("folder")).unwrap();
    for name in ["none", "folder/none", "folder", "folder/"] {
        let failed = get(&world, &server, &server.url(name), 2);
        assert_eq!((&failed["code"], &failed["attempts"]), (&"not_found".into(), &1.into()), "{name}");
    }
    assert!(files(&world.path("data")).is_empty());
}

#[test]
fn names_may_have_blanks_and_letters_of_all_kinds() {
    let Ok(server) = Sshd::start(&[]) else { return };
    let world = World::new();
    std::fs::create_dir(server.path("sub folder")).unwrap();
    server.file("sub folder/ü & # 1.txt", "hello\n");
    for name in ["sub%20folder/%C3%BC%20&%20%23%201.txt", "sub folder/ü & %23 1.txt"] {
        let file = get(&world, &server, &server.url(name), 0);
        assert_eq!(file["digest"], format!("sha256:{HELLO}"), "{name}");
    }
}

#[test]
fn a_host_that_is_not_known_is_refused_with_its_fingerprint() {
    let Ok(server) = Sshd::start(&[]) else { return };
    let world = World::new();
    server.file("x", "hello\n");
    let right = std::fs::read_to_string(server.home().join(".ssh/known_hosts")).unwrap();
    server.known_hosts("");
    let failed = get(&world, &server, &server.url("x"), 2);
    assert_eq!((&failed["code"], &failed["attempts"]), (&"host_key_unknown".into(), &1.into()));
    let mut fingerprint = Command::new("ssh-keygen");
    let fingerprint = kit::run(fingerprint.arg("-lf").arg(server.host_key())).exits(0).stdout;
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    assert!(failed["message"].as_str().unwrap().ends_with(fingerprint), "{failed} {fingerprint}");
    let hint = failed["hint"].as_str().unwrap();
    let scan = format!("ssh-keyscan -p {} 127.0.0.1", server.process.port);
    assert!(hint.contains(&scan) && hint.ends_with(">> ~/.ssh/known_hosts"), "{hint}");
    assert_eq!((server.logins(), files(&world.path("data")).len()), (0, 0));

    // What the hint says makes it known; hashed as well.
    kit::run(
        Command::new("sh").args(["-c", &format!("{scan} >> ~/.ssh/known_hosts")]).env("HOME", server.home()),
    );
    get(&world, &server, &server.url("x"), 0);
    server.known_hosts(&right);
    let hosts = server.home().join(".ssh/known_hosts");
    kit::run(Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&hosts)).exits(0);
    assert!(std::fs::read_to_string(&hosts).unwrap().starts_with("|1|"));
    assert_eq!(get(&world, &server, &(server.url("x")), 0)["status"], "cached");
    std::fs::remove_dir_all(world.path("data")).unwrap();
    get(&world, &server, &server.url("x"), 0);
}

#[test]
fn a_host_with_another_key_is_refused() {
    let Ok(server) = Sshd::start(&[]) else { return };
    let world = World::new();
    server.file("x", "hello\n");
    let port = server.process.port;
    keygen(&world.path("other"), "");
    let other = std::fs::read_to_string(world.path("other.pub")).unwrap();
    let own = std::fs::read_to_string(server.host_key()).unwrap();
    for known in [
        format!("[127.0.0.1]:{port} {other}"),
        format!("# first\n[127.0.0.1]:* {other}"),
        format!("[127.0.0.1]:{port} {own}@revoked * {own}"),
    ] {
        server.known_hosts(&known);
        let failed = get(&world, &server, &server.url("x"), 2);
        assert_eq!(
            (&failed["code"], &failed["attempts"]),
            (&"host_key_changed".into(), &1.into()),
            "{known}"
        );
        assert!(failed["message"].as_str().unwrap().contains("known_hosts, line "), "{failed}");
    }
    assert_eq!((server.logins(), files(&world.path("data")).len()), (0, 0));
}

#[test]
fn a_login_that_is_refused_says_what_was_tried() {
    let Ok(server) = Sshd::start(&["MaxAuthTries 20"]) else { return };
    let world = World::new();
    server.file("x", "hello\n");
    let ssh = server.home().join(".ssh");
    std::fs::remove_file(ssh.join("id_ed25519")).unwrap();
    let failed = get(&world, &server, &server.url("x"), 2);
    assert_eq!((&failed["code"], &failed["attempts"]), (&"access_denied".into(), &1.into()));
    assert!(failed["message"].as_str().unwrap().contains("neither a key nor a password"), "{failed}");

    keygen(&ssh.join("id_ecdsa"), "");
    keygen(&ssh.join("id_rsa"), "a passphrase");
    let message = get(&world, &server, &server.url("x"), 2)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("id_ecdsa is refused") && message.contains("id_rsa is encrypted"), "{message}");

    let url = server.url("x").replace("sftp://", "sftp://somebody:s3cret@");
    let ran = kit::run(&mut fetch(&world, &server, &["-v", &url])).exits(2);
    let failed = kit::records("fetch", &ran.stdout).remove(1);
    assert_eq!((&failed["code"], &failed["attempts"]), (&"access_denied".into(), &1.into()));
    assert!(failed["message"].as_str().unwrap().contains("127.0.0.1"), "{failed}");
    for said in [ran.stdout, ran.stderr] {
        assert!(!said.contains("s3cret"), "{said}");
    }
    assert!(files(&world.path("data")).is_empty());
}

#[test]
fn the_password_of_the_url_logs_in() {
    let dialogue = ["UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication yes"];
    for settings in [&["PasswordAuthentication yes"][..], &dialogue] {
        let Ok(server) = Sshd::with_guest(settings) else { return };
        let world = World::new();
        server.file("x", "hello\n");
        let with = |password: &str| server.url("x").replace("sftp://", &format!("sftp://guest:{password}@"));
        let failed = get(&world, &server, &with("wrong"), 2);
        assert_eq!((&failed["code"], &failed["attempts"]), (&"access_denied".into(), &1.into()));
        assert_eq!(failed["message"], "127.0.0.1 refuses: wrong user or password");
        get(&world, &server, &with("s3cret"), 0);
        is_whole(&world, "x", b"hello\n");
    }
}

/// An ssh-agent of the test's own.
struct Agent(Child);

impl Agent {
    fn start(socket: &Path) -> Agent {
        let mut command = Command::new("ssh-agent");
        let agent = command.arg("-D").arg("-a").arg(socket).stdout(Stdio::null()).spawn().unwrap();
        while !socket.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Agent(agent)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

#[test]
fn the_agent_logs_in_with_keys_that_lie_nowhere() {
    let Ok(server) = Sshd::start(&[]) else { return };
    let world = World::new();
    server.file("x", "hello\n");
    let socket = world.path("agent");
    let _agent = Agent::start(&socket);
    let key = server.home().join(".ssh/id_ed25519");
    kit::run(Command::new("ssh-add").arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket)).exits(0);
    std::fs::remove_file(&key).unwrap();
    let mut command = fetch(&world, &server, &[&server.url("x")]);
    command.env("SSH_AUTH_SOCK", &socket);
    assert_eq!(records_of(&mut command, 0)[0]["status"], "downloaded");
    is_whole(&world, "x", b"hello\n");
}

#[test]
fn the_users_ssh_config_says_where_a_host_is_and_by_which_key() {
    let Ok(server) = Sshd::start(&[]) else { return };
    let world = World::new();
    server.file("x", "hello\n");
    let ssh = server.home().join(".ssh");
    std::fs::rename(ssh.join("id_ed25519"), ssh.join("for the lab")).unwrap();
    let config = format!(
        "Host lab\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile \"~/.ssh/for the lab\"\nHost far\n  ProxyJump lab\n",
        server.process.port
    );
    std::fs::write(ssh.join("config"), config).unwrap();
    let url = format!("sftp://lab{}", server.path("x").display());
    get(&world, &server, &url, 0);
    is_whole(&world, "x", b"hello\n");
    let failed = get(&world, &server, &url.replace("lab", "far"), 2);
    assert_eq!((&failed["code"], &failed["attempts"]), (&"unsupported".into(), &1.into()));
    assert!(failed["message"].as_str().unwrap().contains("ProxyJump"));

    // The same from a file of its own, under a condition; and a condition that fetch does not look at.
    let conditions = format!(
        "Include lab.d/*\nMatch originalhost cloud\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile \"~/.ssh/for the lab\"\n\
         Match originalhost lab exec \"test -e /etc/passwd\"\n  User nobody\n",
        server.process.port
    );
    std::fs::create_dir(ssh.join("lab.d")).unwrap();
    std::fs::rename(ssh.join("config"), ssh.join("lab.d/config")).unwrap();
    std::fs::write(ssh.join("config"), conditions).unwrap();
    std::fs::remove_dir_all(world.path("data")).unwrap();
    get(&world, &server, &url.replace("lab", "cloud"), 0);
    is_whole(&world, "x", b"hello\n");
    assert_eq!(get(&world, &server, &url.replace("lab", "far"), 2)["code"], "unsupported");
    let failed = get(&world, &server, &url, 2);
    assert!(failed["message"].as_str().unwrap().contains("Match exec"), "{failed}");
}

#[test]
fn a_refresh_asks_for_time_and_size() {
    let Ok(server) = Sshd::start(&[]) else { return };
    let world = World::new();
    let write = |text: &str, seconds: u64| {
        server.file("x", text);
        let file = File::options().write(true).open(server.path("x")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    };
    write("hello\n", 1_000_000_000);
    get(&world, &server, &server.url("x"), 0);
    let refresh = || records_of(&mut fetch(&world, &server, &["--refresh", &server.url("x")]), 0).remove(0);
    assert_eq!(refresh()["status"], "not_modified");
    for (text, seconds) in [("HELLO\n", 1_000_000_001), ("hello!\n", 1_000_000_001)] {
        write(text, seconds);
        assert_eq!(refresh()["status"], "updated", "{text}");
        is_whole(&world, "x", text.as_bytes());
    }
}

/// Starts a run over a way that lets half of the file through, and waits until that half is about there.
fn run_to_half(world: &World, server: &Sshd, url: &str) -> Child {
    let child = fetch(world, server, &[url]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let held = || {
        let entries = std::fs::read_dir(world.path("data/.fetch/partial")).into_iter().flatten().flatten();
        let partial = entries.map(|entry| entry.path()).find(|path| path.extension().is_none());
        partial.and_then(|path| path.metadata().ok()).map_or(0, |state| state.len())
    };
    while held() < WHOLE as u64 / 4 {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// A server with a long file `x`, and the slow way to it with its URL.
fn with_slow_way() -> Option<(Sshd, Slow, String, Vec<u8>)> {
    let server = Sshd::start(&[]).ok()?;
    let bytes = noise(WHOLE, 1);
    server.file("x", &bytes);
    let slow = Slow::to(server.process.port, WHOLE / 2);
    server.know_at(slow.port);
    let url = server.url("x").replace(&format!(":{}", server.process.port), &format!(":{}", slow.port));
    Some((server, slow, url, bytes))
}

#[test]
fn a_killed_run_is_gone_on_with() {
    let Some((server, slow, url, bytes)) = with_slow_way() else { return };
    let world = World::new();
    let mut child = run_to_half(&world, &server, &url);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!world.path("data/x").exists());
    slow.open();
    let file = get(&world, &server, &url, 0);
    assert_eq!((&file["status"], &file["attempts"]), (&"resumed".into(), &1.into()));
    is_whole(&world, "x", &bytes);
}

#[test]
fn another_version_is_begun_from_its_start() {
    let Some((server, slow, url, _)) = with_slow_way() else { return };
    let world = World::new();
    let mut child = run_to_half(&world, &server, &url);
    child.kill().unwrap();
    child.wait().unwrap();
    let changed = noise(WHOLE, 2);
    server.file("x", &changed);
    let file = File::options().write(true).open(server.path("x")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    slow.open();
    let file = get(&world, &server, &url, 0);
    assert_eq!((&file["status"], &file["attempts"]), (&"downloaded".into(), &1.into()));
    is_whole(&world, "x", &changed);
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    let Some((server, slow, url, bytes)) = with_slow_way() else { return };
    let world = World::new();
    let child = run_to_half(&world, &server, &url);
    slow.open();
    server.process.break_connections();
    slow.cut();
    let output = child.wait_with_output().unwrap();
    let file = kit::records("fetch", &String::from_utf8(output.stdout).unwrap()).remove(1);
    assert_eq!((&file["status"], &file["attempts"]), (&"resumed".into(), &2.into()), "{file}");
    is_whole(&world, "x", &bytes);
}

#[test]
fn a_server_that_dies_leaves_no_file() {
    let Some((mut server, slow, url, _)) = with_slow_way() else { return };
    let world = World::new();
    let child = run_to_half(&world, &server, &url);
    server.process.kill();
    slow.cut();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let failed = kit::records("fetch", &String::from_utf8(output.stdout).unwrap()).remove(1);
    assert_eq!((&failed["code"], &failed["attempts"]), (&"connection_failed".into(), &2.into()), "{failed}");
    assert!(files(&world.path("data")).is_empty());
}
