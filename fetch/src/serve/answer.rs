//! From a request to a response: files, folders, and what a client may not have. Must not know how bytes go out.

use std::fs::{File, Metadata};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use common::below::{Found, encode};
use common::conditions::{Version, Wanted, wanted};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::body::{Content, Log, Pace, Payload};
use super::folder::{Folder, parts};
use super::listing;
use crate::cache::Stamp;

/// The file that stands for its folder.
const INDEX: &[u8] = b"index.html";

/// What is asked for.
pub struct Asked {
    /// The path as the URL has it.
    path: String,
    method: Method,
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

    /// Whether the answer may be the list of a folder, above all with the digests of all that is in it.
    pub fn may_take_long(&self) -> bool {
        self.path.ends_with('/')
    }
}

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
    /// The length of the whole, which a `HEAD` tells without sending it.
    length: u64,
}

impl Answer {
    /// A status with its own words.
    fn plain(status: StatusCode) -> Answer {
        let text = format!("{} {}\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
        Answer::text(status, "text/plain; charset=utf-8", text)
    }

    fn text(status: StatusCode, kind: &'static str, text: String) -> Answer {
        let length = text.len() as u64;
        let answer =
            Answer { status, headers: HeaderMap::new(), content: Content::Text(text.into()), length };
        answer.with(header::CONTENT_TYPE, kind)
    }

    /// What is said when a list could not be made because of us.
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

    /// The response, whose body goes out at `pace`.
    pub fn into_response(self, pace: Option<Arc<Mutex<Pace>>>, log: Log) -> Response<Payload> {
        let mut response = Response::new(Payload::new(self.content, self.status.as_u16(), pace, log));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if self.status != StatusCode::NOT_MODIFIED {
            response.headers_mut().insert(header::CONTENT_LENGTH, self.length.into());
        }
        response
    }
}

/// The answer to a request.
pub fn answer(folder: &Folder, asked: &Asked) -> Answer {
    let mut answer = match asked.method {
        Method::GET | Method::HEAD => get(folder, asked),
        _ => Answer::plain(StatusCode::METHOD_NOT_ALLOWED).with(header::ALLOW, "GET, HEAD"),
    };
    if asked.method == Method::HEAD {
        answer.content = Content::Text(Bytes::new());
    }
    // Files are what they say they are, and may change at any time.
    answer.with(header::X_CONTENT_TYPE_OPTIONS, "nosniff").with(header::CACHE_CONTROL, "no-cache")
}

fn get(folder: &Folder, asked: &Asked) -> Answer {
    // What leads outside, is hidden, unreadable or not there looks the same from outside.
    let nothing = || Answer::plain(StatusCode::NOT_FOUND);
    let Some(parts) = parts(&asked.path) else { return nothing() };
    let as_folder = asked.path.ends_with('/');
    match folder.find(&parts) {
        Ok(Found::File(file, metadata)) if !as_folder => {
            let name = parts.last().map(Vec::as_slice).unwrap_or_default();
            file_answer(asked, name, file, &metadata)
        }
        Ok(Found::Folder(_)) if !as_folder => {
            // Built from the parts, so that it never begins with the two slashes of another host.
            let path: String = parts.iter().map(|part| format!("/{}", encode(part))).collect();
            let query = if asked.query.is_empty() { String::new() } else { format!("?{}", asked.query) };
            Answer::plain(StatusCode::MOVED_PERMANENTLY).with(header::LOCATION, &format!("{path}/{query}"))
        }
        Ok(Found::Folder(opened)) => match asked.query.as_str() {
            "registry" => match listing::registry(folder, &parts) {
                Ok(text) => Answer::text(StatusCode::OK, "text/plain; charset=utf-8", text),
                Err(_) => Answer::broken(),
            },
            "json" => listing::entries(folder, &opened, &parts).map_or_else(
                |_| Answer::broken(),
                |entries| Answer::text(StatusCode::OK, "application/json", listing::json(&entries)),
            ),
            _ => {
                let index = [parts.as_slice(), &[INDEX.to_vec()]].concat();
                if let Ok(Found::File(file, metadata)) = folder.find(&index) {
                    return file_answer(asked, INDEX, file, &metadata);
                }
                listing::entries(folder, &opened, &parts).map_or_else(
                    |_| nothing(),
                    |entries| {
                        let page = listing::page(&parts, &entries);
                        Answer::text(StatusCode::OK, "text/html; charset=utf-8", page)
                    },
                )
            }
        },
        _ => nothing(),
    }
}

fn file_answer(asked: &Asked, name: &[u8], file: File, metadata: &Metadata) -> Answer {
    let stamp = Stamp::from(metadata);
    let size = stamp.size_bytes;
    let version = Version::new(size, stamp.mtime_ns, stamp.inode, SystemTime::now());
    let ranges = asked.method == Method::GET;
    let (status, part) = match wanted(&asked.headers, &version, size, ranges) {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::NotModified => (StatusCode::NOT_MODIFIED, 0..0),
        Wanted::Otherwise => return Answer::plain(StatusCode::PRECONDITION_FAILED),
        Wanted::NoSuchPart => {
            return Answer::plain(StatusCode::RANGE_NOT_SATISFIABLE)
                .with(header::CONTENT_RANGE, &format!("bytes */{size}"));
        }
    };
    let kind = mime_guess::from_path(String::from_utf8_lossy(name).as_ref()).first_or_octet_stream();
    let range = format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1));
    let length = part.end - part.start;
    let content = Content::File { file: Arc::new(file), stamp, part };
    let mut answer = Answer { status, headers: HeaderMap::new(), content, length }
        .with(header::CONTENT_TYPE, kind.essence_str())
        .with(header::ACCEPT_RANGES, "bytes")
        .with(header::ETAG, &version.etag);
    if let Some(modified) = version.modified {
        answer = answer.with(header::LAST_MODIFIED, &httpdate::fmt_http_date(modified));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        answer = answer.with(header::CONTENT_RANGE, &range);
    }
    answer
}
