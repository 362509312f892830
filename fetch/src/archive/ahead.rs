//! Reads a stream in a thread of its own, some pieces ahead of whoever uses it. Must not know what the bytes are.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

/// How many bytes a piece has.
const PIECE: usize = 256 * 1024;
/// How many pieces are read ahead.
const PIECES: usize = 8;

/// Gives `consume` the stream `source`, which is read meanwhile.
pub fn read_ahead<T>(source: impl Read + Send, consume: impl FnOnce(&mut dyn Read) -> T) -> T {
    let (full, pieces) = mpsc::sync_channel(PIECES);
    let (empty, used) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || read_on(source, &used, |piece| full.send(piece).is_ok()));
        consume(&mut Ahead { pieces, empty, piece: Vec::new(), at: 0 })
        // The stream is dropped here, which ends the thread.
    })
}

/// Reads piece after piece until the stream ends or fails, or nobody takes them.
fn read_on(mut source: impl Read, used: &Receiver<Vec<u8>>, hand_over: impl Fn(io::Result<Vec<u8>>) -> bool) {
    loop {
        let mut piece = used.try_recv().unwrap_or_default();
        piece.resize(PIECE, 0);
        let filled = fill(&mut source, &mut piece);
        let (length, error) = match filled {
            (length, Ok(())) => (length, None),
            (length, Err(error)) => (length, Some(error)),
        };
        let last = length < PIECE;
        piece.truncate(length);
        if !hand_over(Ok(piece)) {
            return;
        }
        if let Some(error) = error {
            hand_over(Err(error));
        }
        if last {
            return;
        }
    }
}

/// How many bytes came before the piece was full, the stream ended, or it failed.
fn fill(source: &mut impl Read, piece: &mut [u8]) -> (usize, io::Result<()>) {
    let mut length = 0;
    while length < piece.len() {
        match source.read(&mut piece[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (length, Err(error)),
        }
    }
    (length, Ok(()))
}

struct Ahead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    empty: Sender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Ahead {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            // The thread is over: the stream has ended.
            let Ok(piece) = self.pieces.recv() else { return Ok(0) };
            // The thread may be over and need no more pieces.
            let _ = self.empty.send(std::mem::replace(&mut self.piece, piece?));
            self.at = 0;
        }
        let length = bytes.len().min(self.piece.len() - self.at);
        bytes[..length].copy_from_slice(&self.piece[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_and_then_the_error() {
        struct Failing(usize);
        impl Read for Failing {
            fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
                let length = bytes.len().min(self.0).min(1000);
                self.0 -= length;
                bytes[..length].fill(7);
                if length > 0 { Ok(length) } else { Err(io::Error::other("broken")) }
            }
        }
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let mut bytes = Vec::new();
            let error = read_ahead(Failing(size), |stream| stream.read_to_end(&mut bytes));
            assert_eq!((bytes.len(), error.map_err(|error| error.to_string())), (size, Err("broken".into())));
            let whole =
                read_ahead(io::repeat(7).take(size as u64), |stream| stream.read_to_end(&mut Vec::new()));
            assert_eq!(whole.ok(), Some(size));
        }
    }

    #[test]
    fn a_reader_that_stops_early_does_not_hang() {
        read_ahead(io::repeat(0), |stream| stream.read(&mut [0; 10]).map(|_| ())).unwrap_or_default();
    }
}
