//! A long file: its bytes come by one connection, or by several when a server is slow with each, while this thread
//! hashes them from the start on. Must not know which URL is asked when.
//!
//! What came is written where it belongs. As long as that is behind what is there already, the partial's length tells
//! what is there; before the first byte is written elsewhere, its notes do.

mod plan;
mod ramp;
mod worker;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::fs::FileError;

use super::tell;
use crate::cache::Partial;
use crate::error::Problem;
use crate::events::Event;
use crate::get::Getter;
use crate::hash::{CHUNK, Digest, Hasher};
use crate::queue::Queue;
use crate::source::{Access, Address};
use crate::transfer::Body;
use plan::Plan;
use ramp::{Ramp, Seen, TICK};
use worker::{Shared, State};

/// A shorter rest comes by one connection, hashed by the thread that reads it.
pub const LONG: u64 = 16 << 20;
/// How often it is noted which parts are there.
const NOTE: Duration = Duration::from_secs(1);

/// Once so much has come, the disk is given it, so that it has little left to do when the file is whole.
const FLUSH: u64 = 64 << 20;

/// A long file on its way.
pub struct Long<'a> {
    pub getter: &'a Getter,
    pub partial: &'a mut Partial,
    /// Where the file will lie.
    pub path: &'a Path,
    pub address: &'a Address,
    /// What the request lets be told there.
    pub access: &'a Access,
    pub events: &'a Queue<Event>,
    pub job: u64,
    /// How many requests were sent for it.
    pub requests: &'a Arc<AtomicU32>,
    /// The most connections.
    pub segments: usize,
}

/// What the thread that hashes has seen and done.
struct Watch {
    ramp: Ramp,
    hashed: u64,
    told: u64,
    /// Whether the partial's notes tell its parts.
    noted: Option<Instant>,
    ticked: Instant,
    ticked_came: u64,
    idle: Duration,
    /// How much had come when the disk was last given it, and the thread that waits for the disk.
    flushed: u64,
    flushing: Option<JoinHandle<()>>,
}

impl Long<'_> {
    /// Brings what is missing besides the parts `there`, of which the first ends where `body` begins.
    pub fn receive(
        mut self,
        body: Body,
        size: u64,
        there: &[Range<u64>],
        hasher: Hasher,
    ) -> Result<Vec<Digest>, Problem> {
        let version = body.validators.clone();
        let strong = version.etag.as_ref().is_some_and(|etag| !etag.starts_with("W/"));
        // Without notes, nobody could tell what is there after a kill.
        let can_split = body.ranges && strong && self.partial.notes().is_some();
        let most = if can_split { self.segments } else { 1 };
        let mut plan = Plan::new(size, there);
        let began = Instant::now();
        let Some(first) = plan.claim_at(body.from, began.elapsed()) else { return Err(Problem::WrongRange) };
        let file = self.partial.file().try_clone().map_err(self.failed())?;
        let state = State { plan, file: Some(file), came: 0, failed: None, ended: None, refused: false };
        let shared = Arc::new(Shared {
            address: self.address.clone(),
            access: self.access.clone(),
            path: self.path.to_owned(),
            transfer: Arc::clone(&self.getter.transfer),
            policy: self.getter.policy,
            stop: self.getter.stop.clone(),
            version,
            size,
            requests: Arc::clone(self.requests),
            began,
            state: Mutex::new(state),
            grown: Condvar::new(),
        });
        let bringing = Arc::clone(&shared);
        spawn(move || bringing.bring_first(body, first)).map_err(self.failed())?;
        let noted = (there.len() > 1).then_some(began);
        let ramp = Ramp::new(most);
        let mut watch = Watch {
            ramp,
            hashed: 0,
            told: 0,
            noted,
            ticked: began,
            ticked_came: 0,
            idle: Duration::ZERO,
            flushed: 0,
            flushing: None,
        };
        let followed = self.follow(&shared, &mut watch, hasher);
        if let Some(flushing) = watch.flushing {
            flushing.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        // From here on nobody writes any more, and nobody but the partial holds its lock.
        let there = {
            let mut state = shared.lock();
            state.file = None;
            state.plan.there()
        };
        if let Err(problem) = &followed {
            match problem {
                Problem::File(_) | Problem::Changed => self.partial.restart(None).map_err(self.failed())?,
                _ if watch.noted.is_some() => self.partial.note_parts(&there).map_err(self.failed())?,
                _ => {}
            }
        }
        followed
    }

    /// Hashes what is there from the start on, until that is the whole file.
    fn follow(
        &mut self,
        shared: &Arc<Shared>,
        watch: &mut Watch,
        mut hasher: Hasher,
    ) -> Result<Vec<Digest>, Problem> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let (prefix, came) = self.wait(shared, watch)?;
            if came > watch.told {
                tell(self.events, Event::Advanced { job: self.job, bytes: came - watch.told });
                watch.told = came;
            }
            while watch.hashed < prefix {
                let room = usize::try_from(prefix - watch.hashed).unwrap_or(CHUNK).min(CHUNK);
                let read = self.partial.file().read_at(&mut chunk[..room], watch.hashed);
                let read =
                    read.and_then(
                        |read| if read > 0 { Ok(read) } else { Err(io::ErrorKind::UnexpectedEof.into()) },
                    );
                let read = read.map_err(self.failed())?;
                hasher.update(&chunk[..read]);
                watch.hashed += read as u64;
                if watch.ticked.elapsed() >= TICK {
                    break;
                }
            }
            if watch.ticked.elapsed() >= TICK {
                self.tick(shared, watch)?;
            }
            if watch.hashed == shared.size {
                return Ok(hasher.finish());
            }
        }
    }

    /// Waits for more bytes than are hashed, or for the next tick; says how many there are from the start on, and how
    /// many came.
    fn wait(&self, shared: &Shared, watch: &mut Watch) -> Result<(u64, u64), Problem> {
        let began = Instant::now();
        let mut state = shared.lock();
        loop {
            if self.getter.stop.is_set() {
                return Err(Problem::Stopped);
            }
            if let Some(problem) = state.failed.take() {
                return Err(problem);
            }
            let prefix = state.plan.prefix();
            if state.plan.coming() == 0
                && state.plan.missing() > 0
                && let Some(problem) = state.ended.take()
            {
                return Err(problem);
            }
            let left = TICK.saturating_sub(watch.ticked.elapsed());
            if prefix > watch.hashed || left.is_zero() {
                watch.idle += began.elapsed();
                return Ok((prefix, state.came));
            }
            state = shared.grown.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Thinks over how many connections there should be, begins those that lack, and notes what is there.
    fn tick(&mut self, shared: &Arc<Shared>, watch: &mut Watch) -> Result<(), Problem> {
        let (seen, coming, there) = {
            let mut state = shared.lock();
            let missing = state.plan.missing();
            let came = state.came - watch.ticked_came;
            watch.ticked_came = state.came;
            let coming = state.plan.coming();
            if std::mem::take(&mut state.refused) {
                watch.ramp.limit(coming);
            }
            (
                Seen { lasted: watch.ticked.elapsed(), idle: watch.idle, came, missing },
                coming,
                state.plan.there(),
            )
        };
        watch.ramp.step(seen);
        self.flush(watch);
        (watch.ticked, watch.idle) = (Instant::now(), Duration::ZERO);
        let more = seen.missing > 0 && coming < watch.ramp.connections();
        let due = watch.noted.is_some_and(|noted| noted.elapsed() >= NOTE);
        if due || more && watch.noted.is_none() && watch.ramp.connections() > 1 {
            self.partial.note_parts(&there).map_err(self.failed())?;
            watch.noted = Some(Instant::now());
        }
        for _ in coming..watch.ramp.connections() {
            if !more || !self.begin_one(shared) {
                break;
            }
        }
        Ok(())
    }

    /// Gives the disk what came, beside all else.
    fn flush(&self, watch: &mut Watch) {
        let busy = watch.flushing.as_ref().is_some_and(|flushing| !flushing.is_finished());
        if busy || watch.ticked_came - watch.flushed < FLUSH {
            return;
        }
        watch.flushed = watch.ticked_came;
        // Whoever vouches for the file syncs it again, and hears then what is wrong.
        let flush = |file: File| thread::spawn(move || drop(file.sync_data()));
        watch.flushing = self.partial.file().try_clone().ok().map(flush);
    }

    /// Begins one more connection; false when there is nothing for it to do, or no place.
    fn begin_one(&self, shared: &Arc<Shared>) -> bool {
        let Some(seat) = self.getter.hosts.try_enter(&self.address.authority()) else { return false };
        let Some(claim) = shared.lock().plan.claim(shared.began.elapsed()) else { return false };
        let (bringing, ticket) = (Arc::clone(shared), claim.ticket);
        let begun = spawn(move || bringing.bring(Some(claim), Some(seat))).is_ok();
        if !begun {
            shared.lock().plan.release(ticket);
        }
        begun
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> Problem + use<> {
        let path = self.path.to_owned();
        move |cause| FileError { action: "write", path, cause }.into()
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("segment".into()).spawn(work).map(drop)
}
