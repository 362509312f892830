//! Bundles as a real browser sees them: served from this machine's loopback, with every other host unreachable.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Pages are given this long; Pyodide takes a few seconds, more while other tests run.
const LIMIT: Duration = Duration::from_secs(100);

#[test]
fn every_page_runs_its_python_without_network_below_a_path() {
    let Ok((chromium, python)) = components() else { return };
    let root = tempfile::tempdir().unwrap();
    let bundle = Command::new(kit::binary("pyweb"))
        .args(["bundle", "--compress", "none", "--external", "deny"])
        .arg(pages().join("site"))
        .arg("-o")
        .arg(root.path().join("sub/dir"))
        .output()
        .unwrap();
    assert!(bundle.status.success(), "{}", String::from_utf8_lossy(&bundle.stderr));

    let server = Server::start(&python, root.path());
    for (page, title) in [
        ("index.html", "micropython says 42"),
        ("deep/shared.html", "hello micropython"),
        ("deep/worker.html", "hello micropython from a worker"),
        ("deep/er/pyodide.html", "hello cpython says 45"),
    ] {
        let url = format!("http://127.0.0.1:{}/sub/dir/{page}", server.port);
        let browser = Browser::open(&chromium, &url);
        assert_eq!(browser.title_that_begins_with(title.split(' ').next().unwrap()), title, "{page}");
    }
    let log = server.stop();
    let came = |line: &&str| line.contains("\" 200 ") || line.contains("\" 304 ");
    let missed: Vec<&str> = log.lines().filter(|line| !came(line)).collect();
    assert!(missed.is_empty(), "requests that failed: {missed:#?}");
}

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages")
}

fn components() -> Result<(PathBuf, PathBuf), kit::Missing> {
    Ok((kit::tool("chromium", "chromium")?, kit::tool("python3", "python3")?))
}

/// A process group that dies with its owner.
struct Group(Child);

impl Group {
    fn start(command: &mut Command) -> Group {
        Group(command.process_group(0).spawn().unwrap())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-9", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}

/// `serve.py` on a port of its choice.
struct Server {
    group: Group,
    port: u16,
}

impl Server {
    fn start(python: &Path, root: &Path) -> Server {
        let mut command = Command::new(python);
        command.arg(pages().join("serve.py")).arg(root);
        let mut group = Group::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(group.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Server { group, port: line.trim().parse().unwrap() }
    }

    /// Ends it; the answer is its log, a line per request.
    fn stop(mut self) -> String {
        let _ = self.group.0.kill();
        let mut log = String::new();
        self.group.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

/// Chromium without a window, with one page open and no host but this one.
struct Browser {
    _group: Group,
    profile: tempfile::TempDir,
}

impl Browser {
    fn open(chromium: &Path, url: &str) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(chromium);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Browser { _group: Group::start(&mut command), profile }
    }

    /// The page's title, once it begins with `start`; else whatever it is when time is up.
    fn title_that_begins_with(&self, start: &str) -> String {
        let began = Instant::now();
        let mut title = String::new();
        while !title.starts_with(start) && began.elapsed() < LIMIT {
            std::thread::sleep(Duration::from_millis(50));
            title = self.title().unwrap_or(title);
        }
        title
    }

    /// The title as the browser lists it for debuggers.
    fn title(&self) -> Option<String> {
        let port = std::fs::read_to_string(self.profile.path().join("DevToolsActivePort")).ok()?;
        let mut stream = TcpStream::connect(("127.0.0.1", port.lines().next()?.parse().ok()?)).ok()?;
        stream.write_all(b"GET /json/list HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
        // It keeps the connection open after the body, so what has come by then is the answer.
        stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let targets: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        let page = targets.as_array()?.iter().find(|target| target["type"] == "page")?;
        page["title"].as_str().map(str::to_owned)
    }
}
