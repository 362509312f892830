//! Headless Chromium that loads a page until its Python is done, and the server that has the page. Must not measure.
//!
//! Chromium prints a document when it has loaded. So the page lies in a frame, beside an image that the server keeps
//! back until a script of the outer document has heard that the frame's Python is done.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::shell;

/// The outer document; it says on itself that it was not given up.
const AROUND: &str = "<!doctype html><meta charset=utf-8><link rel=icon href=data:,>\
    <iframe src=/index.html style='width: 60rem; height: 40rem'></iframe><img src=/@held>\
    <script>const look = setInterval(() => {\
        const page = document.querySelector('iframe').contentDocument;\
        if (!page?.querySelector('script')) return;\
        clearInterval(look);\
        const done = () => { document.documentElement.id = 'done'; fetch('/@done') };\
        for (const type of ['py:done', 'mpy:done']) page.addEventListener(type, done, { once: true });\
    }, 2);</script>";
/// A page whose Python is not done by then is given up.
const LIMIT: Duration = Duration::from_mins(3);

/// Chromium on the page that `server` has; it prints an element with the id `done`. What is in `profile` from before,
/// it need not load again.
pub fn load(url: &str, profile: &Path) -> Command {
    let mut chromium = shell::command("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    chromium.arg(format!("--user-data-dir={}", profile.display()));
    chromium.args(["--dump-dom", url]);
    chromium
}

/// A server on loopback; its threads end with the process.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
    port: u16,
}

struct Shared {
    folder: PathBuf,
    asked: Mutex<Vec<PathBuf>>,
    done: Mutex<bool>,
    changed: Condvar,
}

impl Server {
    /// Serves `folder` on a port of its choice.
    pub fn start(folder: &Path) -> Result<Server> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("failed to listen on loopback")?;
        let port = listener.local_addr()?.port();
        let (asked, done) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { folder: folder.to_owned(), asked, done, changed: Condvar::new() });
        let server = Server { shared: Arc::clone(&shared), port };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A browser that goes away in between has what it wants.
                thread::spawn(move || shared.answer(&stream).ok());
            }
        });
        Ok(server)
    }

    /// The outer document.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/@around", self.port)
    }

    /// The files that were asked for, from the folder.
    pub fn asked(&self) -> Vec<PathBuf> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    fn answer(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let path = request.split([' ', '?']).nth(1).unwrap_or_default().trim_start_matches('/');
        let (status, kind, body) = match path {
            "@around" => {
                self.set_done(false);
                ("200 OK", "text/html", AROUND.as_bytes().to_vec())
            }
            "@held" => {
                let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                drop(self.changed.wait_timeout_while(done, LIMIT, |done| !*done));
                ("204 No Content", "image/png", Vec::new())
            }
            "@done" => {
                self.set_done(true);
                ("204 No Content", "text/plain", Vec::new())
            }
            path => match std::fs::read(self.folder.join(path)) {
                Ok(body) => {
                    self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(path.into());
                    ("200 OK", kind(path), body)
                }
                Err(_) => ("404 Not Found", "text/plain", Vec::new()),
            },
        };
        // What is the server's own is not to be kept.
        let keep = if path.starts_with('@') { "no-store" } else { "max-age=3600" };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: {keep}\r\n\
             Connection: close\r\n\r\n"
        )?;
        stream.write_all(&body)
    }

    fn set_done(&self, done: bool) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = done;
        self.changed.notify_all();
    }
}

/// The media type, where browsers insist on it.
fn kind(path: &str) -> &'static str {
    match Path::new(path).extension().and_then(|end| end.to_str()).unwrap_or_default() {
        "html" => "text/html",
        "js" | "mjs" => "text/javascript",
        "css" => "text/css",
        "wasm" => "application/wasm",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}
