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

/// Reads a stream to its end. A character may come in two pieces, and a line where more comes than is read at once;
/// they are put together here, lest other text come in between.
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
            begun = if length == chunk.len() { cut_line(&chunk) } else { 0 };
            if begun == 0 {
                begun = cut_character(&chunk[..length]);
            }
            let text = String::from_utf8_lossy(&chunk[..length - begun]).into_owned();
            chunk.copy_within(length - begun..length, 0);
            if !text.is_empty() && events.send(Event::Printed(worker, source, text)).is_err() {
                return;
            }
        }
        // Nobody listens any more when the run is over.
        if begun > 0 {
            let text = String::from_utf8_lossy(&chunk[..begun]).into_owned();
            let _ = events.send(Event::Printed(worker, source, text));
        }
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

/// How many bytes at the end are the beginning of a line; 0 when all are.
fn cut_line(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| bytes.len() - end - 1)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_cut_while_more_is_there() {
        let text = format!("{}\n", "é".repeat(49)).repeat(1000) + "unfinished";
        let (sender, events) = std::sync::mpsc::channel();
        forward(io::Cursor::new(text.clone()), None, TextSource::Stdout, sender).unwrap();
        let mut whole = String::new();
        for event in events {
            let Event::Printed(_, _, part) = event else { continue };
            assert!(part.ends_with('\n') || part.ends_with("unfinished"), "{part}");
            whole += &part;
        }
        assert_eq!(whole, text);
    }

    #[test]
    fn only_an_unfinished_character_waits() {
        assert_eq!(cut_character("aé".as_bytes()), 0);
        assert_eq!(cut_character(&"aé".as_bytes()[..2]), 1);
        assert_eq!(cut_character(b"a\xff"), 0);
    }
}
