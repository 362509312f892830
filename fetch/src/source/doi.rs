//! `doi:` addresses, as pooch writes them: a DOI, a slash, the name of a file of the record. Must not know how a DOI is
//! resolved.
//!
//! In such an address nothing is escaped, and a DOI may have slashes as a name may. So that an [`Address`] can carry it as
//! a URL, each part between slashes is escaped; and so are the slashes of DOI and name themselves as soon as it is known
//! where the one ends: `10.5281%2Fzenodo.3939050/sub%2Ftiny-data.txt`.
//!
//! [`Address`]: super::Address

use url::form_urlencoded;

/// One way to read a `doi:` address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The DOI, without `doi:`.
    pub doi: String,
    /// The name behind it; empty when the address is of the whole record.
    pub file: String,
}

/// The path of the URL for what stands behind `doi:`; nothing when that begins with no DOI.
pub fn escape(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let [prefix, suffix, name @ ..] = parts.as_slice() else { return None };
    let registrant = prefix.strip_prefix("10.")?;
    let number = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    if !registrant.starts_with(|first: char| first.is_ascii_digit()) || !registrant.bytes().all(number) {
        return None;
    }
    if suffix.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    // Zenodo's DOIs have one slash, and its names may have many: those that it makes of GitHub releases have one.
    if suffix.to_ascii_lowercase().contains("zenodo") {
        return Some(known(&format!("{prefix}/{suffix}"), (!name.is_empty()).then(|| name.join("/"))));
    }
    Some(parts.into_iter().map(escape_part).collect::<Vec<_>>().join("/"))
}

/// The path for the file `name` below the base URL with the path `base`.
pub fn join(base: &str, name: &str) -> String {
    let base = unescape(base);
    let base = base.strip_suffix('/').unwrap_or(&base);
    let joined = escape(&format!("{base}/{name}")).filter(|path| is_known(path));
    joined.unwrap_or_else(|| known(base, Some(name.to_owned())))
}

/// What stands behind `doi:` for people and records.
pub fn unescape(path: &str) -> String {
    path.split('/').map(unescape_part).collect::<Vec<_>>().join("/")
}

/// The ways to read the path, likeliest first: as pooch does, the last slash ends the DOI; but where there is no such
/// DOI, an earlier one may, as the names of some repositories have folders.
pub fn readings(path: &str) -> Vec<Reading> {
    if is_known(path) {
        let (doi, file) = path.split_once('/').unwrap_or((path, ""));
        return vec![Reading { doi: unescape_part(doi), file: unescape_part(file) }];
    }
    let parts: Vec<String> = path.split('/').map(unescape_part).collect();
    let read = |end: usize| Reading { doi: parts[..end].join("/"), file: parts[end..].join("/") };
    (2..parts.len()).rev().chain([parts.len()]).map(read).filter(|read| !read.doi.ends_with('/')).collect()
}

fn known(doi: &str, name: Option<String>) -> String {
    match name {
        Some(name) => format!("{}/{}", escape_part(doi), escape_part(&name)),
        None => escape_part(doi),
    }
}

/// Whether the path tells where the DOI ends: then the slash within the DOI is escaped.
fn is_known(path: &str) -> bool {
    path.split('/').next().is_some_and(|doi| doi.contains("%2F"))
}

fn escape_part(part: &str) -> String {
    form_urlencoded::byte_serialize(part.as_bytes()).collect()
}

fn unescape_part(part: &str) -> String {
    form_urlencoded::parse(part.as_bytes()).map(|(key, _)| key.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let path = escape(text).unwrap_or_default();
        readings(&path).into_iter().map(|reading| (reading.doi, reading.file)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(doi, file)| ((*doi).to_owned(), (*file).to_owned())).collect()
    }

    #[test]
    fn the_doi_ends_where_pooch_ends_it() {
        let zenodo = read("10.5281/zenodo.7632643/santisoler/data-v1 #2.zip");
        assert_eq!(zenodo, pairs(&[("10.5281/zenodo.7632643", "santisoler/data-v1 #2.zip")]));
        let figshare = read("10.6084/m9.figshare.14763051.v1/a%20b?.txt");
        assert_eq!(figshare[0], pairs(&[("10.6084/m9.figshare.14763051.v1", "a%20b?.txt")])[0]);
    }

    #[test]
    fn folders_of_a_name_are_the_second_guess() {
        let three = [
            ("10.7910/DVN/TJ/sub", "a.txt"),
            ("10.7910/DVN/TJ", "sub/a.txt"),
            ("10.7910/DVN", "TJ/sub/a.txt"),
        ];
        assert_eq!(read("10.7910/DVN/TJ/sub/a.txt")[..3], pairs(&three));
        assert_eq!(read("10.18710/ABC"), pairs(&[("10.18710/ABC", "")]));
        assert_eq!(read("10.18710/ABC/"), pairs(&[("10.18710/ABC", "")]));
    }

    #[test]
    fn below_a_base_url_the_doi_is_known() {
        let joined = |base: &str, name: &str| readings(&join(&escape(base).unwrap_or_default(), name));
        let reading = |doi: &str, file: &str| vec![Reading { doi: doi.into(), file: file.into() }];
        assert_eq!(joined("10.7910/DVN/TJ/", "sub/a b.txt"), reading("10.7910/DVN/TJ", "sub/a b.txt"));
        assert_eq!(joined("10.5281/zenodo.1", "a.txt"), reading("10.5281/zenodo.1", "a.txt"));
        assert_eq!(joined("10.5281/zenodo.1/sub/", "a.txt"), reading("10.5281/zenodo.1", "sub/a.txt"));
    }

    #[test]
    fn what_begins_with_no_doi_is_refused() {
        for bad in
            ["", "10.5281", "10.5281/", "//10.5281/zenodo.1/x", "11.1/x/y", "10./x", "10.a/x", "10.1/x\n"]
        {
            assert_eq!(escape(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_shown_as_it_was(rest in "\\PC{1,30}(/\\PC{0,9}){0,4}") {
            let text = format!("10.1234/{rest}");
            if let Some(path) = escape(&text) {
                prop_assert_eq!(unescape(&path), text.clone());
                for reading in readings(&path) {
                    let whole = [reading.doi, reading.file].join("/");
                    prop_assert_eq!(whole.trim_end_matches('/'), text.trim_end_matches('/'));
                }
            }
        }
    }
}
