//! Reads a capture: the events of all its streams in their order, with the lines of their stacks.
//! Memory is bounded by one block a stream and by what is distinct, never by the number of events.

mod aggregated;
mod file;
mod follow;
mod lines;
mod merge;
mod mirror;
mod mixed;
mod pack;
mod prefetch;
mod stream;

pub use aggregated::{read_tables, write_tables};
pub use follow::Follower;
pub use mirror::Mirror;
pub use pack::{Ending, end_in_place, pack};

use std::fs::DirEntry;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use memtrace_wire::header::{End, Header};

use crate::error::Error;
use crate::events::Symbols;
use crate::source::capture::file::CaptureFile;
use crate::source::capture::merge::merge;
use crate::source::{OnEvents, Outline};

/// Reads all events of the capture at `path`, and of those that other processes of the same run left.
pub fn read(path: &Path, symbols: &mut Symbols, on_events: OnEvents) -> Result<Outline, Error> {
    let mut files = vec![CaptureFile::open(path)?];
    if files[0].header.options.aggregate {
        return Err(Error::Aggregated { path: path.to_owned() });
    }
    for (path, _) in others_of(path, &files[0].header) {
        files.push(CaptureFile::open(&path)?);
    }
    let headers: Vec<Header> = files.iter().map(|file| file.header.clone()).collect();
    let damaged = merge(files, symbols, on_events)?;
    let mut incomplete = headers.iter().zip(damaged).enumerate().filter_map(|(index, (header, damaged))| {
        let reason = incomplete_because(header, damaged)?;
        Some(if index == 0 { reason } else { format!("process {}: {reason}", header.pid) })
    });
    Ok(Outline { command: headers[0].command.clone(), incomplete_because: incomplete.next() })
}

/// The captures that other processes of the run left beside the one at `path`, in the order in which they
/// began.
pub fn others(path: &Path) -> Vec<(PathBuf, Header)> {
    CaptureFile::open(path).map(|file| others_of(path, &file.header)).unwrap_or_default()
}

fn others_of(path: &Path, header: &Header) -> Vec<(PathBuf, Header)> {
    let (Some(name), true) = (path.file_name(), header.options.follow) else { return Vec::new() };
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let is_beside = |entry: &DirEntry| {
        let other = entry.file_name();
        let rest = other.as_bytes().strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"."));
        rest.is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-'))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).filter(is_beside);
    let mut others: Vec<(PathBuf, Header)> = entries
        .filter_map(|entry| Some((entry.path(), CaptureFile::open(&entry.path()).ok()?.header)))
        .filter(|(_, other)| other.run == header.run)
        .collect();
    others.sort_by_key(|(_, header)| (header.monotonic_us, header.pid));
    others
}

fn incomplete_because(header: &Header, damaged: bool) -> Option<String> {
    let system = |errno: u32| std::io::Error::from_raw_os_error(errno.cast_signed());
    if header.stopped != 0 {
        return Some(format!("the recording stopped early: {}", system(header.stopped)));
    }
    if damaged {
        return Some("the file is damaged or cut off".into());
    }
    match header.end {
        Some(End::Replaced) if !header.options.follow => {
            Some("the process went on as another program; `--follow-fork` traces that one too".into())
        }
        Some(End::Exited(_) | End::Replaced | End::Stopped) if header.attached => None,
        Some(End::Exited(_) | End::Replaced | End::Stopped) => {
            Some("the program did not load memtrace's library".into())
        }
        Some(End::Killed(0)) => Some("it was killed".into()),
        Some(End::Killed(signal)) => Some(format!("the program was killed by signal {signal}")),
        None => Some("the program has not ended, or it was killed, or memtrace was".into()),
    }
}
