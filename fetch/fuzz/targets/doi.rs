//! What repositories answer about records, and DOIs: any bytes are read or refused. No link leads to anything but the web,
//! and the registry made of a record reads back as it was meant, whatever its files are called.
#![no_main]

use fetch::registry::Listing;
use fetch::source::{Address, doi, registry};
use fetch::transfer::doi::{DataFile, Record, dataverse, figshare, invenio, zenodo};
use libfuzzer_sys::fuzz_target;

fn look_at(files: Vec<DataFile>) {
    let record = Record::new("10.1/x".into(), "host".into(), files);
    for file in record.files() {
        if let Ok(address) = file.address(&record) {
            assert!(matches!(address.scheme(), "http" | "https"), "{address}");
            assert!(address.local_path().is_none() && !address.host().is_empty(), "{address}");
        }
        assert!(record.file(&file.name).is_ok_and(|found| found == file), "{:?}", file.name);
    }
    let _ = record.file("name");
    let listing = Listing::new("10.1/x", &record);
    assert_eq!(registry::parse(&listing.text), Ok(listing.entries), "{:?}", listing.text);
}

fuzz_target!(|bytes: &[u8]| {
    let base = Address::parse("https://host/").expect("a URL");
    let page = base.join("api/records/1");
    let answers = [
        zenodo::record(bytes, &base).ok(),
        invenio::record(bytes, &page).ok().flatten(),
        invenio::files(bytes, &page).ok(),
        figshare::article(bytes).ok(),
        figshare::files(bytes).ok(),
        dataverse::dataset(bytes, &base).ok(),
    ];
    answers.into_iter().flatten().for_each(look_at);
    let _ = figshare::search(bytes);
    let Ok(text) = str::from_utf8(bytes) else { return };
    let _ = figshare::version(text);
    if let Some(path) = doi::escape(text) {
        assert_eq!(doi::unescape(&path), text);
        for reading in doi::readings(&path) {
            let whole = [reading.doi, reading.file].join("/");
            assert_eq!(whole.trim_end_matches('/'), text.trim_end_matches('/'));
        }
    }
    let _ = Address::parse(&format!("doi:{text}"));
});
