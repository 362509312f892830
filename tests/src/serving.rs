//! A tool that serves, from its first record to Ctrl-C, and clients of it. Must not know what it serves.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::{records, run};

/// A running server that tells its records on standard output; it ends with this value.
#[derive(Debug)]
pub struct Serving {
    tool: &'static str,
    child: Child,
    output: BufReader<ChildStdout>,
    lines: String,
    port: u16,
}

impl Serving {
    /// Starts `command` of `tool`, and waits until it tells its port.
    pub fn start(tool: &'static str, command: &mut Command) -> Serving {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut serving = Serving { tool, child, output, lines: String::new(), port: 0 };
        let started = serving.record(&format!("{tool}.server.started"));
        serving.port = u16::try_from(started["port"].as_u64().unwrap()).unwrap();
        serving
    }

    /// The next record of the type `kind`, once it comes.
    pub fn record(&mut self, kind: &str) -> Value {
        loop {
            let from = self.lines.len();
            assert!(self.output.read_line(&mut self.lines).unwrap() > 0, "no {kind} in {}", self.lines);
            let record: Value = serde_json::from_str(&self.lines[from..]).unwrap();
            if record["type"] == kind {
                return record;
            }
        }
    }

    /// Where `path`, which begins with a slash, is served.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A client of its own.
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// Sends `request` as it is and gives all that comes back until the connection ends.
    pub fn raw(&self, request: &str) -> String {
        let mut stream = self.connect();
        // A server that has refused already may have closed the connection.
        let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Where it listens on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it as Ctrl-C does.
    pub fn interrupt(&self) {
        run(Command::new("kill").args(["-INT", &self.child.id().to_string()])).exits(0);
    }

    /// Ends it as Ctrl-C does, and gives all its records.
    pub fn end(mut self) -> Vec<Value> {
        self.interrupt();
        self.output.read_to_string(&mut self.lines).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        records(self.tool, &self.lines)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What curl prints.
pub fn curl(args: &[&str]) -> String {
    run(Command::new("curl").args(["-sS", "--path-as-is", "--max-time", "60"]).args(args)).exits(0).stdout
}

/// Status and one header of a response, by curl.
pub fn head(args: &[&str], header: &str) -> (String, String) {
    let form = format!("%{{http_code}} %header{{{header}}}");
    let said = curl(&[&["-o", "/dev/null", "-w", &form], args].concat());
    let (status, value) = said.split_once(' ').unwrap();
    (status.to_owned(), value.to_owned())
}
