//! Answers to text for people, to records, or to one HTML file. Must not know where they come from.

pub mod export;
pub mod html;
pub mod records;
pub mod text;

use crate::events::{Location, LocationId, Symbols};

/// A location's words; for none, those of code outside Python.
fn words(location: Option<LocationId>, symbols: &Symbols) -> Location {
    match location {
        Some(location) => symbols.resolve(location).clone(),
        None => Location { function: "(without Python frames)".into(), file: String::new(), line: 0 },
    }
}
