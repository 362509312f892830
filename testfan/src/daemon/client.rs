//! The daemon's other side: finds it, starts it where there is none, asks it. Must not know what it keeps.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::request::{Answer, Ask, Request, Status, Warm, text};
use super::socket;
use super::wire::Line;
use crate::error::Error;

/// A daemon that nobody has asked for so long ends.
pub const IDLE: Duration = Duration::from_mins(15);
/// How long a daemon may take to answer: it may have to start Python first.
const PATIENCE: Duration = Duration::from_mins(1);

/// A zygote that the daemon has made for this run.
#[derive(Debug)]
pub struct Given {
    /// Its process id and its process group.
    pub pid: u32,
    /// How far it is.
    pub warm: Warm,
    /// When this is dropped while the zygote lives, the daemon ends it.
    pub hold: Line,
}

/// Asks for a zygote, of a daemon that is started if need be.
pub fn zygote(
    python: &Path,
    entry: PathBuf,
    begin: Value,
    collected: bool,
    files: &[BorrowedFd<'_>],
) -> Result<Given, Error> {
    let request = Request {
        python: find(python).map_err(Error::Daemon)?,
        entry,
        folder: text(std::env::current_dir().map_err(Error::Daemon)?.as_os_str()),
        environment: environment(),
        umask: umask(),
        begin,
        collected,
    };
    let (mut line, _) = start(IDLE)?;
    match ask(&mut line, &Ask::Run(Box::new(request)), files).map_err(Error::Daemon)? {
        Answer::Running { pid, warm } => Ok(Given { pid, warm, hold: line }),
        Answer::Refused { reason } => Err(Error::Daemon(io::Error::other(reason))),
        Answer::Status(_) => Err(Error::Daemon(io::ErrorKind::InvalidData.into())),
    }
}

/// A connection to the daemon, and whether it was started for it.
pub fn start(idle: Duration) -> Result<(Line, bool), Error> {
    let path = socket::path()?;
    if let Ok(stream) = socket::connect(&path) {
        return Ok((patient(stream).map_err(Error::Daemon)?, false));
    }
    let _lock = socket::lock(&path)?;
    // Somebody else may have been quicker.
    let (stream, started) = match socket::connect(&path) {
        Ok(stream) => (stream, false),
        Err(_) => (spawn(&path, idle)?, true),
    };
    Ok((patient(stream).map_err(Error::Daemon)?, started))
}

/// What the daemon has; none when there is none.
pub fn status() -> Result<Option<Status>, Error> {
    simple(&Ask::Status)
}

/// Ends the daemon; what it had, or none when there was none. Runs that go on are left alone.
pub fn stop() -> Result<Option<Status>, Error> {
    let had = simple(&Ask::Stop)?;
    let path = socket::path()?;
    if had.is_some() {
        // Until its place is free; what holds it then is another one's.
        for _ in 0..500 {
            if !path.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(had)
}

fn simple(what: &Ask) -> Result<Option<Status>, Error> {
    let Ok(stream) = socket::connect(&socket::path()?) else { return Ok(None) };
    let mut line = patient(stream).map_err(Error::Daemon)?;
    match ask(&mut line, what, &[]).map_err(Error::Daemon)? {
        Answer::Status(status) => Ok(Some(status)),
        _ => Err(Error::Daemon(io::ErrorKind::InvalidData.into())),
    }
}

fn ask(line: &mut Line, what: &Ask, files: &[BorrowedFd<'_>]) -> io::Result<Answer> {
    line.send(what, files)?;
    let (answer, _) = line.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(answer)
}

fn patient(stream: UnixStream) -> io::Result<Line> {
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(Line::new(stream))
}

/// The socket is there before the daemon is, so that whoever comes need not try again and again.
fn spawn(path: &Path, idle: Duration) -> Result<UnixStream, Error> {
    let listener = socket::bind(path)?;
    Command::new(std::env::current_exe().map_err(Error::Daemon)?)
        .args([OsStr::new("daemon"), OsStr::new("serve"), path.as_os_str(), OsStr::new("--idle")])
        .arg(idle.as_secs_f64().to_string())
        .env_clear()
        .current_dir("/")
        .stdin(OwnedFd::from(listener))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(Error::Daemon)?;
    socket::connect(path).map_err(Error::Daemon)
}

/// The interpreter as an absolute path, by this process's `PATH`.
fn find(python: &Path) -> io::Result<PathBuf> {
    if python.components().count() > 1 {
        return std::path::absolute(python);
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(python)).find(|path| path.is_file());
    found.map_or_else(|| Err(io::ErrorKind::NotFound.into()), std::path::absolute)
}

fn environment() -> Vec<(String, String)> {
    let variable = |(name, value): (OsString, OsString)| (text(&name), text(&value));
    let mut all: Vec<_> = std::env::vars_os().map(variable).collect();
    all.sort_unstable();
    all
}

/// By proc(5), for the system call that reads it sets it too.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    mask.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()).unwrap_or(0o022)
}
