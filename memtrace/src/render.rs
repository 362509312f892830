//! Answers to text for people, to records, or to one HTML file. Must not know where they come from.

pub mod compare;
pub mod export;
pub mod html;
pub mod leaks;
pub mod records;
pub mod text;
pub mod tree;
pub mod tui;

use crate::events::{Location, LocationId, Symbols};

/// What code outside Python is called.
const OUTSIDE: &str = "(without Python frames)";

/// A location's words; for none, those of code outside Python.
fn words(location: Option<LocationId>, symbols: &Symbols) -> Location {
    match location {
        Some(location) => symbols.resolve(location).clone(),
        None => Location { function: OUTSIDE.into(), file: String::new(), line: 0 },
    }
}
