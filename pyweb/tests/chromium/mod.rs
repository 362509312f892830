//! A real browser without a window, spoken to by the `DevTools` protocol, and a server on this machine's loopback;
//! no other host can be reached. Must not know what is tested.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![allow(dead_code, reason = "not every test needs all of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Pages are given this long; Pyodide takes a few seconds, more while other tests run.
pub const LIMIT: Duration = Duration::from_secs(100);

/// The folder of the sites that tests use.
pub fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages")
}

/// What these tests need of the machine: Chromium and Python.
pub fn components() -> Result<(PathBuf, PathBuf), kit::Missing> {
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

/// `serve.py`.
pub struct Server {
    group: Group,
    pub port: u16,
}

impl Server {
    /// On a port of its choice.
    pub fn start(python: &Path, root: &Path) -> Server {
        Server::start_with(python, root, &[])
    }

    /// With further arguments.
    pub fn start_with(python: &Path, root: &Path, args: &[&str]) -> Server {
        let mut command = Command::new(python);
        command.arg(pages().join("serve.py")).arg(root).args(args);
        let mut group = Group::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(group.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Server { group, port: line.trim().parse().unwrap() }
    }

    /// Ends it; the answer is its log, a line per request.
    pub fn stop(mut self) -> String {
        let _ = self.group.0.kill();
        let mut log = String::new();
        self.group.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

/// Chromium, with one page open.
pub struct Browser {
    _group: Group,
    profile: PathBuf,
}

impl Browser {
    /// With the data of earlier runs that are in `profile`.
    pub fn open(chromium: &Path, profile: &Path, url: &str) -> Browser {
        let port = profile.join("DevToolsActivePort");
        let _ = std::fs::remove_file(&port);
        let mut command = Command::new(chromium);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Browser { _group: Group::start(&mut command), profile: profile.to_owned() }
    }

    /// The page's title, once it begins with `start`; else whatever it is when time is up.
    pub fn title_that_begins_with(&self, start: &str) -> String {
        let mut title = String::new();
        wait_for(|| {
            self.target()?["title"].as_str()?.clone_into(&mut title);
            title.starts_with(start).then_some(())
        });
        title
    }

    /// The page as the browser lists it for debuggers.
    fn target(&self) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port()?)).ok()?;
        stream.write_all(b"GET /json/list HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
        // It keeps the connection open after the body, so what has come by then is the answer.
        stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let targets: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        targets.as_array()?.iter().find(|target| target["type"] == "page").cloned()
    }

    fn port(&self) -> Option<u16> {
        let port = std::fs::read_to_string(self.profile.join("DevToolsActivePort")).ok()?;
        port.lines().next()?.parse().ok()
    }

    /// A line to the page.
    pub fn devtools(&self) -> DevTools {
        let target = wait_for(|| self.target()).unwrap();
        self.devtools_of(&target["id"])
    }

    /// A line to the page with this id.
    pub fn devtools_of(&self, id: &Value) -> DevTools {
        let id = id.as_str().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port().unwrap())).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let head = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
        write!(stream, "GET /devtools/page/{id} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n").unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert_ne!(stream.read_line(&mut line).unwrap(), 0, "the browser does not answer");
        }
        DevTools { stream, last: 0 }
    }
}

/// Asks again and again until there is an answer or time is up.
pub fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || began.elapsed() > LIMIT {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A `WebSocket` to one page.
pub struct DevTools {
    stream: BufReader<TcpStream>,
    last: u64,
}

impl DevTools {
    /// Calls a method that cannot fail.
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Calls a method; the answer may be an error. What else the browser says in the meantime is skipped.
    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        let message = json!({"id": self.last, "method": method, "params": params}).to_string();
        self.send(message.as_bytes());
        loop {
            let answer: Value = serde_json::from_slice(&self.receive()).unwrap();
            if answer["id"] == self.last {
                return answer;
            }
        }
    }

    /// The value of an expression, awaited.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// One text frame; a mask of zeros leaves it as it is.
    fn send(&mut self, text: &[u8]) {
        let mut frame = vec![0x81];
        match text.len() {
            short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
            long => {
                frame.push(0x80 | 0x7e);
                frame.extend(u16::try_from(long).unwrap().to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(text);
        self.stream.get_mut().write_all(&frame).unwrap();
    }

    /// One message; the browser's frames have no mask.
    fn receive(&mut self) -> Vec<u8> {
        let mut message = Vec::new();
        loop {
            let [first, second] = self.bytes();
            let length = match second & 0x7f {
                126 => u64::from(u16::from_be_bytes(self.bytes())),
                127 => u64::from_be_bytes(self.bytes()),
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).unwrap();
            // Text, or the rest of one; all else is about the connection.
            if matches!(first & 0x0f, 0 | 1) {
                message.extend(payload);
                if first & 0x80 != 0 {
                    return message;
                }
            }
        }
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }
}
