//! Bytes that come, into the partial of their place, hashed on the way. Must not know which URL is asked when.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc::Sender;

use common::fs::FileError;

use super::{Stop, tell};
use crate::cache::{Notes, Partial, Place, boot};
use crate::error::Problem;
use crate::events::Event;
use crate::hash::{Algorithm, CHUNK, Digest, Hasher};
use crate::source::{Address, Request};
use crate::transfer::{Body, Validators};

/// A file that came and is not yet in its place.
pub struct Received {
    /// Its digests: sha256 first, then that by the algorithm the request asks for.
    pub digests: Vec<Digest>,
    /// Which version it is.
    pub validators: Validators,
    /// Whether its beginning was there before.
    pub resumed: bool,
}

/// The beginning of a file that was asked for before.
#[derive(Debug)]
pub struct Held {
    /// How many bytes, fewer than the whole, so that the server is asked for at least one.
    pub bytes: u64,
    /// Which version of the file they are of.
    pub validator: String,
}

/// Receives the file of one request.
pub struct Receiver<'a> {
    /// The number of its job.
    pub job: u64,
    /// The request.
    pub request: &'a Request,
    /// Where the file is to lie.
    pub place: &'a Place,
    /// Who hears how far it is.
    pub events: &'a Sender<Event>,
    /// Whether to go on.
    pub stop: &'a Stop,
}

impl Receiver<'_> {
    /// What `partial` has of the file at `address`.
    ///
    /// When the machine crashed since, bytes that were written may have become zeros. Then the partial serves only
    /// a request with a digest, which tells.
    pub fn held(&self, partial: &Partial, address: &Address) -> Option<Held> {
        let notes = partial.notes()?;
        let there = partial.size_bytes().ok()?;
        let bytes = notes.size_bytes.map_or(there, |whole| there.min(whole.saturating_sub(1)));
        let same = notes.place == self.place.relative && notes.url == address.to_string();
        let unharmed = self.request.is_pinned() || !notes.boot.is_empty() && notes.boot == boot();
        (same && unharmed && bytes > 0).then(|| Held { bytes, validator: notes.validator.clone() })
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
        let (job, name) = (self.job, self.request.name.clone());
        tell(self.events, Event::Started { job, name, size_bytes: size, held_bytes: from });
        let expected = self.request.digests().map(Digest::algorithm);
        let mut hasher = Hasher::new([Algorithm::Sha256].into_iter().chain(expected));
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
        Ok(Received { digests: hasher.finish(), validators: body.validators, resumed: from > 0 })
    }

    /// Copies to the end, and says how many bytes there are then.
    fn copy(&self, body: &mut Body, partial: &mut Partial, hasher: &mut Hasher) -> Result<u64, Problem> {
        let mut got = body.from;
        // With room for a byte more than there must be, the end is met in the same call as the last byte.
        let left = body.size.map_or(CHUNK as u64, |size| size.saturating_sub(got).saturating_add(1));
        let mut chunk = vec![0; usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)];
        loop {
            if self.stop.is_set() {
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
            validator: validator.to_owned(),
            size_bytes: size,
            boot: boot().to_owned(),
        })
    }
}

/// Whether bytes from `from` on of this version are the rest of what is held.
fn continues(held: &Held, from: u64, version: &Validators) -> bool {
    let told: Vec<&String> = version.etag.iter().chain(&version.last_modified).collect();
    from == held.bytes && (told.is_empty() || told.contains(&&held.validator))
}
