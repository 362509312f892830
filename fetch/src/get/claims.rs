//! Which file each place of a run is for, so that two requests never overwrite one another.
//! Must not know what is in the files.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::cache::Place;
use crate::error::Problem;
use crate::source::{Request, Who};

/// The places that the requests of a run have taken.
#[derive(Debug, Default)]
pub struct Claims {
    /// What each is for, both shortened: a run may have a hundred thousand.
    places: Mutex<HashMap<Short, Short>>,
}

/// The beginning of a sha256, long enough that no two texts share one.
type Short = [u8; 16];

impl Claims {
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
        let (place_short, identity) = (short(&place.relative), short(&identity));
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let first = places.entry(place_short).or_insert(identity);
        if *first == identity { Ok(()) } else { Err(Problem::NameConflict { path: place.relative.clone() }) }
    }
}

fn short(text: &str) -> Short {
    let whole: [u8; 32] = Sha256::digest(text).into();
    let mut short = Short::default();
    short.copy_from_slice(&whole[..16]);
    short
}
