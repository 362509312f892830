//! One request, from the look into the cache to the file in its place: hits, retries, mirrors.
//! Must not know the other requests, nor how bytes come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::fs::FileError;
use common::record::RecordPath;

use super::hosts::Seat;
use super::process::Unpacker;
use super::receive::{Held, Received, Receiver};
use super::{Getter, tell};
use crate::cache::{Entry, Partial, Place, Verify};
use crate::error::Problem;
use crate::events::{Event, FileFailed, FileFinished, Outcome, Processed, Status};
use crate::hash::Digest;
use crate::queue::Queue;
use crate::source::{Address, Request, Who};
use crate::transfer::{Answer, Ask, Refusal, Validators};

/// One request under way.
pub struct Job<'a> {
    pub(super) getter: &'a Getter,
    events: &'a Queue<Event>,
    number: u64,
    pub(super) request: &'a Request,
    pub(super) attempts: u32,
    /// Requests for parts, which other threads send.
    requests: Arc<AtomicU32>,
    /// By how many connections a long file may come.
    segments: usize,
    /// Which of the request's URLs was asked last.
    address: usize,
}

/// A file that is in its place.
struct Got {
    entry: Entry,
    status: Status,
}

/// What an attempt came to.
enum Arrival {
    /// The whole file lies in the partial, verified.
    File(Received),
    /// The file that is there is still the right one.
    NotModified(Entry),
}

impl<'a> Job<'a> {
    /// The job number `number` of a run.
    pub fn new(getter: &'a Getter, events: &'a Queue<Event>, number: u64, request: &'a Request) -> Self {
        let (segments, requests) = (getter.options.segments, Arc::default());
        Job { getter, events, number, request, attempts: 0, requests, segments, address: 0 }
    }

    /// Does it, and says how it ended; nothing when the run was stopped before. `allowed` is whether it may begin.
    pub fn run(mut self, allowed: Result<(), Problem>) -> Option<Outcome> {
        let place = allowed.and_then(|()| self.getter.cache.place(self.request));
        let result = place.and_then(|place| {
            self.getter.claims.claim(&place, self.request)?;
            let got = self.obtain(&place)?;
            self.lock(&got)?;
            let processed = self.process(&place, &got.entry)?;
            Ok((got, place, processed))
        });
        match result {
            Ok((got, place, processed)) => Some(Outcome::Finished(self.finished(&got, &place, processed))),
            Err(Problem::Stopped) => None,
            Err(problem) => Some(Outcome::Failed(self.failed(&problem))),
        }
    }

    fn obtain(&mut self, place: &Place) -> Result<Got, Problem> {
        let cache = &self.getter.cache;
        // Without a known digest only the server can say whether the file is still the same.
        let ask_again = self.getter.options.refresh && !self.request.is_pinned();
        let trust_stat = self.getter.options.verify == Verify::Stat && !ask_again;
        if trust_stat && let Some(entry) = cache.stat_hit(place, self.request) {
            return Ok(Got { entry, status: Status::Cached });
        }
        let mut partial = match cache.begin(place, || self.getter.stop.is_set()) {
            Ok(partial) => partial,
            // Where nothing can be written, what is there and right is still a hit.
            Err(problem) if problem.is_unwritable() && !ask_again => {
                let there = cache.hash_hit_unwritten(place, self.request)?;
                return Ok(Got { entry: there.ok_or(problem)?, status: Status::Cached });
            }
            Err(problem) => return Err(problem),
        };
        // Another process may have made the file while this one waited.
        cache.refresh()?;
        let present = match cache.stat_hit(place, self.request).filter(|_| trust_stat) {
            Some(entry) => Some(entry),
            None => cache.hash_hit(place, self.request)?,
        };
        match present {
            Some(entry) if !ask_again => {
                // The whole is there, so nobody needs its beginning.
                partial.discard().map_err(FileError::at("remove the partial of", &place.path))?;
                Ok(Got { entry, status: Status::Cached })
            }
            present => {
                let digests: Vec<Digest> = self.request.digests().cloned().collect();
                let _turn = digests.first().map(|digest| cache.turn(digest));
                match cache.reuse(place, &mut partial, &digests, self.getter.options.verify)? {
                    Some(digests) => self.publish_known(place, partial, &digests),
                    None => self.download(place, partial, present.as_ref()),
                }
            }
        }
    }

    /// Publishes content that was there under another name.
    fn publish_known(&self, place: &Place, partial: Partial, digests: &[Digest]) -> Result<Got, Problem> {
        let (cache, source) = (&self.getter.cache, (self.address().to_string(), self.who()));
        let entry = cache.publish(partial, place, source, digests, Validators::default())?;
        Ok(Got { entry, status: Status::Cached })
    }

    /// Has the lock file know what came.
    fn lock(&self, got: &Got) -> Result<(), Problem> {
        let Some(lock) = &self.getter.lock else { return Ok(()) };
        match got.entry.sha256().parse() {
            Ok(sha256) => lock.note(self.request, sha256, &self.address().to_string()),
            // The index has no entry without it.
            Err(_) => Ok(()),
        }
    }

    /// Gets the file from one of the URLs; `present` is a version of it that is there.
    fn download(
        &mut self,
        place: &Place,
        mut partial: Partial,
        present: Option<&Entry>,
    ) -> Result<Got, Problem> {
        let arrival = self.rounds(|job| job.attempt(place, &mut partial, present))?;
        match arrival {
            Arrival::File(received) => self.publish(place, partial, received),
            Arrival::NotModified(entry) => Ok(Got { entry, status: Status::NotModified }),
        }
    }

    /// Tries the URLs in rounds until one gives what `attempt` wants of it.
    pub(super) fn rounds<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Problem> {
        let mut open: Vec<usize> = (0..self.request.addresses.len()).collect();
        let mut last = None;
        for round in 0.. {
            let mut asked: Option<Duration> = None;
            let mut still_open = Vec::new();
            for index in open {
                self.address = index;
                if self.getter.stop.is_set() {
                    return Err(Problem::Stopped);
                }
                let Refusal { problem, retry_after } = match attempt(self) {
                    Ok(got) => return Ok(got),
                    Err(refusal) => refusal,
                };
                match problem {
                    Problem::Stopped | Problem::File(_) | Problem::UnsafePath { .. } => return Err(problem),
                    ref problem if problem.is_transient() => still_open.push(index),
                    _ => {}
                }
                asked = asked.max(retry_after);
                last = Some(problem);
            }
            open = still_open;
            let wait = self.getter.policy.wait(round, asked).filter(|_| !open.is_empty());
            let (Some(wait), Some(problem)) = (wait, &last) else { break };
            self.postpone(problem, wait)?;
        }
        Err(last.unwrap_or(Problem::OfflineMiss))
    }

    /// Asks one URL: for the rest when the partial has the beginning, else for the whole.
    fn attempt(
        &mut self,
        place: &Place,
        partial: &mut Partial,
        present: Option<&Entry>,
    ) -> Result<Arrival, Refusal> {
        let address = self.address();
        if self.getter.options.offline && address.local_path().is_none() {
            return Err(Problem::OfflineMiss.into());
        }
        if let Some(entry) = present.filter(|entry| entry.url == address.to_string()) {
            let (etag, last_modified) = (entry.etag.clone(), entry.last_modified.clone());
            let known = Validators { etag, last_modified, date: None };
            return match self.ask(place, partial, Ask::Unless(&known), None)? {
                Some(received) => Ok(Arrival::File(received)),
                None => Ok(Arrival::NotModified(entry.clone())),
            };
        }
        if let Some(held) = self.receiver(place).held(partial, address) {
            let ask = Ask::Rest { from: held.bytes, validator: &held.validator };
            match self.ask(place, partial, ask, Some(&held)) {
                // What was held, or the server's word that it still fits, may be what is wrong.
                Err(Refusal { problem: Problem::WrongRange, .. }) => {}
                answered => return answered?.map(Arrival::File).ok_or_else(unasked_304),
            }
        }
        self.ask(place, partial, Ask::Whole, None)?.map(Arrival::File).ok_or_else(unasked_304)
    }

    /// Sends one request; nothing when the file has not changed.
    fn ask(
        &mut self,
        place: &Place,
        partial: &mut Partial,
        ask: Ask<'_>,
        held: Option<&Held>,
    ) -> Result<Option<Received>, Refusal> {
        let address = self.address();
        let _seat = self.seat()?;
        self.attempts += 1;
        let body = match self.getter.transfer.open(address, ask, &self.request.access)? {
            Answer::Body(body) => body,
            Answer::NotModified => return Ok(None),
            Answer::NoRest => return Err(Problem::WrongRange.into()),
        };
        let received = self.receiver(place).receive(partial, body, address, held);
        // Whoever sends another range than was asked for is asked for no more of them.
        if matches!(received, Err(Problem::WrongRange)) {
            self.segments = 1;
        }
        let received = received?;
        if let Err(mismatch) = self.check(&received) {
            partial.restart(None).map_err(FileError::at("write", &place.path)).map_err(Problem::from)?;
            return Err(if received.resumed { Problem::WrongRange } else { mismatch }.into());
        }
        Ok(Some(received))
    }

    /// Waits until one more connection to the host is allowed.
    pub(super) fn seat(&self) -> Result<Seat, Problem> {
        let Getter { hosts, stop, .. } = self.getter;
        hosts.enter(&self.address().authority(), || stop.is_set()).ok_or(Problem::Stopped)
    }

    fn receiver<'b>(&'b self, place: &'b Place) -> Receiver<'b> {
        Receiver {
            job: self.number,
            request: self.request,
            who: self.who(),
            place,
            events: self.events,
            requests: &self.requests,
            segments: self.segments,
            getter: self.getter,
        }
    }

    fn check(&self, received: &Received) -> Result<(), Problem> {
        // What the requester pins counts more than what a repository tells.
        let published = received.published.as_ref().filter(|_| !self.request.is_pinned());
        for expected in self.request.digests().chain(published) {
            let got = received.digests.iter().find(|digest| digest.algorithm() == expected.algorithm());
            if let Some(got) = got.filter(|got| *got != expected) {
                return Err(Problem::HashMismatch { expected: expected.clone(), got: got.clone() });
            }
        }
        Ok(())
    }

    fn publish(&self, place: &Place, partial: Partial, received: Received) -> Result<Got, Problem> {
        let Received { digests, validators, resumed, .. } = received;
        let source = (self.address().to_string(), self.who());
        let replaced = place.path.symlink_metadata().is_ok();
        let entry = self.getter.cache.publish(partial, place, source, &digests, validators)?;
        let status = match (replaced, resumed) {
            (true, _) => Status::Updated,
            (false, true) => Status::Resumed,
            (false, false) => Status::Downloaded,
        };
        Ok(Got { entry, status })
    }

    /// Waits for the next round, or less when the run is to stop.
    fn postpone(&self, problem: &Problem, wait: Duration) -> Result<(), Problem> {
        let (job, name, reason) = (self.number, self.request.name.clone(), problem.to_string());
        tell(self.events, Event::Postponed { job, name, reason, wait });
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if self.getter.stop.is_set() {
                return Err(Problem::Stopped);
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
        Ok(())
    }

    fn process(&self, place: &Place, entry: &Entry) -> Result<Option<Processed>, Problem> {
        let Some(process) = self.request.process.as_ref().or(self.getter.process.as_ref()) else {
            return Ok(None);
        };
        let (job, name) = (self.number, &self.request.name);
        Unpacker { job, name, getter: self.getter, events: self.events }.unpack(place, entry, process)
    }

    /// The URL that is or was asked last.
    pub(super) fn address(&self) -> &'a Address {
        &self.request.addresses[self.address]
    }

    /// Who is told there to be asking.
    fn who(&self) -> Option<&'a Who> {
        self.request.who(self.address)
    }

    fn attempts(&self) -> u32 {
        self.attempts + self.requests.load(Ordering::Relaxed)
    }

    fn finished(&self, got: &Got, place: &Place, processed: Option<Processed>) -> FileFinished {
        FileFinished {
            name: self.request.name.clone(),
            url: self.address().to_string(),
            path: RecordPath::from(place.path.as_path()),
            digest: got.entry.sha256().to_owned(),
            size_bytes: got.entry.stamp.size_bytes,
            status: got.status,
            attempts: self.attempts(),
            pinned: self.request.is_pinned(),
            processed,
            extra: self.request.extra.clone(),
        }
    }

    pub(super) fn failed(&self, problem: &Problem) -> FileFailed {
        let (expected, got) = match problem {
            Problem::HashMismatch { expected, got } => (Some(expected.to_string()), Some(got.to_string())),
            _ => (None, None),
        };
        FileFailed {
            url: self.address().to_string(),
            attempts: self.attempts(),
            expected,
            got,
            extra: self.request.extra.clone(),
            ..FileFailed::new(&self.request.name, problem)
        }
    }
}

/// A server that says of a file nobody asked about that it has not changed.
fn unasked_304() -> Refusal {
    Problem::HttpStatus { status: 304 }.into()
}
