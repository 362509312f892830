//! Writes records, one a line, flushed, in order; notices when nobody reads any more.
//! Must not know what the records say.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

use crate::record::{Envelope, VERSION};

/// Standard output as both forms see it: a write to a reader that has gone away is not an error,
/// it is remembered ([`Output::reader_gone`]) and everything after it is dropped.
///
/// A filter asks and stops; a tool that gives a verdict goes on and gives it.
/// Cloning gives another handle on the same output.
#[derive(Clone)]
pub struct Output {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    sink: Box<dyn Write + Send>,
    began: Instant,
    seq: u64,
    reader_gone: bool,
}

impl Output {
    /// An output onto `sink`; record times count from now.
    pub fn new(sink: impl Write + Send + 'static) -> Self {
        let shared = Shared { sink: Box::new(sink), began: Instant::now(), seq: 0, reader_gone: false };
        Output { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Writes one record on a line of its own and flushes it.
    pub fn record<R: Serialize>(&self, record: &R) -> io::Result<()> {
        self.lock().record(record)
    }

    /// Writes the record that is the last one: what comes after it, from whatever thread, is dropped.
    pub fn last_record<R: Serialize>(&self, record: &R) -> io::Result<()> {
        let mut shared = self.lock();
        let written = shared.record(record);
        shared.reader_gone = true;
        written
    }

    /// True once a write met a closed pipe.
    pub fn reader_gone(&self) -> bool {
        self.lock().reader_gone
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn record<R: Serialize>(&mut self, record: &R) -> io::Result<()> {
        let at_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut line = serde_json::to_vec(&Envelope { v: VERSION, seq: self.seq, at_us, record })?;
        line.push(b'\n');
        self.seq += 1;
        self.put(&line)?;
        self.flush()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = if self.reader_gone { Ok(()) } else { self.sink.write_all(bytes) };
        self.forgive(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = if self.reader_gone { Ok(()) } else { self.sink.flush() };
        self.forgive(flushed)
    }

    fn forgive(&mut self, result: io::Result<()>) -> io::Result<()> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader_gone = true;
                Ok(())
            }
            other => other,
        }
    }
}

/// Text for people; the bytes go through as they are.
impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().put(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let output = Output::new(Closed);
        assert!(!output.reader_gone());
        assert!(output.record(&serde_json::json!({"type": "x.y.done"})).is_ok());
        assert!(output.reader_gone());
    }

    #[test]
    fn a_full_disk_is_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(Output::new(Full).record(&serde_json::json!({})).is_err());
    }
}
