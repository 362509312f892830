//! How the pages of `pyweb serve` hear of changes, told by the events that they get.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use kit::Serving;
use serde_json::{Value, json};

use crate::{serve, site, visit};

/// What a page hears.
struct Feed {
    lines: BufReader<TcpStream>,
}

impl Feed {
    fn open(serving: &Serving) -> Feed {
        let mut stream = serving.connect();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream.write_all(b"GET /@pyweb/events HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        Feed { lines: BufReader::new(stream) }
    }

    /// The next event's data.
    fn next(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the server ended");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

/// Writes a file at once: under another name that does not count, then moved.
fn save(folder: &Path, path: &str, text: &str) {
    let part = folder.join(".part");
    std::fs::write(&part, text).unwrap();
    std::fs::rename(part, folder.join(path)).unwrap();
}

/// The version that a page was made of.
fn since(page: &str) -> &str {
    page.split("data-since=\"").nth(1).unwrap().split('"').next().unwrap()
}

#[test]
fn a_change_is_told_once_and_by_name() {
    let root = site(&[("index.html", "<p>one"), ("sub/main.py", "1")]);
    let mut serving = serve(root.path());
    let mut feed = Feed::open(&serving);
    let first = feed.next();
    assert_eq!(first["version"], since(&visit(&serving, "/")));
    save(root.path(), "sub/main.py", "2");
    let second = feed.next();
    assert_eq!((&second["after"], &second["files"]), (&first["version"], &json!(["sub/main.py"])));
    assert_eq!(serving.record("pyweb.site.changed")["files"], json!(["sub/main.py"]));
    // What follows is the next change, not the same again.
    save(root.path(), "new.css", "p {}");
    let third = feed.next();
    assert_eq!((&third["after"], &third["files"]), (&second["version"], &json!(["new.css"])));
    std::fs::rename(root.path().join("new.css"), root.path().join("old.css")).unwrap();
    assert_eq!(feed.next()["files"], json!(["new.css", "old.css"]));
    std::fs::remove_file(root.path().join("old.css")).unwrap();
    assert_eq!(feed.next()["files"], json!(["old.css"]));
    serving.end();
}

#[test]
fn ten_quick_saves_settle_on_the_last() {
    let root = site(&[("index.html", "<p>save 0")]);
    let serving = serve(root.path());
    let mut feed = Feed::open(&serving);
    feed.next();
    for save in 1..=10 {
        // As editors do that write in place: each save is two changes.
        std::fs::write(root.path().join("index.html"), format!("<p>save {save}")).unwrap();
    }
    // A page that loads whenever it is told to, as `live.js` does.
    let mut page = String::new();
    while !page.contains("save 10") {
        feed.next();
        page = visit(&serving, "/");
    }
    // Nothing is on its way any more that it has not seen, or it would hear of it.
    let mut again = Feed::open(&serving);
    let last = again.next();
    if last["version"] != since(&page) {
        page = visit(&serving, "/");
    }
    assert!(page.contains("save 10"), "{page}");
    let changes = kit::of_type(&serving.end(), "pyweb.site.changed").len();
    assert!((1..=10).contains(&changes), "{changes}");
}

#[test]
fn what_happened_before_a_page_listened_is_not_missed() {
    let root = site(&[("index.html", "<p>one")]);
    let mut serving = serve(root.path());
    let page = visit(&serving, "/");
    save(root.path(), "index.html", "<p>two");
    serving.record("pyweb.site.changed");
    let told = Feed::open(&serving).next();
    assert_ne!(told["version"], since(&page));
    assert_eq!(told["version"], since(&visit(&serving, "/")));
    serving.end();
}

#[test]
fn what_editors_and_tools_write_beside_is_no_change() {
    let root = site(&[("index.html", "<p>one")]);
    let mut serving = serve(root.path());
    let mut feed = Feed::open(&serving);
    feed.next();
    for path in [".index.html.swp", "index.html~", "4913", ".git/index", "__pycache__/a.pyc"] {
        crate::write(root.path(), path, "x");
    }
    save(root.path(), "index.html", "<p>two");
    assert_eq!(feed.next()["files"], json!(["index.html"]));
    assert_eq!(serving.record("pyweb.site.changed")["files"], json!(["index.html"]));
    serving.end();
}
