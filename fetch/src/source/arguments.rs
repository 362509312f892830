//! Requests from URLs on the command line. Must not know registries or JSON.

use url::ParseError;

use super::{Address, BadAddress, Request};
use crate::error::Error;
use crate::hash::Digest;

/// A request for each URL, or for each name below `base`; `expected` is for a single one, as one digest cannot fit
/// several files.
pub fn from_arguments(
    urls: &[String],
    base: Option<&Address>,
    expected: Option<&Digest>,
) -> Result<Vec<Request>, Error> {
    if expected.is_some() && urls.len() > 1 {
        return Err(Error::HashOfSeveral { urls: urls.len() });
    }
    let request = |text: &String| match (Address::parse(text), base) {
        (Err(BadAddress::NotUrl { cause: ParseError::RelativeUrlWithoutBase, .. }), Some(base)) => {
            Ok(Request::named(text.clone(), vec![base.join(text)], expected.cloned()))
        }
        (address, _) => Ok(Request::of(address?, expected.cloned())),
    };
    urls.iter().map(request).collect()
}
