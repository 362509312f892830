//! A file of an SFTP server as a plain stream of bytes: a task asks ahead for many pieces, the reader takes them in
//! order. Must not know how the file was found.

use std::io::{self, ErrorKind, Read, SeekFrom};
use std::sync::Arc;

use russh_sftp::client::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::session::Session;
use super::version;
use crate::hash::CHUNK;
use crate::transfer::Validators;

/// So many pieces may wait for their reader, beside those that are asked for.
const WAITING: usize = 4;

/// The bytes of one file.
pub struct Stream {
    pieces: Receiver<io::Result<Vec<u8>>>,
    /// The piece being read; an empty one is the file's end.
    piece: Vec<u8>,
    /// How much of it was read.
    read: usize,
    ended: bool,
}

/// A file being sent, and the connection that it comes over, which must stay open meanwhile.
struct Pump {
    file: File,
    from: u64,
    size: Option<u64>,
    version: Validators,
    pieces: Sender<io::Result<Vec<u8>>>,
    _session: Arc<Session>,
}

impl Stream {
    /// Begins to get `file`, of this size and version, from byte `from` on.
    pub fn start(
        runtime: &Handle,
        session: Arc<Session>,
        file: File,
        from: u64,
        size: Option<u64>,
        version: Validators,
    ) -> Stream {
        let (sender, pieces) = mpsc::channel(WAITING);
        runtime.spawn(Pump { file, from, size, version, pieces: sender, _session: session }.run());
        Stream { pieces, piece: Vec::new(), read: 0, ended: false }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.read == self.piece.len() && !self.ended {
            // The end is told by an empty piece: silence is a task that did not come so far.
            self.piece = self.pieces.blocking_recv().unwrap_or_else(|| Err(ErrorKind::BrokenPipe.into()))?;
            self.read = 0;
            self.ended = self.piece.is_empty();
        }
        let count = Read::read(&mut &self.piece[self.read..], bytes)?;
        self.read += count;
        Ok(count)
    }
}

impl Pump {
    async fn run(mut self) {
        if let Err(error) = self.send().await {
            // Nobody listens when the reader is gone.
            let _ = self.pieces.send(Err(error)).await;
        }
    }

    async fn send(&mut self) -> io::Result<()> {
        if self.from > 0 {
            self.file.seek(SeekFrom::Start(self.from)).await?;
        }
        // Never asks behind the end that is known, which would cost an answer more.
        let mut left = self.size.map_or(u64::MAX, |size| size.saturating_sub(self.from));
        while left > 0 {
            let mut piece = Vec::with_capacity(usize::try_from(left).unwrap_or(CHUNK).min(CHUNK));
            let read = (&mut self.file).take(left).read_buf(&mut piece).await?;
            if read == 0 {
                break;
            }
            left -= read as u64;
            if self.pieces.send(Ok(piece)).await.is_err() {
                return Ok(());
            }
        }
        let now = self.file.metadata().await.map_err(io::Error::other)?;
        if version(&now) != self.version {
            return Err(io::Error::other("it was changed meanwhile"));
        }
        // Fails only when nobody waits for it.
        let _ = self.pieces.send(Ok(Vec::new())).await;
        Ok(())
    }
}
