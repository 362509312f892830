//! pooch's own names of files in a cache folder. Must not know ours.

use crate::hash::{Algorithm, Hasher};

/// The longest name that pooch makes, in characters.
const LONGEST: usize = 255;

/// The name that `pooch.retrieve` gives to what it gets from a URL: `<md5 of the URL>-<end of its path>`, the end cut
/// at its beginning to 255 characters in all (`unique_file_name` of pooch 1.9).
pub fn unique_file_name(url: &str) -> String {
    let mut hasher = Hasher::new([Algorithm::Md5]);
    hasher.update(url.as_bytes());
    let md5: String = hasher.finish().iter().map(crate::hash::Digest::hex).collect();
    let path = path(url);
    let last: Vec<char> = path.rsplit('/').next().unwrap_or_default().chars().collect();
    let room = LONGEST - md5.len() - 1;
    let last: String = last[last.len().saturating_sub(room)..].iter().collect();
    format!("{md5}-{last}")
}

/// The path of a URL as Python's `urlsplit` has it: percent-encoding stays as it is. Of a DOI, what is behind it.
fn path(url: &str) -> &str {
    if let Some(doi) = url.strip_prefix("doi:") {
        return doi;
    }
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find(['/', '?', '#']).map_or("", |end| &rest[end..]);
    let path = path.split('#').next().unwrap_or_default();
    path.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_pooch() {
        // Each right side is what pooch 1.9.0 gives.
        for (url, name) in [
            ("https://www.some-server.org/2020/data.txt", "02ddee027ce5ebb3d7059fb23d210604-data.txt"),
            ("https://www.some-server.org/2020/data.txt.gz", "181a9d52e908219c2076f55145d6a344-data.txt.gz"),
            ("http://h/a%20b.txt?x=/y#z/w", "369a3796d7388b963213979213977bb3-a%20b.txt"),
        ] {
            assert_eq!(unique_file_name(url), name);
        }
        let long = format!("http://h/{}.zip", "é".repeat(400));
        assert_eq!(unique_file_name(&long).chars().count(), 255);
        assert!(unique_file_name("http://h").ends_with('-'));
    }
}
