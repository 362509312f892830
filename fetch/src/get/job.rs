//! One request, from the look into the cache to the file in its place. Must not know the other requests.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use common::Explain;
use common::fs::{AtomicFile, FileError};
use common::record::RecordPath;

use super::{Getter, tell};
use crate::cache::{Entry, Place, Stamp, Verify};
use crate::error::Problem;
use crate::events::{Event, FileFailed, FileFinished, Outcome, Status};
use crate::hash::{Algorithm, CHUNK, Digest, Hasher};
use crate::source::{Address, Request};
use crate::transfer::{Answer, Body, Refusal, Validators};

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

/// A file that came and is not yet in its place.
struct Received {
    file: AtomicFile,
    digests: Vec<Digest>,
    stamp: Stamp,
    validators: Validators,
}

impl<'a> Job<'a> {
    /// The job number `number` of a run.
    pub fn new(getter: &'a Getter, events: &'a Sender<Event>, number: u64, request: &'a Request) -> Self {
        Job { getter, events, number, request, attempts: 0, address: 0 }
    }

    /// Does it, and says how it ended; nothing when the run was stopped before.
    pub fn run(mut self) -> Option<Outcome> {
        let place = self.getter.cache.place(self.request);
        let result = place.and_then(|place| {
            self.getter.claims.claim(&place, self.request)?;
            Ok((self.obtain(&place)?, place))
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
        let ask_again = self.getter.options.refresh && self.request.expected.is_none();
        let trust_stat = self.getter.options.verify == Verify::Stat && !ask_again;
        if trust_stat && let Some(entry) = cache.stat_hit(place, self.request) {
            return Ok(Got { entry, status: Status::Cached });
        }
        let _lock = cache.lock(place)?;
        // Another process may have made the file while this one waited.
        cache.refresh()?;
        if trust_stat && let Some(entry) = cache.stat_hit(place, self.request) {
            return Ok(Got { entry, status: Status::Cached });
        }
        let present = cache.hash_hit(place, self.request)?;
        match present {
            Some(entry) if !ask_again => Ok(Got { entry, status: Status::Cached }),
            present => self.download(place, present.as_ref()),
        }
    }

    /// Tries the URLs in rounds until one gives the file; `present` is a version of it that is there.
    fn download(&mut self, place: &Place, present: Option<&Entry>) -> Result<Got, Problem> {
        let mut open: Vec<usize> = (0..self.request.addresses.len()).collect();
        let mut last = None;
        for round in 0.. {
            let mut asked: Option<Duration> = None;
            let mut still_open = Vec::new();
            for index in open {
                let Refusal { problem, retry_after } = match self.attempt(place, index, present) {
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

    fn attempt(&mut self, place: &Place, index: usize, present: Option<&Entry>) -> Result<Got, Refusal> {
        self.address = index;
        let address = self.address();
        if self.getter.options.offline && address.local_path().is_none() {
            return Err(Problem::OfflineMiss.into());
        }
        if self.getter.stop.is_set() {
            return Err(Problem::Stopped.into());
        }
        let same_source = present.filter(|entry| entry.url == address.to_string());
        let known = same_source
            .map(|entry| Validators { etag: entry.etag.clone(), last_modified: entry.last_modified.clone() });
        self.attempts += 1;
        let answer = self.getter.transfer.open(address, known.as_ref())?;
        let body = match (answer, present) {
            (Answer::Body(body), _) => body,
            (Answer::NotModified, Some(entry)) => {
                return Ok(Got { entry: entry.clone(), status: Status::NotModified });
            }
            (Answer::NotModified, None) => return Err(Problem::HttpStatus { status: 304 }.into()),
        };
        let received = self.receive(place, body)?;
        self.check(&received.digests)?;
        Ok(self.publish(place, received)?)
    }

    /// Writes the bytes that come to a temporary file, hashing them on the way.
    fn receive(&self, place: &Place, mut body: Body) -> Result<Received, Problem> {
        let (job, name, size_bytes) = (self.number, self.request.name.clone(), body.size);
        tell(self.events, Event::Started { job, name, size_bytes });
        let expected = self.request.expected.as_ref().map(Digest::algorithm);
        let mut hasher = Hasher::new([Algorithm::Sha256].into_iter().chain(expected));
        let mut file = self.getter.cache.create(place)?;
        let mut chunk = vec![0; CHUNK];
        let mut got = 0;
        loop {
            if self.getter.stop.is_set() {
                return Err(Problem::Stopped);
            }
            let read = match body.bytes.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Problem::Broken { got, cause: error.to_string() }),
            };
            hasher.update(&chunk[..read]);
            file.write_all(&chunk[..read]).map_err(FileError::at("write", &place.path))?;
            got += read as u64;
            tell(self.events, Event::Advanced { job, bytes: read as u64 });
        }
        if let Some(expected) = size_bytes.filter(|expected| *expected != got) {
            return Err(Problem::Truncated { expected, got });
        }
        let metadata = file.file().metadata().map_err(FileError::at("read", &place.path))?;
        let stamp = Stamp::from(&metadata);
        Ok(Received { file, digests: hasher.finish(), stamp, validators: body.validators })
    }

    fn check(&self, digests: &[Digest]) -> Result<(), Problem> {
        let Some(expected) = &self.request.expected else { return Ok(()) };
        match digests.iter().find(|digest| digest.algorithm() == expected.algorithm()) {
            Some(got) if got != expected => {
                Err(Problem::HashMismatch { expected: expected.clone(), got: got.clone() })
            }
            _ => Ok(()),
        }
    }

    fn publish(&self, place: &Place, received: Received) -> Result<Got, Problem> {
        let Received { file, digests, stamp, validators } = received;
        let url = self.address().to_string();
        let Validators { etag, last_modified } = validators;
        let entry = Entry { etag, last_modified, ..Entry::new(place, stamp, url, &digests) };
        let replaced = place.path.symlink_metadata().is_ok();
        self.getter.cache.publish(file, entry.clone())?;
        let status = if replaced { Status::Updated } else { Status::Downloaded };
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
            pinned: self.request.expected.is_some(),
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
