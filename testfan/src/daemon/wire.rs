//! Messages over a socket, one JSON object a line, and the open files that travel with them.
//! Must not know what they mean.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::source::transmit;

/// How many open files travel with a message at most.
pub const MOST_FILES: usize = 3;
/// Longer than any message should be: beyond it the other side is not speaking the protocol.
const LONGEST_LINE: usize = 1 << 28;

/// A connection that is asked and answered in turn.
#[derive(Debug)]
pub struct Line {
    socket: UnixStream,
    received: Vec<u8>,
    files: Vec<OwnedFd>,
}

impl Line {
    /// Over this socket.
    pub fn new(socket: UnixStream) -> Line {
        Line { socket, received: Vec::new(), files: Vec::new() }
    }

    /// The socket below.
    pub fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// Sends one message, with open files.
    pub fn send(&self, message: &impl Serialize, files: &[BorrowedFd<'_>]) -> io::Result<()> {
        transmit(&self.socket, message, files)
    }

    /// The next message and the files that came with it; none when the other side is gone.
    pub fn receive<M: DeserializeOwned>(&mut self) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                return Ok(Some((serde_json::from_slice(&line)?, std::mem::take(&mut self.files))));
            }
            if self.received.len() > LONGEST_LINE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an endless line"));
            }
            if self.read()? == 0 {
                return Ok(None);
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 1 << 14];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let count = loop {
            let slices = &mut [IoSliceMut::new(&mut chunk)];
            match recvmsg(&self.socket, slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::CONNRESET) => break 0,
                other => break other?.bytes,
            }
        };
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                self.files.extend(files);
            }
        }
        self.received.extend_from_slice(&chunk[..count]);
        Ok(count)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn files_come_with_their_message() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut reader, mut writer) = io::pipe().unwrap();
        let long = "x".repeat(200_000);
        let sending = std::thread::spawn(move || {
            let line = Line::new(ours);
            line.send(&long, &[writer.as_fd()]).unwrap();
            line.send(&"second", &[]).unwrap();
            writer.write_all(b"!").unwrap();
        });
        let mut line = Line::new(theirs);
        let (first, files) = line.receive::<String>().unwrap().unwrap();
        assert_eq!((first.len(), files.len()), (200_000, 1));
        let (second, none) = line.receive::<String>().unwrap().unwrap();
        assert_eq!((second.as_str(), none.len()), ("second", 0));
        sending.join().unwrap();
        drop(files);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "!");
        assert!(line.receive::<String>().unwrap().is_none());
    }
}
