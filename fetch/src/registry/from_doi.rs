//! The registry of all files of a record, by the digests that its repository tells. Must not know how a DOI is resolved.

use std::sync::Arc;

use crate::error::Error;
use crate::get::Policy;
use crate::source::registry::{self, Entry};
use crate::transfer::doi::Record;
use crate::transfer::{Refusal, Transfer};

/// A registry, and what could not be put into it.
#[derive(Debug, PartialEq)]
pub struct Listing {
    /// The whole text.
    pub text: String,
    /// What it has, without URLs.
    pub entries: Vec<Entry>,
    /// Files without a digest, which stand in it as comments.
    pub without_digest: Vec<String>,
    /// Files whose names no registry can have.
    pub unfit: Vec<String>,
}

/// The record that a DOI stands for, asked for again when that may help.
pub fn record(transfer: &Transfer, doi: &str, policy: Policy) -> Result<Arc<Record>, Error> {
    let mut round = 0;
    loop {
        let Refusal { problem, retry_after } = match transfer.record(doi) {
            Ok(record) => return Ok(record),
            Err(refusal) => refusal,
        };
        let wait = policy.wait(round, retry_after).filter(|_| problem.is_transient());
        let Some(wait) = wait else { return Err(Error::NoRecord { doi: doi.to_owned(), cause: problem }) };
        std::thread::sleep(wait);
        round += 1;
    }
}

impl Listing {
    /// The registry of `record`, which `doi` stands for; sorted by name.
    pub fn new(doi: &str, record: &Record) -> Listing {
        let mut listing = Listing {
            text: String::new(),
            entries: Vec::new(),
            without_digest: Vec::new(),
            unfit: Vec::new(),
        };
        listing.text += &format!("# the files of doi:{doi}; to get them:\n");
        let base = registry::quote(&format!("doi:{doi}/"));
        listing.text += &format!("# fetch get -r REGISTRY --base-url {base}\n");
        for file in record.files() {
            if file.name.is_empty() || file.name.chars().any(char::is_control) {
                listing.unfit.push(file.name.clone());
                continue;
            }
            if let Some(digest) = &file.digest {
                listing.text += &registry::line(&file.name, &digest.to_string(), None);
                let (name, digest) = (file.name.clone(), digest.clone());
                listing.entries.push(Entry { name, digest, addresses: Vec::new() });
            } else {
                listing.text += &format!("# no digest is known: {}", file.name);
                listing.without_digest.push(file.name.clone());
            }
            listing.text.push('\n');
        }
        listing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::registry::parse;
    use crate::transfer::doi::DataFile;
    use proptest::prelude::*;

    const MD5: &str = "md5:900150983cd24fb0d6963f7d28e17f72";

    fn listing(names: &[&str], digest: Option<&str>) -> Listing {
        let digest = digest.and_then(|digest| digest.parse().ok());
        let file =
            |name: &&str| DataFile { name: (*name).into(), link: String::new(), digest: digest.clone() };
        Listing::new("10.1/x", &Record::new("10.1/x".into(), "h".into(), names.iter().map(file).collect()))
    }

    #[test]
    fn files_are_sorted_and_quoted() {
        let lines = format!("'a b' {MD5}\nc/d {MD5}\n");
        assert!(listing(&["c/d", "a b"], Some(MD5)).text.ends_with(&lines));
    }

    #[test]
    fn what_no_line_can_hold_is_told() {
        let listing = listing(&["a\nb", "", "c"], None);
        assert_eq!(listing.unfit, ["", "a\nb"]);
        assert_eq!(listing.without_digest, ["c"]);
        assert_eq!(parse(&listing.text), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn every_name_is_read_back(names in proptest::collection::btree_set("\\PC{1,12}", 0..6)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let read: Vec<String> =
                parse(&listing(&names, Some(MD5)).text).unwrap_or_default().into_iter().map(|entry| entry.name).collect();
            prop_assert_eq!(read, names);
        }
    }
}
