//! What Python processes write past pytest's capturing, each stream read by a thread of its own.
//! Must not know how it is shown.

use std::io::{self, PipeWriter, Read};
use std::sync::mpsc::Sender;
use std::thread;

use super::Event;
use crate::events::TextSource;
use crate::protocol::WorkerId;

/// Standard output and standard error.
pub const STREAMS_PER_WORKER: usize = 2;

/// The writing ends of a worker's streams, to be handed to it.
#[derive(Debug)]
pub struct Streams {
    pub(super) stdout: PipeWriter,
    pub(super) stderr: PipeWriter,
}

impl Streams {
    /// Makes them, and turns what the worker writes into events.
    pub fn of(worker: WorkerId, events: &Sender<Event>) -> io::Result<Streams> {
        let (from_stdout, stdout) = io::pipe()?;
        let (from_stderr, stderr) = io::pipe()?;
        forward(from_stdout, Some(worker), TextSource::Stdout, events.clone())?;
        forward(from_stderr, Some(worker), TextSource::Stderr, events.clone())?;
        Ok(Streams { stdout, stderr })
    }
}

/// Reads a stream to its end. A character may come in two pieces; they are put together here.
pub(super) fn forward(
    mut stream: impl Read + Send + 'static,
    worker: Option<WorkerId>,
    source: TextSource,
    events: Sender<Event>,
) -> io::Result<()> {
    thread::Builder::new().name("stream".into()).spawn(move || {
        let mut chunk = [0; 1 << 14];
        let mut begun = 0;
        while let Ok(count @ 1..) = stream.read(&mut chunk[begun..]) {
            let length = begun + count;
            begun = cut_character(&chunk[..length]);
            let text = String::from_utf8_lossy(&chunk[..length - begun]).into_owned();
            chunk.copy_within(length - begun..length, 0);
            if !text.is_empty() && events.send(Event::Printed(worker, source, text)).is_err() {
                return;
            }
        }
        // Nobody listens any more when the run is over.
        let _ = events.send(Event::StreamClosed);
    })?;
    Ok(())
}

/// How many bytes at the end are the beginning of a character.
fn cut_character(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.len() - error.valid_up_to(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unfinished_character_waits() {
        assert_eq!(cut_character("aé".as_bytes()), 0);
        assert_eq!(cut_character(&"aé".as_bytes()[..2]), 1);
        assert_eq!(cut_character(b"a\xff"), 0);
    }
}
