//! Registries that are made, for others to use. Must not know how a registry is read.

mod from_doi;

pub use from_doi::{Listing, record};
