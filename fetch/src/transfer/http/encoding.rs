//! `Content-Encoding`, from servers that pack what they were asked to send as it is.
//! Must not know how the bytes come.
//!
//! A file whose name says that it is packed is stored as it comes: many servers declare the packing of a `.gz` file
//! as if it were theirs, and a registry pins the packed bytes. Any other file was packed by the server on the way,
//! which is undone.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::error::Problem;
use crate::source::Address;
use crate::transfer::{Body, Validators};

/// How names end of files that are packed by each coding.
const PACKED: [(&str, &[&str]); 6] = [
    ("gzip", &[".gz", ".tgz", ".svgz", ".gzip", ".taz"]),
    ("x-gzip", &[".gz", ".tgz", ".svgz", ".gzip", ".taz"]),
    ("br", &[".br"]),
    ("zstd", &[".zst", ".zstd", ".tzst"]),
    ("compress", &[".z"]),
    ("x-compress", &[".z"]),
];

/// Whether a body with this `Content-Encoding` is to be unpacked; an error when it ought to be and cannot.
pub fn unpack(coding: Option<&str>, address: &Address) -> Result<bool, Problem> {
    let coding = coding.unwrap_or_default().to_ascii_lowercase();
    if coding.is_empty() || coding == "identity" {
        return Ok(false);
    }
    let endings = PACKED.iter().find(|(known, _)| *known == coding).map(|(_, endings)| *endings);
    // The name may stand in the query, or before further parts of the path, as in `/files/a.gz/content`.
    let words = address.path_and_query().to_ascii_lowercase();
    let mut words = words.split(['/', '?', '&', '=', ';']);
    if words.any(|word| endings.unwrap_or_default().iter().any(|ending| word.ends_with(ending))) {
        return Ok(false);
    }
    if coding == "gzip" || coding == "x-gzip" {
        return Ok(true);
    }
    Err(Problem::Encoding(coding))
}

/// The body that was packed: of unknown size, and none that could be gone on with, which the weak `ETag` says.
pub fn unpacked(bytes: impl Read + Send + 'static, validators: Validators) -> Body {
    let etag = validators.etag.map(|etag| format!("W/{}", etag.trim_start_matches("W/")));
    let last_modified = validators.last_modified.filter(|_| etag.is_none());
    Body::new(MultiGzDecoder::new(bytes), 0, None, Validators { etag, last_modified, date: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_packed_is_unpacked() -> Result<(), Box<dyn std::error::Error>> {
        for (coding, url, expected) in [
            (None, "http://h/a.txt", Some(false)),
            (Some("identity"), "http://h/a.txt", Some(false)),
            (Some("gzip"), "http://h/a.txt", Some(true)),
            (Some("GZIP"), "http://h/a.nii", Some(true)),
            (Some("gzip"), "http://h/a.nii.gz", Some(false)),
            (Some("x-gzip"), "http://h/a.TGZ", Some(false)),
            (Some("gzip"), "http://h/files/a.gz/content", Some(false)),
            (Some("gzip"), "http://h/get?file=a.gz&x=1", Some(false)),
            (Some("br"), "http://h/a.txt", None),
            (Some("br"), "http://h/a.js.br", Some(false)),
            (Some("gzip, br"), "http://h/a.gz", None),
        ] {
            assert_eq!(unpack(coding, &Address::parse(url)?).ok(), expected, "{coding:?} {url}");
        }
        Ok(())
    }
}
