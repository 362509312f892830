//! From a request to a response: pages, files, folders, and what a client may not have. Must not know how bytes go out.

use std::fs::Metadata;
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use common::below::{self, encode};
use common::conditions::{Version, Wanted, wanted};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::body::{Content, Log, Payload};
use super::site::{Meant, Named};
use super::{OWN, Shared, Trouble, listing, page, raised};
use crate::bundle::served;
use crate::events::Record;

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Sent with every answer. The first two let pages share memory between threads; the third keeps other sites from
/// reading what is here; files are what they say they are, and may change at any time.
const ALWAYS: [(&str, &str); 5] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-cache"),
];

/// What is asked for.
#[derive(Debug)]
pub struct Asked {
    /// The path as the URL has it.
    pub path: String,
    /// The method.
    pub method: Method,
    query: String,
    headers: HeaderMap,
}

impl Asked {
    /// What a request asks for.
    pub fn of<B>(request: &Request<B>) -> Asked {
        Asked {
            path: request.uri().path().to_owned(),
            method: request.method().clone(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
        }
    }

    /// A header that is text.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether a browser wants to show it, rather than a script to read it.
    fn is_visit(&self) -> bool {
        match self.header(HeaderName::from_static("sec-fetch-dest")) {
            Some(destination) => ["document", "iframe", "frame", "embed", "object"].contains(&destination),
            None => self.header(header::ACCEPT).is_some_and(|types| types.contains("text/html")),
        }
    }

    /// Whether it names this machine: another site's name that leads here belongs to somebody who wants in.
    fn is_for_this_machine(&self) -> bool {
        let Some(host) = self.header(header::HOST) else { return true };
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        let name = name.to_ascii_lowercase();
        name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok()
    }
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
    /// The length of the whole, which a `HEAD` tells without sending it; nothing for what has no end.
    length: Option<u64>,
}

impl Answer {
    fn new(status: StatusCode, kind: &str, content: Content, length: Option<u64>) -> Answer {
        Answer { status, headers: HeaderMap::new(), content, length }.with(header::CONTENT_TYPE, kind)
    }

    fn text(status: StatusCode, kind: &str, text: impl Into<Bytes>) -> Answer {
        let text = text.into();
        let length = Some(text.len() as u64);
        Answer::new(status, kind, Content::Text(text), length)
    }

    /// A status with its own words.
    fn plain(status: StatusCode) -> Answer {
        let text = format!("{} {}\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
        Answer::text(status, TEXT, text)
    }

    /// What is said when there is no answer because of us.
    pub fn broken() -> Answer {
        Answer::plain(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// A header more; one that HTTP cannot say is left out.
    fn with(mut self, name: HeaderName, value: &str) -> Answer {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The response.
    pub fn into_response(self, log: Log) -> Response<Payload> {
        let mut response = Response::new(Payload::new(self.content, self.status.as_u16(), log));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let always =
            ALWAYS.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        response.headers_mut().extend(always);
        if let Some(length) = self.length.filter(|_| self.status != StatusCode::NOT_MODIFIED) {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        response
    }
}

/// The answer to a request; `report` is what a page tells of an error with it.
pub fn answer(shared: &Shared, asked: &Asked, report: Option<&[u8]>) -> Answer {
    if shared.loopback && !asked.is_for_this_machine() {
        let said =
            "This server is for the machine it runs on: open it as localhost, or start it with --bind.\n";
        return Answer::text(StatusCode::FORBIDDEN, TEXT, said);
    }
    let mut answer = match (&asked.method, asked.path.strip_prefix(OWN)) {
        (&Method::POST, Some("raised")) => told(shared, report),
        (&Method::GET | &Method::HEAD, Some(own)) => self::own(shared, own),
        (&Method::GET | &Method::HEAD, None) => get(shared, asked),
        _ => Answer::plain(StatusCode::METHOD_NOT_ALLOWED).with(header::ALLOW, "GET, HEAD"),
    };
    if asked.method == Method::HEAD {
        answer.content = Content::Text(Bytes::new());
    }
    answer
}

/// What the server has for its pages.
fn own(shared: &Shared, name: &str) -> Answer {
    match name {
        "live.js" => Answer::text(StatusCode::OK, "text/javascript; charset=utf-8", page::LIVE),
        "events" => Answer::new(StatusCode::OK, "text/event-stream", Content::Feed(shared.live.feed()), None),
        _ => Answer::plain(StatusCode::NOT_FOUND),
    }
}

/// Takes note of an error and tells the page where it came from.
fn told(shared: &Shared, report: Option<&[u8]>) -> Answer {
    let Some(record) = report.and_then(|report| raised::raised(&shared.site, report)) else {
        return Answer::plain(StatusCode::BAD_REQUEST);
    };
    let text = serde_json::to_string(&record).unwrap_or_default();
    // Nobody listens any more only when the server is ending.
    let _ = shared.records.send(record);
    Answer::text(StatusCode::OK, "application/json", text)
}

fn get(shared: &Shared, asked: &Asked) -> Answer {
    let nothing = || {
        if !asked.is_visit() {
            return Answer::plain(StatusCode::NOT_FOUND);
        }
        let page = page::with_live(&listing::nothing(&asked.path), &shared.live.version(), None);
        Answer::text(StatusCode::NOT_FOUND, HTML, page)
    };
    let Some(parts) = below::parts(&asked.path) else { return nothing() };
    // Before anything is read: what changes while it is read makes another version.
    let since = shared.live.version();
    match shared.site.find(&parts, asked.path.ends_with('/')) {
        Meant::File(named) => file(shared, asked, named, &since),
        Meant::Folder => {
            // Built from the parts, so that it never begins with the two slashes of another host.
            let path: String = parts.iter().map(|part| format!("/{}", encode(part))).collect();
            let query = if asked.query.is_empty() { String::new() } else { format!("?{}", asked.query) };
            Answer::plain(StatusCode::FOUND).with(header::LOCATION, &format!("{path}/{query}"))
        }
        Meant::Names(names) => {
            let page = page::with_live(&listing::folder(&asked.path, &names), &since, None);
            Answer::text(StatusCode::OK, HTML, page)
        }
        Meant::Nothing => nothing(),
    }
}

/// A file as it is, unless it is a page to be shown or a configuration for one.
fn file(shared: &Shared, asked: &Asked, named: Named, since: &str) -> Answer {
    let extension = Path::new(&named.path).extension().unwrap_or_default().to_ascii_lowercase();
    let is_page = (extension == "html" || extension == "htm") && asked.is_visit();
    if !is_page && served::interpreter(&asked.query).is_none() {
        return plain_file(asked, named);
    }
    let text = match io::read_to_string(&named.file) {
        Ok(text) => text,
        // Not UTF-8: nothing that could be changed.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return plain_file(asked, named),
        Err(_) => return Answer::broken(),
    };
    if is_page {
        let packages = shared.site.provision().trouble();
        let page = page::shown(shared.site.root(), &named.path, &text, since, packages);
        if let Some(trouble) = page.trouble {
            reject(shared, &named.path, trouble);
        }
        return Answer::text(StatusCode::OK, HTML, page.html);
    }
    match served::config(&named.path, &asked.query, &text) {
        Some(config) => Answer::text(StatusCode::OK, &kind(&named.path), config),
        None => plain_file(asked, named),
    }
}

fn reject(shared: &Shared, page: &str, trouble: Trouble) {
    let Trouble { message, hint } = trouble;
    // Nobody listens any more only when the server is ending.
    let _ = shared.records.send(Record::PageRejected { page: page.to_owned(), message, hint });
}

fn plain_file(asked: &Asked, named: Named) -> Answer {
    let Named { file, metadata, path } = named;
    let size = metadata.len();
    let version = version(&metadata);
    let ranges = asked.method == Method::GET;
    let part = |status, part: Range<u64>| {
        let length = Some(part.end - part.start);
        Answer::new(status, &kind(&path), Content::File { file: Arc::new(file), part }, length)
    };
    let answer = match wanted(&asked.headers, &version, size, ranges) {
        Wanted::Whole => part(StatusCode::OK, 0..size),
        Wanted::Part(range) => {
            let said = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
            part(StatusCode::PARTIAL_CONTENT, range).with(header::CONTENT_RANGE, &said)
        }
        Wanted::NotModified => part(StatusCode::NOT_MODIFIED, 0..0),
        Wanted::Otherwise => return Answer::plain(StatusCode::PRECONDITION_FAILED),
        Wanted::NoSuchPart => {
            let said = format!("bytes */{size}");
            return Answer::plain(StatusCode::RANGE_NOT_SATISFIABLE).with(header::CONTENT_RANGE, &said);
        }
    };
    let answer = answer.with(header::ACCEPT_RANGES, "bytes").with(header::ETAG, &version.etag);
    match version.modified {
        Some(modified) => answer.with(header::LAST_MODIFIED, &httpdate::fmt_http_date(modified)),
        None => answer,
    }
}

fn version(metadata: &Metadata) -> Version {
    let mtime_ns = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    Version::new(metadata.len(), mtime_ns, metadata.ino(), SystemTime::now())
}

/// The media type of a file by its name, with the encoding of what is text.
fn kind(path: &str) -> String {
    let extension = Path::new(path).extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let kind = match extension.as_str() {
        "js" | "mjs" => "text/javascript".into(),
        "py" | "pyi" => "text/x-python".into(),
        "toml" => "application/toml".into(),
        "map" => "application/json".into(),
        _ => mime_guess::from_path(path).first_or_octet_stream().essence_str().to_owned(),
    };
    let is_text = kind.starts_with("text/")
        || ["application/json", "application/toml", "application/manifest+json", "image/svg+xml"]
            .contains(&kind.as_str());
    if is_text { kind + "; charset=utf-8" } else { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(&'static str, &'static str)]) -> Asked {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let headers = headers.iter().map(header).collect();
        Asked { path: "/".into(), method: Method::GET, query: String::new(), headers }
    }

    #[test]
    fn browsers_take_files_for_what_they_are() {
        for (path, expected) in [
            ("core.js", "text/javascript; charset=utf-8"),
            ("a/pyodide.mjs", "text/javascript; charset=utf-8"),
            ("pyodide.asm.wasm", "application/wasm"),
            ("main.py", "text/x-python; charset=utf-8"),
            ("pyscript.toml", "application/toml; charset=utf-8"),
            ("lock.JSON", "application/json; charset=utf-8"),
            ("app.webmanifest", "application/manifest+json; charset=utf-8"),
            ("python_stdlib.zip", "application/zip"),
            ("x.whl", "application/octet-stream"),
            ("no-extension", "application/octet-stream"),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }

    #[test]
    fn names_that_others_gave_this_machine_are_refused() {
        for host in ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "app.localhost", "LOCALHOST"]
        {
            assert!(asked(&[("host", host)]).is_for_this_machine(), "{host}");
        }
        for host in ["example.org", "localhost.example.org:8000", "127.0.0.1.example.org", ""] {
            assert!(!asked(&[("host", host)]).is_for_this_machine(), "{host}");
        }
    }

    #[test]
    fn a_visit_is_told_from_a_request_of_a_script() {
        assert!(asked(&[("sec-fetch-dest", "document"), ("accept", "*/*")]).is_visit());
        assert!(!asked(&[("sec-fetch-dest", "empty"), ("accept", "text/html")]).is_visit());
        assert!(asked(&[("accept", "text/html,*/*")]).is_visit());
        assert!(!asked(&[("accept", "*/*")]).is_visit());
    }
}
