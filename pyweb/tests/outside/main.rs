//! `pyweb new` and `pyweb serve` from outside: by curl, by raw connections, by a real browser.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod chromium;
mod live;
mod new;
mod serve;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// What a browser says when it shows a page.
const VISIT: &str = "Accept: text/html,*/*;q=0.8";

/// A folder with these files.
fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn pyweb(args: &[&str]) -> Command {
    let mut command = Command::new(kit::binary("pyweb"));
    command.args(args);
    command
}

/// A running server.
struct Serving {
    child: Child,
    output: BufReader<ChildStdout>,
    lines: String,
    port: u16,
}

impl Serving {
    fn start(root: &Path) -> Serving {
        let mut command = pyweb(&["serve", "--port", "0", "--format", "jsonl"]);
        let mut child = command.arg(root).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut serving = Serving { child, output, lines: String::new(), port: 0 };
        let started = serving.record("pyweb.server.started");
        serving.port = u16::try_from(started["port"].as_u64().unwrap()).unwrap();
        serving
    }

    /// The next record of that type, once it comes.
    fn record(&mut self, kind: &str) -> Value {
        loop {
            let from = self.lines.len();
            assert!(self.output.read_line(&mut self.lines).unwrap() > 0, "no {kind} in {}", self.lines);
            let record: Value = serde_json::from_str(&self.lines[from..]).unwrap();
            if record["type"] == kind {
                return record;
            }
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// Sends `request` as it is and gives all that comes back until the connection ends.
    fn raw(&self, request: &str) -> String {
        let mut stream = self.connect();
        // A server that has refused already may have closed the connection.
        let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A page as a browser gets it.
    fn page(&self, path: &str) -> String {
        curl(&["-H", VISIT, &self.url(path)])
    }

    /// Ends it as Ctrl-C does, and gives all its records.
    fn end(mut self) -> Vec<Value> {
        kit::run(Command::new("kill").args(["-INT", &self.child.id().to_string()])).exits(0);
        self.output.read_to_string(&mut self.lines).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        kit::records("pyweb", &self.lines)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn curl(args: &[&str]) -> String {
    kit::run(Command::new("curl").args(["-sS", "--path-as-is", "--max-time", "60"]).args(args))
        .exits(0)
        .stdout
}

/// Status and one header of a response, by curl.
fn head(args: &[&str], header: &str) -> (String, String) {
    let form = format!("%{{http_code}} %header{{{header}}}");
    let said = curl(&[&["-o", "/dev/null", "-w", &form], args].concat());
    let (status, value) = said.split_once(' ').unwrap();
    (status.to_owned(), value.to_owned())
}
