//! The daemon's Python processes: a base for each interpreter, environment and folder, and those parked from it.
//! Must not know who asks for copies of them.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use super::fingerprint::{Fingerprint, Inputs};
use super::request::{self, FromResident, Request, ToResident, bytes, path};
use super::wire::{Line, MOST_FILES};

/// Longer than a process that waits takes to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that makes copies of itself. Without its channel it ends, as soon as the runs that it made have.
#[derive(Debug)]
pub struct Resident {
    line: Line,
    print: Fingerprint,
    /// The base's; a parked one is its base's child.
    child: Option<Child>,
}

/// A process that collects, and says so when it has.
#[derive(Debug)]
pub struct Collecting {
    line: Line,
    began: SystemTime,
}

/// What became of a collection.
#[derive(Debug)]
pub enum Collected {
    /// It waits for runs. With the modules that every run imports before it looks at the project.
    Parked(Resident, Vec<String>),
    /// No run can do with it, for this reason, while this is unchanged.
    Unfit(String, Fingerprint),
}

impl Resident {
    /// Starts Python as the run would.
    pub fn base(request: &Request) -> io::Result<Resident> {
        let began = SystemTime::now();
        let (ours, theirs) = UnixStream::pair()?;
        let variable = |text: &String| OsString::from_vec(bytes(text));
        let child = Command::new(&request.python)
            .arg(&request.entry)
            .arg("resident")
            .env_clear()
            .envs(request.environment.iter().map(|(name, value)| (variable(name), variable(value))))
            .current_dir(path(&request.folder))
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        ours.set_read_timeout(Some(PATIENCE))?;
        let print = Fingerprint::take(&Inputs::default(), began).map_err(io::Error::other)?;
        let mut base = Resident { line: Line::new(ours), print, child: Some(child) };
        let FromResident::Ready(inputs) = base.answer()? else { return Err(unexpected()) };
        base.print = Fingerprint::take(&looked_at(inputs), began).map_err(io::Error::other)?;
        Ok(base)
    }

    /// A file that is not what it was when this process read it.
    pub fn changed(&mut self) -> Option<PathBuf> {
        self.print.changed()
    }

    /// The zygote of a run, a copy: its process id.
    pub fn run(&mut self, request: &Request, files: &[OwnedFd]) -> io::Result<u32> {
        let Request { folder, environment, umask, .. } = request;
        let message = ToResident::Run { folder, environment, umask: *umask };
        let files: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
        if files.len() != MOST_FILES {
            return Err(unexpected());
        }
        self.line.send(&message, &files)?;
        self.copied()
    }

    /// Has a copy collect.
    pub fn park(&mut self, request: &Request) -> io::Result<Collecting> {
        let Request { folder, environment, umask, begin, .. } = request;
        let message = ToResident::Park { folder, environment, umask: *umask, begin };
        let (ours, theirs) = UnixStream::pair()?;
        let began = SystemTime::now();
        self.line.send(&message, &[theirs.as_fd(), theirs.as_fd(), theirs.as_fd()])?;
        self.copied()?;
        Ok(Collecting { line: Line::new(ours), began })
    }

    /// Imports modules that do not depend on the project; false when it is of no use after that.
    pub fn import(&mut self, modules: &[String]) -> io::Result<bool> {
        let began = SystemTime::now();
        self.line.send(&ToResident::Import { modules }, &[])?;
        let FromResident::Imported { usable, inputs } = self.answer()? else { return Err(unexpected()) };
        let inputs = request::Inputs { inputs, ..request::Inputs::default() };
        match Fingerprint::take(&looked_at(inputs), began) {
            Ok(print) => self.print.extend(print),
            Err(_) => return Ok(false),
        }
        Ok(usable)
    }

    fn copied(&mut self) -> io::Result<u32> {
        match self.answer()? {
            FromResident::Copied { pid } => Ok(pid),
            _ => Err(unexpected()),
        }
    }

    fn answer(&mut self) -> io::Result<FromResident> {
        let (message, _) = self.line.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(message)
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be in the middle of a run, so it is waited for aside. Without a thread it stays a zombie.
            let _ = thread::Builder::new().name("reaper".into()).spawn(move || child.wait());
        }
    }
}

impl Collecting {
    /// Waits for the end of the collection; none when it failed, or pytest had something else to do.
    pub fn wait(mut self) -> io::Result<Option<Collected>> {
        let Some((message, _)) = self.line.receive()? else { return Ok(None) };
        let FromResident::Parked { reason, inputs, libraries } = message else { return Err(unexpected()) };
        let print = Fingerprint::take(&looked_at(inputs), self.began).map_err(io::Error::other)?;
        self.line.socket().set_read_timeout(Some(PATIENCE))?;
        Ok(Some(match reason {
            Some(reason) => Collected::Unfit(reason, print),
            None => Collected::Parked(Resident { line: self.line, print, child: None }, libraries),
        }))
    }
}

fn looked_at(inputs: request::Inputs) -> Inputs {
    let paths = |names: Vec<String>| names.into_iter().map(PathBuf::from).collect();
    Inputs { files: paths(inputs.inputs), folders: paths(inputs.folders), roots: paths(inputs.roots) }
}

fn unexpected() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an answer to something else")
}
