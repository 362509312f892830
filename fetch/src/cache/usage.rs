//! Which files are in use, so that what is removed from a cache folder is missed by nobody. Must not know why a file is
//! removed.
//!
//! A file's last use is the later of its access time, which a hit renews once it is a day old, and its time of writing;
//! so a hit costs a stat and no more, also where the file system keeps no access times by itself. A run marks its
//! beginning with a locked file of its own in `.fetch/runs`. **What may have been used since the oldest living run began
//! is not removed**: that is whatever has a last use no older than a day before. A run that begins while files are
//! removed waits for the end of that.

use std::fs::{File, Metadata, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use common::fs::{FileError, Lock};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

/// A use is written down when the last one that was is so long ago.
const RENEWAL: Duration = Duration::from_hours(24);
/// The folder for the marks of runs.
const RUNS: &str = "runs";
/// Who removes files holds it; who begins a run waits for it.
const GATE: &str = "use.lock";

/// The mark of a living run; gone when it is dropped.
#[derive(Debug)]
pub struct InUse {
    path: PathBuf,
    _file: File,
}

impl InUse {
    /// Marks the cache folder with this control folder as in use; nothing where it cannot be written to.
    pub fn mark(control: &Path) -> Option<InUse> {
        let runs = control.join(RUNS);
        std::fs::create_dir_all(&runs).ok()?;
        let gate = OpenOptions::new().create(true).append(true).open(control.join(GATE)).ok()?;
        gate.lock_shared().ok()?;
        // Containers that share the folder may have processes of the same number.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let path = runs.join(format!("{}-{now}", std::process::id()));
        let file = OpenOptions::new().create_new(true).write(true).open(&path).ok()?;
        file.try_lock().ok()?;
        Some(InUse { path, _file: file })
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        // One that stays is not locked, and so counts for nothing.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The right to remove files: held until all are removed.
#[derive(Debug)]
pub struct Removing {
    _gate: Lock,
    /// What was used before may go.
    before: Option<SystemTime>,
}

impl Removing {
    /// Waits until nobody else removes files or is about to begin a run.
    pub fn begin(control: &Path) -> Result<Removing, FileError> {
        let gate = Lock::acquire(&control.join(GATE))?;
        Ok(Removing { _gate: gate, before: oldest_run(&control.join(RUNS)).map(|began| began - RENEWAL) })
    }

    /// Whether a living run may count on what was used then.
    pub fn is_used(&self, last_use: SystemTime) -> bool {
        self.before.is_some_and(|before| last_use >= before)
    }
}

/// Removes the marks that killed runs have left; what cannot be removed stays for the next time.
pub fn forget_dead(control: &Path) {
    let _ = Removing::begin(control);
}

/// When the oldest living run began; the marks of dead ones are removed.
fn oldest_run(runs: &Path) -> Option<SystemTime> {
    let living = |entry: std::fs::DirEntry| {
        let file = File::open(entry.path()).ok()?;
        if file.try_lock_shared().is_ok() {
            let _ = std::fs::remove_file(entry.path());
            return None;
        }
        // Held, or on a file system without locks, where all that was marked counts as living.
        file.metadata().ok()?.modified().ok()
    };
    std::fs::read_dir(runs).into_iter().flatten().flatten().filter_map(living).min()
}

/// When a file was last used.
pub fn last_use(state: &Metadata) -> SystemTime {
    let written = state.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    state.accessed().map_or(written, |read| read.max(written))
}

/// Writes down that a file is used now, unless that was done lately.
pub fn renew(path: &Path, state: &Metadata) {
    let lately = last_use(state).elapsed().is_ok_and(|since| since < RENEWAL);
    if lately || last_use(state) > SystemTime::now() {
        return;
    }
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
        last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    };
    // Where it cannot be written, nobody can remove the file either.
    let _ = rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
}
