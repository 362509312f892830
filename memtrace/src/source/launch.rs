//! Runs a program with the preload library in it and waits for its end. Must not know what the capture
//! holds.

mod child;
mod elf;
mod library;
mod program;

use std::ffi::OsStr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{SystemTime, UNIX_EPOCH};

use common::Failure;
use common::fs::FileError;
use memtrace_wire::header::{End, Header, SIZE};

pub use child::die_by;
pub use program::Program;

use crate::config::Run;
use crate::error::Error;
use crate::source::capture::{self, Ending};
use crate::source::launch::child::{Ended, Running};

/// How the program ended and what became of its capture.
pub struct Launched {
    /// The header of the finished capture, or why there is none.
    pub capture: Result<Header, Failure>,
    /// How many other processes of the run left captures of their own.
    pub others: usize,
    /// How it ended.
    pub end: End,
}

/// Makes an aggregated capture of the events in another file while the program runs that writes them, and is told how
/// that ended.
pub type Aggregate = fn(&Path, &Path, &Receiver<Ending>) -> Result<Header, Failure>;

/// Runs a program to its end, its allocations going into a new file; or, where only sums are wanted, into one of which
/// `aggregate` makes that.
pub fn launch(run: &Run, aggregate: Aggregate) -> Result<Launched, Failure> {
    let Run { program, capture: path, force, options } = run;
    elf::check(&program.executable)?;
    let library = library::install()?;
    let path = std::path::absolute(path).map_err(FileError::at("find", path))?;
    let started_us = now_us();
    let header = Header {
        claimed: SIZE as u64,
        started_us,
        command: program.words(),
        run: started_us << 16 | u64::from(std::process::id() & 0xffff),
        options: *options,
        ..Header::default()
    };
    let events = if options.aggregate { events_of(&path) } else { path.clone() };
    create(&events, &header, *force)?;
    let started = child::start(program, &library.path, &events);
    let launched = started.map_err(Failure::from).and_then(|running| {
        if options.aggregate {
            aggregated(running, &events, &path, aggregate)
        } else {
            recorded(running, &path)
        }
    });
    if options.aggregate || launched.is_err() {
        // Nothing ran, or nothing is left in it.
        let _ = std::fs::remove_file(&events);
    }
    launched
}

fn recorded(running: Running, path: &Path) -> Result<Launched, Failure> {
    let ended = running.wait()?;
    let (capture, others) = finish(path, Some(ended.end), ended.peak_resident);
    Ok(Launched { capture, others, end: ended.end })
}

fn aggregated(
    running: Running,
    events: &Path,
    path: &Path,
    aggregate: Aggregate,
) -> Result<Launched, Failure> {
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        let aggregator = scope.spawn(move || aggregate(events, path, &told));
        let ended = running.wait()?;
        // One that has failed says so below.
        let _ = tell.send(ending(&ended));
        let capture = aggregator.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(Launched { capture, others: 0, end: ended.end })
    })
}

fn ending(ended: &Ended) -> Ending {
    Ending { end: Some(ended.end), ended_us: now_us(), peak_resident: ended.peak_resident }
}

/// Where the events of an aggregated capture are until they are summed up.
fn events_of(capture: &Path) -> PathBuf {
    let mut path = capture.as_os_str().to_owned();
    path.push(".events");
    PathBuf::from(path)
}

/// Packs a capture that nobody writes to any more, and those of the other processes of its run that are over; counts
/// these.
pub fn finish(path: &Path, end: Option<End>, peak_resident: u64) -> (Result<Header, Failure>, usize) {
    let ending = Ending { end, ended_us: now_us(), peak_resident };
    let others = finish_others(path);
    // Where there is no room to pack it, it can be read as it is.
    let capture = capture::pack(path, ending);
    (capture.or_else(|_| capture::end_in_place(path, ending)), others)
}

/// Packs the captures of the other processes of the run that are over; counts them all.
fn finish_others(path: &Path) -> usize {
    let others = capture::others(path);
    for (path, header) in &others {
        let runs = Path::new("/proc").join(header.pid.to_string()).exists();
        if header.end == Some(End::Replaced) || !runs {
            // One that ends by itself says so; nobody waited for it who would know the signal.
            let end = header.end.or(Some(End::Killed(0)));
            let ending = Ending { end, ended_us: now_us(), peak_resident: 0 };
            // Where there is no room to pack it, it can be read as it is.
            let _ = capture::pack(path, ending);
        }
    }
    others.len()
}

/// The preload library where programs can load it when they run already.
pub fn library() -> Result<PathBuf, Failure> {
    library::lay_out()
}

/// `memtrace-<name>.<pid>.mtr`, or with a number before the end where an older process left that one.
pub fn default_path(name: &OsStr, pid: u32) -> PathBuf {
    let name = name.to_string_lossy().replace('/', "-");
    let stem = format!("memtrace-{name}.{pid}");
    let numbered = (2..).map(|number| PathBuf::from(format!("{stem}-{number}.mtr")));
    let mut candidates = std::iter::once(PathBuf::from(format!("{stem}.mtr"))).chain(numbered);
    candidates.find(|path| !path.exists()).unwrap_or_default()
}

fn create(path: &Path, header: &Header, force: bool) -> Result<(), Failure> {
    use std::io::Write;
    if force && path.is_file() {
        // Not truncated: another program may still be recording into it.
        std::fs::remove_file(path).map_err(FileError::at("replace", path))?;
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o666).open(path);
    let mut file = file.map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::from(Error::Exists { path: path.to_owned() }),
        _ => FileError::at("create", path)(cause).into(),
    })?;
    file.write_all(&header.encode()).map_err(FileError::at("write", path))?;
    Ok(())
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
