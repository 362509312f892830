//! The daemon: answers who connects, keeps what may serve the next run, ends when nobody came for a while.
//! Must not know how Python is made to do it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::request::{Answer, Ask, BaseKey, Request, Status, Suite, SuiteState, Warm};
use super::residents::{Collected, Resident};
use super::wire::Line;
use super::{fingerprint::Fingerprint, fingerprint::TICK, request, socket};
use crate::source::kill_group;

/// How many interpreters, environments and folders are kept.
const MOST_BASES: usize = 4;
/// How many sets of arguments are kept for each.
const MOST_SUITES: usize = 4;

/// Answers until it is told to end, or nobody was there for so long. `listener` is bound to `path`.
pub fn serve(listener: &UnixListener, path: &Path, idle: Duration) -> io::Result<()> {
    // The terminal that it was started from is none of its business any more. Who leads a group already has its own.
    let _ = rustix::process::setsid();
    let server = Arc::new(Server { began: Instant::now(), idle, state: Mutex::default() });
    while server.wait(listener)? {
        let (stream, _) = listener.accept()?;
        if socket::check(&stream).is_ok() {
            let server = Arc::clone(&server);
            server.lock().connections += 1;
            thread::Builder::new().name("connection".into()).spawn(move || {
                // Whoever asked notices the end of the connection.
                let _ = server.answer(stream);
                let mut state = server.lock();
                state.connections -= 1;
                state.last = Some(Instant::now());
            })?;
        }
    }
    let _lock = socket::lock(path);
    std::fs::remove_file(path)
}

struct Server {
    began: Instant,
    idle: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connections: usize,
    last: Option<Instant>,
    runs: u64,
    stopping: bool,
    bases: BTreeMap<BaseKey, Base>,
}

struct Base {
    resident: Resident,
    python: String,
    imported: bool,
    used: u64,
    suites: BTreeMap<String, Kept>,
    /// What made a collection useless last.
    changed: Option<PathBuf>,
}

struct Kept {
    args: Vec<String>,
    used: u64,
    collection: Collection,
}

enum Collection {
    UnderWay,
    Parked(Resident),
    Unfit(String, Fingerprint),
}

impl Server {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for somebody; false when it is time to end.
    fn wait(&self, listener: &UnixListener) -> io::Result<bool> {
        loop {
            let timeout = {
                let state = self.lock();
                if state.stopping {
                    return Ok(false);
                }
                let quiet = state.last.unwrap_or(self.began).elapsed();
                if state.connections == 0 && quiet >= self.idle {
                    return Ok(false);
                }
                if state.connections > 0 { self.idle } else { self.idle.saturating_sub(quiet) }
            };
            let timeout = Timespec::try_from(timeout.max(Duration::from_millis(10))).ok();
            let mut files = [PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN)];
            match poll(&mut files, timeout.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(!self.lock().stopping),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn answer(&self, stream: UnixStream) -> io::Result<()> {
        let mut line = Line::new(stream);
        while let Some((ask, files)) = line.receive()? {
            match ask {
                Ask::Run(request) => return self.run(&request, files, &mut line),
                Ask::Status => line.send(&Answer::Status(self.status()), &[])?,
                Ask::Stop => {
                    self.lock().stopping = true;
                    line.send(&Answer::Status(self.status()), &[])?;
                    // The one that waits for connections sees it.
                    let here = line.socket().local_addr()?;
                    let _ = here.as_pathname().map(UnixStream::connect);
                }
            }
        }
        Ok(())
    }

    /// Gives a run its zygote, waits for its end, and collects for the next.
    fn run(&self, request: &Request, files: Vec<OwnedFd>, line: &mut Line) -> io::Result<()> {
        let given = self.lock().give(request, &files);
        drop(files);
        let (pid, warm) = match given {
            Ok(given) => given,
            Err(error) => return line.send(&Answer::Refused { reason: error.to_string() }, &[]),
        };
        let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let process = process.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        line.send(&Answer::Running { pid, warm }, &[])?;
        // The run holds the connection until its zygote has ended; one that was killed does not.
        let _ = line.receive::<Ask>();
        if let Some(process) = process {
            let mut files = [PollFd::new(&process, PollFlags::IN)];
            if poll(&mut files, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) == Ok(0) {
                kill_group(pid);
            }
        }
        if request.collected { self.collect(request) } else { Ok(()) }
    }

    /// Collects ahead of the next run, unless that is done or of no use.
    fn collect(&self, request: &Request) -> io::Result<()> {
        let (key, suite) = (request.base_key(), request.collection_key());
        // What the run has just written, such as the failures for --lf, may be read now; it must not look too new.
        thread::sleep(2 * TICK);
        let collecting = {
            let mut state = self.lock();
            let runs = state.runs;
            let Some(base) = state.bases.get_mut(&key).filter(|base| !base.suites.contains_key(&suite))
            else {
                return Ok(());
            };
            let collecting = base.resident.park(request)?;
            let kept = Kept { args: request.args(), used: runs, collection: Collection::UnderWay };
            base.suites.insert(suite.clone(), kept);
            base.forget();
            collecting
        };
        let collected = collecting.wait();
        let mut state = self.lock();
        let Some(base) = state.bases.get_mut(&key) else { return Ok(()) };
        match collected {
            Ok(Some(Collected::Parked(resident, libraries))) => {
                base.put(&suite, Collection::Parked(resident));
                if !std::mem::replace(&mut base.imported, true) && !base.resident.import(&libraries)? {
                    state.bases.remove(&key);
                }
            }
            Ok(Some(Collected::Unfit(reason, print))) => base.put(&suite, Collection::Unfit(reason, print)),
            Ok(None) | Err(_) => {
                base.suites.remove(&suite);
            }
        }
        Ok(())
    }

    fn status(&self) -> Status {
        let state = self.lock();
        let suites = state.bases.iter().flat_map(|(key, base)| base.report(&key.folder));
        Status {
            pid: std::process::id(),
            up_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            runs: state.runs,
            suites: suites.collect(),
        }
    }
}

impl State {
    /// A zygote for a run: a copy of what was collected, if nothing has changed since; else of the base.
    fn give(&mut self, request: &Request, files: &[OwnedFd]) -> io::Result<(u32, Warm)> {
        self.runs += 1;
        let key = request.base_key();
        let changed = self.bases.get_mut(&key).and_then(|base| base.resident.changed());
        if changed.is_some() {
            self.bases.remove(&key);
        }
        if !self.bases.contains_key(&key) {
            let resident = Resident::base(request)?;
            let python = request.python.display().to_string();
            let (suites, used) = (BTreeMap::new(), self.runs);
            let base = Base { resident, python, imported: false, used, suites, changed };
            self.bases.insert(key.clone(), base);
            self.forget();
        }
        let runs = self.runs;
        let base = self.bases.get_mut(&key).ok_or(io::ErrorKind::NotFound)?;
        base.used = runs;
        if let Some(pid) = base.collected(request, files, runs) {
            return Ok((pid, Warm::Collected));
        }
        match base.resident.run(request, files) {
            Ok(pid) => Ok((pid, Warm::Imported)),
            Err(error) => {
                self.bases.remove(&key);
                Err(error)
            }
        }
    }

    /// Gives up what has not been asked for the longest, where there is too much.
    fn forget(&mut self) {
        while self.bases.len() > MOST_BASES {
            let oldest = self.bases.iter().min_by_key(|(_, base)| base.used).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.bases.remove(&key));
        }
    }
}

impl Base {
    /// A copy of the parked process, where there is one and it is as good as new.
    fn collected(&mut self, request: &Request, files: &[OwnedFd], runs: u64) -> Option<u32> {
        if !request.collected {
            return None;
        }
        let suite = request.collection_key();
        let kept = self.suites.get_mut(&suite)?;
        kept.used = runs;
        let (changed, resident) = match &mut kept.collection {
            Collection::UnderWay => return None,
            Collection::Unfit(_, print) => (print.changed(), None),
            Collection::Parked(resident) => (resident.changed(), Some(resident)),
        };
        let pid = resident.filter(|_| changed.is_none()).map(|resident| resident.run(request, files));
        if changed.is_some() || matches!(pid, Some(Err(_))) {
            self.suites.remove(&suite);
            self.changed = changed;
        }
        pid.and_then(Result::ok)
    }

    /// Keeps what became of a collection, unless it was given up meanwhile.
    fn put(&mut self, suite: &str, collection: Collection) {
        if let Some(kept) = self.suites.get_mut(suite) {
            kept.collection = collection;
        }
    }

    fn forget(&mut self) {
        while self.suites.len() > MOST_SUITES {
            let oldest = self.suites.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.suites.remove(&key));
        }
    }

    fn report(&self, folder: &str) -> Vec<Suite> {
        let suite = |args: Vec<String>, state, reason| {
            let folder = request::path(folder).display().to_string();
            let changed = self.changed.as_ref().map(|path| path.display().to_string());
            Suite { folder, python: self.python.clone(), args, state, reason, changed }
        };
        if self.suites.is_empty() {
            return vec![suite(Vec::new(), SuiteState::Imported, None)];
        }
        let kept = self.suites.values().map(|kept| match &kept.collection {
            Collection::UnderWay => suite(kept.args.clone(), SuiteState::Collecting, None),
            Collection::Parked(_) => suite(kept.args.clone(), SuiteState::Collected, None),
            Collection::Unfit(reason, _) => {
                suite(kept.args.clone(), SuiteState::Imported, Some(reason.clone()))
            }
        });
        kept.collect()
    }
}
