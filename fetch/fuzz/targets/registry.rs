//! Registries: any text is read or refused; what was read is written so that it reads back the same.
#![no_main]

use fetch::source::registry::{self, Entry};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(entries) = registry::parse(text) else { return };
    let line = |entry: &Entry| {
        let url = entry.address.as_ref().map(|address| address.exact());
        registry::line(&entry.name, &entry.digest.to_string(), url.as_deref()) + "\n"
    };
    // A name may hold what ends a line, which only an escape outside of quotes can have put there.
    if entries.iter().any(|entry| entry.name.contains(['\n', '\r'])) {
        return;
    }
    let written: String = entries.iter().map(line).collect();
    let again = registry::parse(&written).expect("what is written can be read");
    let same = |(one, two): (&Entry, &Entry)| one.name == two.name && one.digest == two.digest;
    assert!(entries.len() == again.len() && entries.iter().zip(&again).all(same), "{written}");
});
