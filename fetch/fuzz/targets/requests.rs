//! JSON on standard input: our own requests, npm's and pip's documents. Any bytes are read or refused, an error is
//! the last item, and a request always has an address.
#![no_main]

use fetch::source::read_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let items: Vec<_> = read_json(bytes).collect();
    for (number, item) in items.iter().enumerate() {
        match item {
            Ok(request) => assert!(!request.addresses.is_empty()),
            Err(_) => assert_eq!(number + 1, items.len()),
        }
    }
});
