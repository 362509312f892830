//! Registries: any text is read or refused; what was read is written so that it reads back the same; and requests that are
//! read from their lines one by one are those of all entries read at once.
#![no_main]

use fetch::source::registry::{self, Entry};
use fetch::source::{Address, Registries, Request};
use libfuzzer_sys::fuzz_target;

fn reads_back(entries: &[Entry]) {
    // A name may hold what ends a line, which only an escape outside of quotes can have put there.
    let Ok(written) = entries.iter().map(registry::format).collect::<Result<String, _>>() else { return };
    let again = registry::parse(&written).expect("what is written can be read");
    assert!(entries == again, "{written}");
}

fuzz_target!(|texts: (&str, &str)| {
    let texts = [texts.0, texts.1];
    let mut registries = Registries::default();
    let added: Vec<_> = texts.iter().map(|text| registries.add((*text).to_owned())).collect();
    let parsed: Vec<_> = texts.iter().map(|text| registry::parse(text)).collect();
    for (added, parsed) in added.iter().zip(&parsed) {
        match (added, parsed) {
            (Ok(()), Ok(entries)) => reads_back(entries),
            (Err((line, bad)), Err((same, other))) => assert!(line == same && bad == other),
            _ => panic!("{added:?} {parsed:?}"),
        }
    }
    let Ok(entries) = parsed.into_iter().collect::<Result<Vec<_>, _>>() else { return };
    let base = Address::parse("http://host/").expect("a URL");
    let requests = |entry: Entry| entry.request(Some(&base));
    let all: Vec<Request> = registry::merge(entries).into_iter().map(requests).collect();
    let listed = registries.requests(Some(base.clone()), &[]).expect("all are below the base");
    assert!(listed.count() == all.len() as u64 && listed.iter().eq(all.iter().cloned()));
    assert!(listed.into_stream().eq(all));
});
