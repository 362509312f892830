//! Which file each place of a run is for, so that two requests never overwrite one another.
//! Must not know what is in the files.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::cache::Place;
use crate::error::Problem;
use crate::source::{Request, Who};

/// The places that the requests of a run have taken.
#[derive(Debug, Default)]
pub struct Claims {
    /// What each is for, both shortened: a run may have a hundred thousand.
    places: Mutex<HashMap<[u64; 2], u64>>,
    keys: [RandomState; 2],
}

impl Claims {
    /// None taken yet, of about so many.
    pub fn of(requests: u64) -> Claims {
        let places = HashMap::with_capacity(usize::try_from(requests).unwrap_or_default());
        Claims { places: Mutex::new(places), keys: Default::default() }
    }

    /// Takes a place for a request, or refuses when another of this run has it for another file.
    pub fn claim(&self, place: &Place, request: &Request) -> Result<(), Problem> {
        // The file is the same when its digest is, wherever it comes from; else when it comes from the same place to the
        // same one who asks.
        let identity = match &request.expected {
            Some(digest) => digest.to_string(),
            None => (0..)
                .zip(&request.addresses)
                .map(|(index, address)| {
                    let who = request.who(index).map(Who::words).unwrap_or_default();
                    format!("{}\n{}\n{who}\n", address.exact(), who.len())
                })
                .collect(),
        };
        // By keys that nobody outside this process knows; for places so long that no two share one.
        let identity = self.keys[0].hash_one(identity);
        let short = [&self.keys[0], &self.keys[1]].map(|key| key.hash_one(&place.relative));
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let first = places.entry(short).or_insert(identity);
        if *first == identity { Ok(()) } else { Err(Problem::NameConflict { path: place.relative.clone() }) }
    }
}
