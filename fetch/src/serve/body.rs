//! The bytes of a response, paced when they are to be, and the log of what became of it. Must not know which file is
//! asked for or why.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use rustix::io::{ReadWriteFlags, preadv2};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use crate::cache::Stamp;
use crate::events::RequestServed;

/// So many bytes are read and sent at a time.
const CHUNK: u64 = 256 * 1024;
/// A paced connection gets its bytes in so many pieces a second, at least.
const PIECES: u64 = 20;

/// What a response holds.
#[derive(Debug)]
pub enum Content {
    /// Bytes in memory, perhaps none.
    Text(Bytes),
    /// A part of a file.
    File {
        /// The open file.
        file: Arc<File>,
        /// Its state when the head of the response was made.
        stamp: Stamp,
        /// Which bytes.
        part: Range<u64>,
    },
}

/// A response's body.
pub struct Payload {
    content: Content,
    pace: Option<Arc<Mutex<Pace>>>,
    state: State,
    log: Log,
}

enum State {
    Idle,
    /// Until the pace allows so many bytes.
    Waiting(Pin<Box<Sleep>>, u64),
    /// So many bytes may go out.
    Allowed(u64),
    /// A helper waits for the disk.
    Reading(JoinHandle<io::Result<Bytes>>),
}

/// How fast a connection may be.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: NonZeroU64,
    free_at: Instant,
}

impl Pace {
    /// A pace that allows the first piece at once.
    pub fn new(bytes_per_second: NonZeroU64) -> Pace {
        Pace { bytes_per_second, free_at: Instant::now() }
    }

    /// The most bytes that go out in one piece.
    fn piece(&self) -> u64 {
        (self.bytes_per_second.get() / PIECES).clamp(1, CHUNK)
    }

    /// When so many bytes may go out; the next ones only after their time.
    fn take(&mut self, bytes: u64, now: Instant) -> Instant {
        let at = self.free_at.max(now);
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second.get());
        self.free_at = at + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX / 4));
        at
    }
}

/// What becomes of one request; told when the last byte has been handed over or the client is gone.
pub struct Log {
    record: RequestServed,
    began: Instant,
    served: SyncSender<RequestServed>,
}

impl Log {
    /// Begins with the request; its query is left out, as it may hold a secret.
    pub fn begin(request: &hyper::Request<Incoming>, served: SyncSender<RequestServed>) -> Log {
        let method = request.method().as_str().to_owned();
        let path = request.uri().path().to_owned();
        let record = RequestServed { method, path, status: 0, bytes: 0, duration_us: 0 };
        Log { record, began: Instant::now(), served }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let duration_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        // Nobody listens any more only when the server is ending.
        let _ = self.served.send(RequestServed { duration_us, ..self.record.clone() });
    }
}

impl Payload {
    /// A body that goes out at `pace` with the status `status`.
    pub fn new(content: Content, status: u16, pace: Option<Arc<Mutex<Pace>>>, mut log: Log) -> Payload {
        log.record.status = status;
        Payload { content, pace, state: State::Idle, log }
    }

    fn left(&self) -> u64 {
        match &self.content {
            Content::Text(bytes) => bytes.len() as u64,
            Content::File { part, .. } => part.end - part.start,
        }
    }

    /// How many bytes go out next, and when.
    fn allow(&self) -> State {
        let left = self.left();
        let Some(pace) = &self.pace else { return State::Allowed(left.min(CHUNK)) };
        let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
        let piece = left.min(pace.piece());
        let at = pace.take(piece, Instant::now());
        State::Waiting(Box::pin(tokio::time::sleep_until(at.into())), piece)
    }

    /// The next `length` bytes; of a file, at once if the system has them at hand, else by a helper.
    fn read(&mut self, length: u64) -> Result<Bytes, JoinHandle<io::Result<Bytes>>> {
        match &mut self.content {
            Content::Text(bytes) => Ok(bytes.split_to(usize::try_from(length).unwrap_or(bytes.len()))),
            Content::File { file, part, .. } => {
                let mut chunk = vec![0; usize::try_from(length).unwrap_or_default()];
                let at_hand = ReadWriteFlags::NOWAIT;
                match preadv2(&**file, &mut [IoSliceMut::new(&mut chunk)], part.start, at_hand) {
                    Ok(read) if read > 0 => {
                        chunk.truncate(read);
                        Ok(chunk.into())
                    }
                    // Not at hand, or a file system that cannot tell.
                    _ => {
                        let (file, at) = (Arc::clone(file), part.start);
                        Err(tokio::task::spawn_blocking(move || {
                            let read = file.read_at(&mut chunk, at)?;
                            chunk.truncate(read);
                            Ok(chunk.into())
                        }))
                    }
                }
            }
        }
    }

    /// Bytes that were read, unless the file has changed since its length and version were told: then the connection
    /// breaks, and the client knows that it does not have the file.
    fn taken(&mut self, bytes: Bytes) -> io::Result<Frame<Bytes>> {
        let length = bytes.len() as u64;
        if let Content::File { file, stamp, part } = &mut self.content {
            part.start += length;
            let ends = part.is_empty() || length == 0;
            if length == 0 || ends && Stamp::from(&file.metadata()?) != *stamp {
                return Err(io::Error::other("the file changed while it was sent"));
            }
        }
        self.log.record.bytes += length;
        Ok(Frame::data(bytes))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        loop {
            let left = this.left();
            let read = match &mut this.state {
                State::Idle if left == 0 => return Poll::Ready(None),
                State::Idle => {
                    this.state = this.allow();
                    continue;
                }
                State::Waiting(sleep, length) => {
                    ready!(sleep.as_mut().poll(context));
                    this.state = State::Allowed(*length);
                    continue;
                }
                State::Allowed(length) => {
                    let length = *length;
                    match this.read(length) {
                        Ok(bytes) => Ok(bytes),
                        Err(reading) => {
                            this.state = State::Reading(reading);
                            continue;
                        }
                    }
                }
                State::Reading(reading) => {
                    ready!(Pin::new(reading).poll(context)).map_err(io::Error::other).flatten()
                }
            };
            this.state = State::Idle;
            return Poll::Ready(Some(read.and_then(|bytes| this.taken(bytes))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}
