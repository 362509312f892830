//! Bytes that come, into the partial of their place, hashed on the way. Must not know which URL is asked when.

use std::io::{ErrorKind, Read, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use common::fs::FileError;

use super::segments::{self, Long};
use super::{Getter, tell};
use crate::cache::{Notes, Partial, Place, boot};
use crate::error::Problem;
use crate::events::Event;
use crate::hash::{Algorithm, CHUNK, Digest, Hasher};
use crate::queue::Queue;
use crate::source::{Address, Request, Who};
use crate::transfer::{Body, Validators};

/// A file that came and is not yet in its place.
pub struct Received {
    /// Its digests: sha256 first, then that by the algorithm of the digest to be checked.
    pub digests: Vec<Digest>,
    /// Which version it is.
    pub validators: Validators,
    /// The digest that it should have by whoever keeps it.
    pub published: Option<Digest>,
    /// Whether its beginning was there before.
    pub resumed: bool,
}

/// The beginning of a file that was asked for before.
#[derive(Debug)]
pub struct Held {
    /// How many bytes, fewer than the whole, so that the server is asked for at least one.
    pub bytes: u64,
    /// All that is there, these first.
    pub parts: Vec<Range<u64>>,
    /// Which version of the file they are of.
    pub validator: String,
}

/// Receives the file of one request.
pub struct Receiver<'a> {
    /// The number of its job.
    pub job: u64,
    /// The request.
    pub request: &'a Request,
    /// Who asks.
    pub who: Option<&'a Who>,
    /// Where the file is to lie.
    pub place: &'a Place,
    /// Who hears how far it is.
    pub events: &'a Queue<Event>,
    /// How many requests were sent for parts of it.
    pub requests: &'a Arc<AtomicU32>,
    /// By how many connections it may come.
    pub segments: usize,
    /// What the run has in common.
    pub getter: &'a Getter,
}

impl Receiver<'_> {
    /// What `partial` has of the file at `address`.
    ///
    /// When the machine crashed since, bytes that were written may have become zeros. Then the partial serves only
    /// a request with a digest, which tells.
    pub fn held(&self, partial: &Partial, address: &Address) -> Option<Held> {
        let notes = partial.notes()?;
        let mut parts = partial.parts().ok()?;
        let first = parts.first_mut().filter(|first| first.start == 0)?;
        first.end = notes.size_bytes.map_or(first.end, |whole| first.end.min(whole.saturating_sub(1)));
        let bytes = first.end;
        let same = notes.place == self.place.relative
            && notes.url == address.to_string()
            && self.getter.cache.is_for(notes.who.as_deref(), self.who);
        let unharmed = self.request.is_pinned() || !notes.boot.is_empty() && notes.boot == boot();
        (same && unharmed && bytes > 0).then(|| Held { bytes, parts, validator: notes.validator.clone() })
    }

    /// Writes the bytes that come to `partial`, behind those `held` if they are the rest.
    pub fn receive(
        &self,
        partial: &mut Partial,
        mut body: Body,
        address: &Address,
        held: Option<&Held>,
    ) -> Result<Received, Problem> {
        let Body { from, size, .. } = body;
        if from > 0 && !held.is_some_and(|held| continues(held, from, &body.validators)) {
            return Err(Problem::WrongRange);
        }
        let (job, name, url) = (self.job, self.request.name.clone(), address.to_string());
        tell(self.events, Event::Started { job, name, url, size_bytes: size, held_bytes: from });
        let published = body.digest.as_ref().filter(|_| !self.request.is_pinned());
        let expected = self.request.digests().chain(published).map(Digest::algorithm);
        let mut hasher = Hasher::new([Algorithm::Sha256].into_iter().chain(expected));
        if let Some(size) = size.filter(|size| size.saturating_sub(from) >= segments::LONG) {
            return self.receive_long(partial, body, size, address, held, hasher);
        }
        let ready = if from > 0 {
            partial.go_on(from, &mut hasher)
        } else {
            partial.restart(self.notes(address, size, &body.validators))
        };
        ready.map_err(FileError::at("write", &self.place.path))?;
        let got = self.copy(&mut body, partial, &mut hasher)?;
        if let Some(expected) = size.filter(|expected| *expected != got) {
            return Err(Problem::Truncated { expected, got });
        }
        let Body { validators, digest: published, .. } = body;
        Ok(Received { digests: hasher.finish(), validators, published, resumed: from > 0 })
    }

    fn receive_long(
        &self,
        partial: &mut Partial,
        mut body: Body,
        size: u64,
        address: &Address,
        held: Option<&Held>,
        hasher: Hasher,
    ) -> Result<Received, Problem> {
        let from = body.from;
        let held = held.filter(|_| from > 0);
        // What lies behind the end cannot be of this version.
        if partial.size_bytes().is_ok_and(|there| there > size) {
            partial.file().set_len(size).map_err(FileError::at("write", &self.place.path))?;
        }
        match held {
            // The rest of a version need not say again which one it is.
            Some(held) if held.validator.starts_with('"') => {
                body.validators.etag.get_or_insert_with(|| held.validator.clone());
            }
            Some(_) => {}
            None => {
                let notes = self.notes(address, Some(size), &body.validators);
                partial.restart(notes).map_err(FileError::at("write", &self.place.path))?;
            }
        }
        let validators = body.validators.clone();
        let parts = held.map_or(&[][..], |held| &held.parts);
        let Receiver { getter, job, events, requests, segments, .. } = *self;
        let path = &self.place.path;
        let (access, published) = (&self.request.access, body.digest.clone());
        let long = Long { getter, partial, path, address, access, events, job, requests, segments };
        let digests = long.receive(body, size, parts, hasher)?;
        Ok(Received { digests, validators, published, resumed: from > 0 })
    }

    /// Copies to the end, and says how many bytes there are then.
    fn copy(&self, body: &mut Body, partial: &mut Partial, hasher: &mut Hasher) -> Result<u64, Problem> {
        let mut got = body.from;
        // With room for a byte more than there must be, the end is met in the same call as the last byte.
        let left = body.size.map_or(CHUNK as u64, |size| size.saturating_sub(got).saturating_add(1));
        let mut chunk = vec![0; usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)];
        loop {
            if self.getter.stop.is_set() {
                return Err(Problem::Stopped);
            }
            let read = match body.bytes.read(&mut chunk) {
                Ok(0) => return Ok(got),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Problem::Broken { got, cause: error.to_string() }),
            };
            hasher.update(&chunk[..read]);
            if let Err(error) = partial.write_all(&chunk[..read]) {
                // A disk that is full must not stay so because of half a file.
                let _ = partial.restart(None);
                return Err(FileError::at("write", &self.place.path)(error).into());
            }
            got += read as u64;
            tell(self.events, Event::Advanced { job: self.job, bytes: read as u64 });
        }
    }

    /// The notes that make a file worth going on with: not one that comes in a single piece anyway, and not one
    /// whose versions cannot be told apart.
    fn notes(&self, address: &Address, size: Option<u64>, validators: &Validators) -> Option<Notes> {
        let long = size.is_none_or(|size| size > CHUNK as u64) && address.local_path().is_none();
        let validator = validators.strong().filter(|_| long)?;
        Some(Notes {
            place: self.place.relative.clone(),
            url: address.to_string(),
            who: self.getter.cache.mark(self.who),
            validator: validator.to_owned(),
            size_bytes: size,
            boot: boot().to_owned(),
            parts: Vec::new(),
        })
    }
}

/// Whether bytes from `from` on of this version are the rest of what is held.
fn continues(held: &Held, from: u64, version: &Validators) -> bool {
    let told: Vec<&String> = version.etag.iter().chain(&version.last_modified).collect();
    from == held.bytes && (told.is_empty() || told.contains(&&held.validator))
}
