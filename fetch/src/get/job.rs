//! One request, from the look into the cache to the file in its place: hits, retries, mirrors.
//! Must not know the other requests, nor how bytes come.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use common::Explain;
use common::fs::FileError;
use common::record::RecordPath;

use super::receive::{Held, Received, Receiver};
use super::{Getter, tell};
use crate::cache::{Entry, Partial, Place, Verify};
use crate::error::Problem;
use crate::events::{Event, FileFailed, FileFinished, Outcome, Status};
use crate::hash::Digest;
use crate::source::{Address, Request};
use crate::transfer::{Answer, Ask, Refusal, Validators};

/// One request under way.
pub struct Job<'a> {
    getter: &'a Getter,
    events: &'a Sender<Event>,
    number: u64,
    request: &'a Request,
    attempts: u32,
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
    pub fn new(getter: &'a Getter, events: &'a Sender<Event>, number: u64, request: &'a Request) -> Self {
        Job { getter, events, number, request, attempts: 0, address: 0 }
    }

    /// Does it, and says how it ended; nothing when the run was stopped before. `allowed` is whether it may begin.
    pub fn run(mut self, allowed: Result<(), Problem>) -> Option<Outcome> {
        let place = allowed.and_then(|()| self.getter.cache.place(self.request));
        let result = place.and_then(|place| {
            self.getter.claims.claim(&place, self.request)?;
            let got = self.obtain(&place)?;
            self.lock(&got)?;
            Ok((got, place))
        });
        match result {
            Ok((got, place)) => Some(Outcome::Finished(self.finished(&got, &place))),
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
        let mut partial = cache.begin(place)?;
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
        let (cache, url) = (&self.getter.cache, self.address().to_string());
        let entry = cache.publish(partial, place, url, digests, Validators::default())?;
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

    /// Tries the URLs in rounds until one gives the file; `present` is a version of it that is there.
    fn download(
        &mut self,
        place: &Place,
        mut partial: Partial,
        present: Option<&Entry>,
    ) -> Result<Got, Problem> {
        let mut open: Vec<usize> = (0..self.request.addresses.len()).collect();
        let mut last = None;
        for round in 0.. {
            let mut asked: Option<Duration> = None;
            let mut still_open = Vec::new();
            for index in open {
                let Refusal { problem, retry_after } = match self.attempt(place, &mut partial, index, present)
                {
                    Ok(Arrival::File(received)) => return self.publish(place, partial, received),
                    Ok(Arrival::NotModified(entry)) => {
                        return Ok(Got { entry, status: Status::NotModified });
                    }
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
        index: usize,
        present: Option<&Entry>,
    ) -> Result<Arrival, Refusal> {
        self.address = index;
        let address = self.address();
        if self.getter.options.offline && address.local_path().is_none() {
            return Err(Problem::OfflineMiss.into());
        }
        if self.getter.stop.is_set() {
            return Err(Problem::Stopped.into());
        }
        if let Some(entry) = present.filter(|entry| entry.url == address.to_string()) {
            let known = Validators { etag: entry.etag.clone(), last_modified: entry.last_modified.clone() };
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
        self.attempts += 1;
        let address = self.address();
        let body = match self.getter.transfer.open(address, ask)? {
            Answer::Body(body) => body,
            Answer::NotModified => return Ok(None),
            Answer::NoRest => return Err(Problem::WrongRange.into()),
        };
        let received = self.receiver(place).receive(partial, body, address, held)?;
        if let Err(mismatch) = self.check(&received) {
            partial.restart(None).map_err(FileError::at("write", &place.path)).map_err(Problem::from)?;
            return Err(if received.resumed { Problem::WrongRange } else { mismatch }.into());
        }
        Ok(Some(received))
    }

    fn receiver<'b>(&'b self, place: &'b Place) -> Receiver<'b> {
        let Getter { stop, .. } = self.getter;
        Receiver { job: self.number, request: self.request, place, events: self.events, stop }
    }

    fn check(&self, received: &Received) -> Result<(), Problem> {
        for expected in self.request.digests() {
            let got = received.digests.iter().find(|digest| digest.algorithm() == expected.algorithm());
            if let Some(got) = got.filter(|got| *got != expected) {
                return Err(Problem::HashMismatch { expected: expected.clone(), got: got.clone() });
            }
        }
        Ok(())
    }

    fn publish(&self, place: &Place, partial: Partial, received: Received) -> Result<Got, Problem> {
        let Received { digests, validators, resumed } = received;
        let url = self.address().to_string();
        let replaced = place.path.symlink_metadata().is_ok();
        let entry = self.getter.cache.publish(partial, place, url, &digests, validators)?;
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

    fn address(&self) -> &'a Address {
        &self.request.addresses[self.address]
    }

    fn finished(&self, got: &Got, place: &Place) -> FileFinished {
        FileFinished {
            name: self.request.name.clone(),
            url: self.address().to_string(),
            path: RecordPath::from(place.path.as_path()),
            digest: got.entry.sha256().to_owned(),
            size_bytes: got.entry.stamp.size_bytes,
            status: got.status,
            attempts: self.attempts,
            pinned: self.request.is_pinned(),
            extra: self.request.extra.clone(),
        }
    }

    fn failed(&self, problem: &Problem) -> FileFailed {
        let causes = std::iter::successors(std::error::Error::source(problem), |cause| cause.source());
        let message = causes.fold(problem.to_string(), |message, cause| format!("{message}: {cause}"));
        let (expected, got) = match problem {
            Problem::HashMismatch { expected, got } => (Some(expected.to_string()), Some(got.to_string())),
            _ => (None, None),
        };
        FileFailed {
            name: self.request.name.clone(),
            url: self.address().to_string(),
            code: problem.code(),
            message,
            hint: problem.hint(),
            attempts: self.attempts,
            expected,
            got,
            extra: self.request.extra.clone(),
        }
    }
}

/// A server that says of a file nobody asked about that it has not changed.
fn unasked_304() -> Refusal {
    Problem::HttpStatus { status: 304 }.into()
}
