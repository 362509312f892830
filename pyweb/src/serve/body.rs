//! The bytes of a response, and the log of what became of it. Must not know which file is asked for or why.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::OWN;
use super::answer::Asked;
use super::live::Feed;
use crate::events::Record;

/// So many bytes are read and sent at a time.
const CHUNK: u64 = 256 * 1024;

/// What a response holds.
#[derive(Debug)]
pub enum Content {
    /// Bytes in memory, perhaps none.
    Text(Bytes),
    /// A part of a file.
    File {
        /// The open file.
        file: Arc<File>,
        /// Which bytes are still to be sent.
        part: Range<u64>,
    },
    /// What is told as it happens, without an end.
    Feed(Feed),
}

/// A response's body.
#[derive(Debug)]
pub struct Payload {
    content: Content,
    /// A helper reads the next bytes.
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    log: Log,
}

/// What becomes of one request; told when the last byte has been handed over or the client is gone.
#[derive(Debug)]
pub struct Log {
    method: String,
    path: String,
    status: u16,
    bytes: u64,
    began: Instant,
    records: SyncSender<Record>,
}

impl Log {
    /// Begins with the request.
    pub fn begin(asked: &Asked, records: SyncSender<Record>) -> Log {
        let (method, path) = (asked.method.to_string(), asked.path.clone());
        Log { method, path, status: 0, bytes: 0, began: Instant::now(), records }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // What pages and server say to each other is their own affair.
        if self.path.starts_with(OWN) {
            return;
        }
        let served = Record::RequestServed {
            method: std::mem::take(&mut self.method),
            path: std::mem::take(&mut self.path),
            status: self.status,
            bytes: self.bytes,
            duration_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
        };
        // Nobody listens any more only when the server is ending.
        let _ = self.records.send(served);
    }
}

impl Payload {
    /// A body that goes out with the status `status`.
    pub fn new(content: Content, status: u16, mut log: Log) -> Payload {
        log.status = status;
        Payload { content, reading: None, log }
    }

    /// The next bytes of a file; an end before the promised length breaks the connection, so that the client knows.
    fn poll_file(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Content::File { file, part } = &mut self.content else { return Poll::Ready(None) };
        if part.is_empty() {
            return Poll::Ready(None);
        }
        let reading = self.reading.get_or_insert_with(|| {
            let (file, at) = (Arc::clone(file), part.start);
            let length = usize::try_from(CHUNK.min(part.end - part.start)).unwrap_or_default();
            tokio::task::spawn_blocking(move || {
                let mut chunk = vec![0; length];
                let read = file.read_at(&mut chunk, at)?;
                chunk.truncate(read);
                Ok(chunk.into())
            })
        });
        let read: io::Result<Bytes> =
            ready!(Pin::new(reading).poll(context)).map_err(io::Error::other).flatten();
        self.reading = None;
        Poll::Ready(Some(read.and_then(|bytes| {
            if bytes.is_empty() {
                return Err(io::Error::other("the file became shorter while it was sent"));
            }
            part.start += bytes.len() as u64;
            Ok(bytes)
        })))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let next = match &mut this.content {
            Content::Text(bytes) if bytes.is_empty() => None,
            Content::Text(bytes) => Some(Ok(std::mem::take(bytes))),
            Content::File { .. } => ready!(this.poll_file(context)),
            Content::Feed(feed) => ready!(feed.poll(context)).map(Ok),
        };
        if let Some(Ok(bytes)) = &next {
            this.log.bytes += bytes.len() as u64;
        }
        Poll::Ready(next.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Text(bytes) => bytes.is_empty(),
            Content::File { part, .. } => part.is_empty(),
            Content::Feed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Text(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::File { part, .. } => SizeHint::with_exact(part.end - part.start),
            Content::Feed(_) => SizeHint::default(),
        }
    }
}
