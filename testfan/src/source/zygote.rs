//! The Python process that collects and makes the workers: starting it, and its channel.
//! Must not know when a worker is wanted, nor why.

use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;

use super::streams::forward;
use super::{Event, Peer, Streams, carried, kill_group};
use crate::error::Error;
use crate::events::TextSource;
use crate::protocol::{Begin, ToZygote};

/// How to start a zygote.
#[derive(Clone, Debug)]
pub struct ZygoteOptions {
    /// The interpreter.
    pub python: PathBuf,
    /// The first message.
    pub begin: Begin,
}

/// The running zygote. Dropping it ends it, its workers and what they started.
#[derive(Debug)]
pub struct Zygote {
    child: Child,
    peer: Peer,
    ended: bool,
}

impl Zygote {
    /// Starts Python; what it says comes as events.
    ///
    /// It leads a process group of its own, so that Ctrl-C on the terminal reaches it once, through
    /// testfan, in order.
    pub fn start(options: &ZygoteOptions, events: &Sender<Event>) -> Result<Zygote, Error> {
        let entry = carried::lay_out()?;
        let (peer, theirs) = Peer::pair().map_err(Error::Channel)?;
        let mut child = Command::new(&options.python)
            .arg(&entry)
            .arg("zygote")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|cause| Error::Python { python: options.python.clone(), cause })?;
        let stdout = child.stdout.take();
        let zygote = Zygote { child, peer, ended: false };
        if let Some(stdout) = stdout {
            forward(stdout, None, TextSource::Stdout, events.clone()).map_err(Error::Channel)?;
        }
        zygote
            .peer
            .listen(None, events.clone(), Event::Zygote, Event::ZygoteClosed)
            .map_err(Error::Channel)?;
        zygote.peer.send(&options.begin).map_err(Error::Channel)?;
        Ok(zygote)
    }

    /// Its process id, which is also its process group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it for something.
    pub fn ask(&self, message: &ToZygote) -> Result<(), Error> {
        self.peer.send(message).map_err(Error::Channel)
    }

    /// Asks it for a worker; returns the channel to it, on which `begin` is already under way.
    pub fn make_worker(&self, order: &ToZygote, begin: &Begin, streams: &Streams) -> Result<Peer, Error> {
        let (peer, theirs) = Peer::pair().map_err(Error::Channel)?;
        let files = [theirs.as_fd(), streams.stdout.as_fd(), streams.stderr.as_fd()];
        self.peer.send_with(order, &files).map_err(Error::Channel)?;
        peer.send(begin).map_err(Error::Channel)?;
        Ok(peer)
    }

    /// Waits for its end: the exit code, or 128 and the signal that ended it.
    pub fn wait(mut self) -> Result<i32, Error> {
        let status = self.child.wait().map_err(Error::Channel)?;
        self.ended = true;
        Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        if !self.ended {
            kill_group(self.pid());
            let _ = self.child.wait();
        }
    }
}
