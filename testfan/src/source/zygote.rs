//! The Python process that collects and makes the workers: starting it, and its channel.
//! Must not know when a worker is wanted, nor why.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::streams::forward;
use super::{Event, Peer, Streams, carried, kill_group};
use crate::daemon::client::{self, Given};
use crate::daemon::request::Warm;
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
    /// Whether to have it of the daemon.
    pub daemon: bool,
    /// Whether, if so, it may have collected before.
    pub collected: bool,
}

/// The running zygote. Dropping it ends it, its workers and what they started.
#[derive(Debug)]
pub struct Zygote {
    process: Process,
    peer: Peer,
    ended: bool,
}

#[derive(Debug)]
enum Process {
    /// This process's child.
    Ours(Child),
    /// A copy of one of the daemon's processes. It says itself with which exit code it ends.
    Given { given: Given, process: OwnedFd, code: Option<i32> },
}

impl Zygote {
    /// Starts Python; what it says comes as events.
    ///
    /// It leads a process group of its own, so that Ctrl-C on the terminal reaches it once, through
    /// testfan, in order.
    pub fn start(options: &ZygoteOptions, events: &Sender<Event>) -> Result<Zygote, Error> {
        let entry = carried::lay_out()?;
        let (peer, theirs) = Peer::pair().map_err(Error::Channel)?;
        let (stdout, theirs_stdout) = std::io::pipe().map_err(Error::Channel)?;
        let process = if options.daemon {
            let stderr = std::io::stderr();
            let files = [theirs.as_fd(), theirs_stdout.as_fd(), stderr.as_fd()];
            let begin = serde_json::to_value(&options.begin).unwrap_or_default();
            let given = client::zygote(&options.python, entry, begin, options.collected, &files)?;
            let pid = i32::try_from(given.pid).ok().and_then(Pid::from_raw);
            let process = pid.ok_or(rustix::io::Errno::SRCH);
            let process = process.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
            Process::Given {
                given,
                process: process.map_err(|error| Error::Daemon(error.into()))?,
                code: None,
            }
        } else {
            let started = Command::new(&options.python)
                .arg(&entry)
                .arg("zygote")
                .stdin(Stdio::from(theirs))
                .stdout(theirs_stdout)
                .process_group(0)
                .spawn();
            Process::Ours(started.map_err(|cause| Error::Python { python: options.python.clone(), cause })?)
        };
        let zygote = Zygote { process, peer, ended: false };
        forward(stdout, None, TextSource::Stdout, events.clone()).map_err(Error::Channel)?;
        zygote
            .peer
            .listen(None, events.clone(), Event::Zygote, Event::ZygoteClosed)
            .map_err(Error::Channel)?;
        zygote.peer.send(&options.begin).map_err(Error::Channel)?;
        Ok(zygote)
    }

    /// Its process id, which is also its process group.
    pub fn pid(&self) -> u32 {
        match &self.process {
            Process::Ours(child) => child.id(),
            Process::Given { given, .. } => given.pid,
        }
    }

    /// What the daemon had done for it.
    pub fn warm(&self) -> Option<Warm> {
        match &self.process {
            Process::Ours(_) => None,
            Process::Given { given, .. } => Some(given.warm),
        }
    }

    /// It said with which exit code it ends.
    pub fn ends_with(&mut self, exit: i32) {
        if let Process::Given { code, .. } = &mut self.process {
            *code = Some(exit);
        }
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
        let code = match &mut self.process {
            Process::Ours(child) => {
                let status = child.wait().map_err(Error::Channel)?;
                status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
            }
            Process::Given { process, code, .. } => {
                ended(process, None).map_err(Error::Channel)?;
                // Nobody tells by which signal.
                code.unwrap_or(128)
            }
        };
        self.ended = true;
        Ok(code)
    }
}

/// Waits for the end of a process that is not this one's child, for so long; false when it has not ended.
fn ended(process: &OwnedFd, timeout: Option<&Timespec>) -> std::io::Result<bool> {
    let mut files = [PollFd::new(process, PollFlags::IN)];
    loop {
        match poll(&mut files, timeout) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other? > 0),
        }
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        match &mut self.process {
            Process::Ours(child) => {
                kill_group(child.id());
                let _ = child.wait();
            }
            // The number of a process that has ended may be another one's by now.
            Process::Given { given, process, .. } => {
                if matches!(ended(process, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(false)) {
                    kill_group(given.pid);
                }
            }
        }
    }
}
