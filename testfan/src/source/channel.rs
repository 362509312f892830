//! One end of a private socket to a Python process: lines out, lines in on a thread of their own.
//! Must not know what the messages mean.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::Sender;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Event;

/// Why nothing more will come from a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It ended, or closed its channel.
    Ended,
    /// It wrote something that is not the protocol.
    Garbage(String),
}

/// The sending half of a channel.
#[derive(Debug)]
pub struct Peer {
    socket: UnixStream,
}

impl Peer {
    /// A channel and the other end of it, which a Python process is to get.
    pub fn pair() -> io::Result<(Peer, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Peer { socket: ours }, theirs.into()))
    }

    /// Sends one message. That the process is gone is no error: its end is an event of its own.
    pub fn send(&self, message: &impl Serialize) -> io::Result<()> {
        transmit(&self.socket, message, &[])
    }

    /// Sends one message together with open files, three at most.
    pub fn send_with(&self, message: &impl Serialize, files: &[BorrowedFd<'_>]) -> io::Result<()> {
        transmit(&self.socket, message, files)
    }

    /// Turns what the process says into events, until its channel ends, it says garbage, or the
    /// process `pid` itself ends: a child that a test left behind may hold the channel open.
    pub fn listen<M: DeserializeOwned + 'static>(
        &self,
        pid: Option<i32>,
        events: Sender<Event>,
        message: impl Fn(M) -> Event + Send + 'static,
        closed: impl FnOnce(Closed) -> Event + Send + 'static,
    ) -> io::Result<()> {
        let socket = self.socket.try_clone()?;
        let process =
            pid.and_then(Pid::from_raw).map(|pid| pidfd_open(pid, PidfdFlags::empty())).transpose()?;
        thread::Builder::new().name("channel".into()).spawn(move || {
            let why = read_lines(&socket, process.as_ref(), |line| match serde_json::from_slice(line) {
                // Nobody listens any more when the run is over.
                Ok(known) => events.send(message(known)).map_err(|_| Closed::Ended),
                Err(error) => {
                    let start: String = String::from_utf8_lossy(line).chars().take(60).collect();
                    Err(Closed::Garbage(format!("{error}: {start}")))
                }
            });
            let _ = events.send(closed(why));
        })?;
        Ok(())
    }
}

/// Sends one message together with open files, three at most. That the other side is gone is no error.
pub fn transmit(
    mut socket: &UnixStream,
    message: &impl Serialize,
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(files));
    }
    let sent = sendmsg(socket, &[IoSlice::new(&line)], &mut ancillary, SendFlags::NOSIGNAL);
    let written = match sent {
        Ok(count) => socket.write_all(&line[count..]),
        Err(error) => Err(error.into()),
    };
    match written {
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
            Ok(())
        }
        other => other,
    }
}

/// Longer than any message should be: beyond it the other side is not speaking the protocol.
const LONGEST_LINE: usize = 1 << 28;

fn read_lines(
    socket: &UnixStream,
    process: Option<&OwnedFd>,
    mut each: impl FnMut(&[u8]) -> Result<(), Closed>,
) -> Closed {
    let mut buffer = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        let count = match wait_and_read(socket, process, &mut chunk) {
            Ok(0) | Err(_) if buffer.is_empty() => return Closed::Ended,
            Ok(0) | Err(_) => return Closed::Garbage(String::from_utf8_lossy(&buffer).into_owned()),
            Ok(count) => count,
        };
        let mut begin = 0;
        let searched = buffer.len();
        buffer.extend_from_slice(&chunk[..count]);
        for at in searched..buffer.len() {
            if buffer[at] == b'\n' {
                if let Err(closed) = each(&buffer[begin..at]) {
                    return closed;
                }
                begin = at + 1;
            }
        }
        buffer.drain(..begin);
        if buffer.len() > LONGEST_LINE {
            return Closed::Garbage("an endless line".to_owned());
        }
    }
}

/// Reads what there is, waiting for it; 0 when the channel ended or the process did and nothing is left.
fn wait_and_read(socket: &UnixStream, process: Option<&OwnedFd>, chunk: &mut [u8]) -> io::Result<usize> {
    if let Some(process) = process {
        let mut files =
            [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN), PollFd::new(process, PollFlags::IN)];
        loop {
            match poll(&mut files, None) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => break,
            }
        }
        if files[0].revents().is_empty() {
            return Ok(0);
        }
    }
    (&mut &*socket).read(chunk)
}
