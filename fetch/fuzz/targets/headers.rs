//! What servers say in headers: `Retry-After`, `Content-Range`, and digests as SRI and in registries.
#![no_main]

use fetch::hash::Digest;
use fetch::transfer::{http, retry_after};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = retry_after::parse(text);
    if let Some((range, _)) = http::content_range(text) {
        assert!(!range.is_empty(), "a range has at least one byte");
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }
});
