//! A small HTTP/1.1 server inside the test: serves bytes from memory, counts requests, and fails as told.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status and no file; with a `Retry-After` header when there is one.
    Status(u16, Option<&'static str>),
    /// Only so many bytes of the body, then the connection is closed.
    Cut(usize),
    /// Only so many bytes of the body, then silence; the connection stays open.
    Stall(usize),
    /// The whole file, whatever range was asked for.
    NoRange,
    /// A range other than the one asked for.
    WrongRange,
    /// The body without a `Content-Length`, in chunks, and without the last one.
    EndlessChunk,
    /// A redirect.
    Redirect(String),
    /// This answer, byte by byte.
    Answer(String),
    /// The answer comes late.
    Slow(Duration),
    /// The file is this one from now on.
    Replaced(Vec<u8>),
    /// These headers besides the usual ones.
    Headers(&'static str),
}

/// One request as it came: the method, the path and all headers, names in lower case.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
}

#[derive(Default)]
struct State {
    files: HashMap<String, Vec<u8>>,
    faults: HashMap<String, VecDeque<Fault>>,
    seen: Vec<Seen>,
    /// How many bytes a second each connection gets of a path.
    rates: HashMap<String, usize>,
    /// How many requests wait for their answer, and how many there were at most.
    answering: (usize, usize),
}

/// The server; it listens until the test process ends.
#[derive(Clone)]
pub struct Server {
    state: Arc<Mutex<State>>,
    port: u16,
}

impl Server {
    /// Begins to serve nothing.
    pub fn new() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Server { state: Arc::default(), port };
        let serving = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || while serving.answer(&stream).is_some() {});
            }
        });
        server
    }

    /// The URL of a path, which begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Serves `bytes` at `path`.
    pub fn file(&self, path: &str, bytes: impl Into<Vec<u8>>) -> &Server {
        self.state().files.insert(path.to_owned(), bytes.into());
        self
    }

    /// Fails the next requests for `path`, one after the other.
    pub fn faults(&self, path: &str, faults: impl IntoIterator<Item = Fault>) -> &Server {
        self.state().faults.entry(path.to_owned()).or_default().extend(faults);
        self
    }

    /// Gives each connection no more than so many bytes of `path` a second.
    pub fn throttle(&self, path: &str, bytes_per_second: usize) -> &Server {
        self.state().rates.insert(path.to_owned(), bytes_per_second);
        self
    }

    /// How many requests waited for their answer at a time, at most.
    pub fn busiest(&self) -> usize {
        self.state().answering.1
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers one request; nothing when the connection is to end.
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let seen = read_request(stream)?;
        let (fault, file, rate) = self.take(&seen);
        if let Some(Fault::Slow(wait)) = fault {
            std::thread::sleep(wait);
        }
        // Before the answer: who has it may ask again at once.
        self.state().answering.0 -= 1;
        give(stream, &seen, fault, file, rate)
    }

    /// Notes a request; gives what goes wrong with it, the file, and how many bytes a second it gets.
    fn take(&self, seen: &Seen) -> (Option<Fault>, Option<Vec<u8>>, Option<usize>) {
        let mut state = self.state();
        let (now, most) = &mut state.answering;
        *now += 1;
        *most = (*most).max(*now);
        state.seen.push(seen.clone());
        let fault = state.faults.get_mut(&seen.path).and_then(VecDeque::pop_front);
        if let Some(Fault::Replaced(bytes)) = &fault {
            state.files.insert(seen.path.clone(), bytes.clone());
        }
        (fault, state.files.get(&seen.path).cloned(), state.rates.get(&seen.path).copied())
    }
}

/// Gives what was asked for, or what goes wrong; nothing when the connection is to end.
fn give(
    mut stream: &TcpStream,
    seen: &Seen,
    fault: Option<Fault>,
    file: Option<Vec<u8>>,
    rate: Option<usize>,
) -> Option<()> {
    if let Some(answer) = fault.as_ref().and_then(Fault::instead) {
        return stream.write_all(answer.as_bytes()).ok();
    }
    let Some(file) = file else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ok();
    };
    if let Some(Fault::EndlessChunk) = fault {
        let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", file.len());
        stream.write_all(&[head.as_bytes(), &file, b"\r\n"].concat()).ok()?;
        return None;
    }
    let (head, body) = of_file(seen, file, fault.as_ref());
    stream.write_all(head.as_bytes()).ok()?;
    if seen.method == "HEAD" {
        return Some(());
    }
    match (fault, rate) {
        (Some(Fault::Cut(at)), _) => {
            stream.write_all(&body[..at]).ok()?;
            None
        }
        (Some(Fault::Stall(at)), _) => {
            stream.write_all(&body[..at]).ok()?;
            // Until the client goes away.
            let _ = stream.read(&mut [0]);
            None
        }
        (_, Some(rate)) => drip(stream, &body, rate),
        (_, None) => stream.write_all(&body).ok(),
    }
}

impl Fault {
    /// The whole answer, where it has nothing of the file.
    fn instead(&self) -> Option<String> {
        match self {
            Fault::Status(status, retry_after) => {
                let retry_after =
                    retry_after.map(|value| format!("Retry-After: {value}\r\n")).unwrap_or_default();
                Some(format!("HTTP/1.1 {status} Fault\r\n{retry_after}Content-Length: 0\r\n\r\n"))
            }
            Fault::Redirect(to) => {
                Some(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"))
            }
            Fault::Answer(answer) => Some(answer.clone()),
            _ => None,
        }
    }
}

/// The head and the body of the answer with a file, or with what of it was asked for.
fn of_file(seen: &Seen, mut body: Vec<u8>, fault: Option<&Fault>) -> (String, Vec<u8>) {
    let etag = format!("\"{}-{:x}\"", body.len(), body.iter().map(|byte| u64::from(*byte)).sum::<u64>());
    if seen.headers.get("if-none-match") == Some(&etag) {
        return (format!("HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n"), Vec::new());
    }
    let mut extra = String::new();
    if let Some(Fault::Headers(headers)) = fault {
        extra += headers;
    }
    // pip reads a list of links only from a page that says it is one.
    let kind = if seen.path.ends_with('/') { "text/html" } else { "application/octet-stream" };
    let mut status = "200 OK";
    if !matches!(fault, Some(Fault::NoRange)) {
        extra += "Accept-Ranges: bytes\r\n";
        if let Some((from, to)) = range(seen, &etag) {
            let whole = body.len();
            let told = if matches!(fault, Some(Fault::WrongRange)) { from + 1 } else { from };
            status = "206 Partial Content";
            body.truncate(to.unwrap_or(whole));
            extra += &format!("Content-Range: bytes {told}-{}/{whole}\r\n", body.len() - 1);
            body.drain(..told);
        }
    }
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nETag: {etag}\r\n{extra}Content-Length: {}\r\n\r\n",
        body.len()
    );
    (head, body)
}

/// Writes so many bytes a second.
fn drip(mut stream: &TcpStream, body: &[u8], rate: usize) -> Option<()> {
    for piece in body.chunks((rate / 50).max(1)) {
        stream.write_all(piece).ok()?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(())
}

/// Which range a request asks for, of the version that is there: its first byte, and the one behind its last.
fn range(seen: &Seen, etag: &str) -> Option<(usize, Option<usize>)> {
    let (from, last) = seen.headers.get("range")?.strip_prefix("bytes=")?.split_once('-')?;
    let to = if last.is_empty() { None } else { Some(last.parse::<usize>().ok()? + 1) };
    seen.headers.get("if-range").is_none_or(|version| version == etag).then_some((from.parse().ok()?, to))
}

fn read_request(stream: &TcpStream) -> Option<Seen> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(Seen { method, path, headers })
}
