//! Requests from URLs on the command line. Must not know registries or JSON.

use super::{Address, Request};
use crate::error::Error;
use crate::hash::Digest;

/// A request for each URL; `expected` is for a single one, as one digest cannot fit several files.
pub fn from_arguments(urls: &[String], expected: Option<&Digest>) -> Result<Vec<Request>, Error> {
    if expected.is_some() && urls.len() > 1 {
        return Err(Error::HashOfSeveral { urls: urls.len() });
    }
    urls.iter().map(|url| Ok(Request::of(Address::parse(url)?, expected.cloned()))).collect()
}
