//! Which file each place of a run is for, so that two requests never overwrite one another.
//! Must not know what is in the files.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::cache::Place;
use crate::error::Problem;
use crate::hash::Digest;
use crate::source::{Address, Request};

/// The places that the requests of a run have taken.
#[derive(Debug, Default)]
pub struct Claims {
    places: Mutex<HashMap<String, Identity>>,
}

/// What makes a file the same for two requests.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Identity {
    /// Its digest, wherever it comes from.
    Digest(Digest),
    /// Where it comes from, when no digest is known.
    Url(String),
}

impl Claims {
    /// Takes a place for a request, or refuses when another of this run has it for another file.
    pub fn claim(&self, place: &Place, request: &Request) -> Result<(), Problem> {
        let identity = match &request.expected {
            Some(digest) => Identity::Digest(digest.clone()),
            None => Identity::Url(request.addresses.iter().map(Address::exact).collect()),
        };
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let first = places.entry(place.relative.clone()).or_insert_with(|| identity.clone());
        if *first == identity { Ok(()) } else { Err(Problem::NameConflict { path: place.relative.clone() }) }
    }
}
