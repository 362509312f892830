//! pooch's registry files: `name [alg:]hash [url]`, split as a shell splits words.
//! Must not know what the files hold or where they are.

use std::collections::HashMap;

use super::{Address, BadAddress, Request};
use crate::hash::{Algorithm, BadDigest, Digest};

/// One line of a registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The file's name: a path with `/` below the folder of the data.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
    /// Where it can be got, best first; empty for one below the base URL. A line has room for one at most.
    pub addresses: Vec<Address>,
}

impl Entry {
    /// The same, below `base` when it has no URL of its own; without both it has none.
    #[must_use]
    pub fn below(mut self, base: Option<&Address>) -> Entry {
        if self.addresses.is_empty() {
            self.addresses.extend(base.map(|base| base.join(&self.name)));
        }
        self
    }

    /// What asks for its file, as [`Entry::below`] has its address.
    pub fn request(self, base: Option<&Address>) -> Request {
        let Entry { name, digest, addresses } = self.below(base);
        Request::named(name, addresses, Some(digest))
    }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// It has another number of fields than two or three.
    #[error("expected 2 or 3 fields (name, hash, URL), got {0}")]
    Fields(usize),
    /// A quotation is not closed.
    #[error("a quotation mark is not closed")]
    Quotation,
    /// It ends with a backslash.
    #[error("a backslash at the end")]
    Backslash,
    /// The hash is no digest.
    #[error("bad hash: {0}")]
    Digest(#[from] BadDigest),
    /// The URL is none.
    #[error("bad URL: {0}")]
    Address(#[from] BadAddress),
}

/// Reads a whole registry; the error names the line, counted from 1.
///
/// Of two entries with one name the later counts, as in pooch.
pub fn parse(text: &str) -> Result<Vec<Entry>, (usize, BadEntry)> {
    let lines = text.lines().zip(1..);
    let entries =
        lines.filter_map(|(line, number)| parse_line(line).map_err(|bad| (number, bad)).transpose());
    Ok(merge([entries.collect::<Result<_, _>>()?]))
}

/// Several registries as one; of two entries with one name the later counts.
pub fn merge(registries: impl IntoIterator<Item = Vec<Entry>>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for entry in registries.into_iter().flatten() {
        let place = *places.entry(entry.name.clone()).or_insert(entries.len());
        if place == entries.len() {
            entries.push(entry);
        } else {
            entries[place] = entry;
        }
    }
    entries
}

/// The line of an entry, with its end, as pooch and [`parse`] read it back. Its URL is as it was given, secrets and all.
pub fn format(entry: &Entry) -> Result<String, NoLine> {
    format_with(entry, &entry.digest.to_string())
}

/// The same as `pooch.make_registry` writes it: sha256 goes without saying.
pub fn format_as_made(entry: &Entry) -> Result<String, NoLine> {
    match entry.digest.algorithm() {
        Algorithm::Sha256 => format_with(entry, &entry.digest.hex()),
        _ => format(entry),
    }
}

fn format_with(entry: &Entry, hash: &str) -> Result<String, NoLine> {
    if entry.name.contains(['\n', '\r']) {
        return Err(NoLine { name: entry.name.clone() });
    }
    let url = entry.addresses.first().map(Address::given);
    Ok(line(&entry.name, hash, url) + "\n")
}

/// A name that no registry can have, as its lines end where the name's do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} has the end of a line in it")]
pub struct NoLine {
    /// The name.
    pub name: String,
}

/// A line of a registry, without the line's end.
pub fn line(name: &str, digest: &str, url: Option<&str>) -> String {
    let fields = [Some(name), Some(digest), url];
    fields.into_iter().flatten().map(quote).collect::<Vec<_>>().join(" ")
}

/// The entry in a line; nothing for a comment or an empty one.
pub fn parse_line(line: &str) -> Result<Option<Entry>, BadEntry> {
    let line = line.trim();
    if line.starts_with('#') {
        return Ok(None);
    }
    let fields = split(line)?;
    let (name, hash, url) = match fields.as_slice() {
        [] => return Ok(None),
        [name, hash] => (name, hash, None),
        [name, hash, url] => (name, hash, Some(url)),
        _ => return Err(BadEntry::Fields(fields.len())),
    };
    let address = url.map(|url| Address::parse(url)).transpose()?;
    Ok(Some(Entry { name: name.clone(), digest: hash.parse()?, addresses: address.into_iter().collect() }))
}

/// Splits words as Python's `shlex.split` does, which differs from a shell (and from the crate shlex): a `#` inside
/// a line is a character like any other, and between double quotes a backslash escapes only `"` and itself.
fn split(line: &str) -> Result<Vec<String>, BadEntry> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => {
                let escaped = characters.next().ok_or(BadEntry::Backslash)?;
                word.get_or_insert_default().push(escaped);
            }
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or(BadEntry::Quotation)? {
                        '\'' => break,
                        other => word.push(other),
                    }
                }
            }
            '"' => double_quoted(&mut characters, word.get_or_insert_default())?,
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn double_quoted(characters: &mut std::str::Chars, word: &mut String) -> Result<(), BadEntry> {
    loop {
        match characters.next().ok_or(BadEntry::Quotation)? {
            '"' => return Ok(()),
            '\\' => match characters.next().ok_or(BadEntry::Quotation)? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            other => word.push(other),
        }
    }
}

/// A word that [`split`] reads back as it was; plain words stay plain.
pub fn quote(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "@%+=:,./-_?&~*".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r#"'"'"'"#))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Vec<String> {
        split(line).unwrap_or_default()
    }

    #[test]
    fn words_are_split_as_python_splits_them() {
        // Each right side is what Python 3.12's shlex.split gives.
        assert_eq!(words(r"a\ b c"), ["a b", "c"]);
        assert_eq!(words(r#""a b"'c d'e f"#), ["a bc de", "f"]);
        assert_eq!(words(r#""\$x\"y\\z" #1"#), [r#"\$x"y\z"#, "#1"]);
        assert_eq!(words(r"'a\b' ''"), [r"a\b", ""]);
        assert_eq!(split("'open"), Err(BadEntry::Quotation));
        assert_eq!(split("a\\"), Err(BadEntry::Backslash));
    }

    #[test]
    fn the_line_of_an_error_is_named() {
        let good = format!("# c\n\na {}\n", "0".repeat(64));
        assert_eq!(parse(&format!("{good}a b c d")), Err((4, BadEntry::Fields(4))));
        assert_eq!(parse(&format!("{good}alone")), Err((4, BadEntry::Fields(1))));
        assert!(matches!(parse(&format!("{good}a 00")), Err((4, BadEntry::Digest(_)))));
        assert!(matches!(
            parse(&format!("{good}a md5:{} x", "0".repeat(32))),
            Err((4, BadEntry::Address(_)))
        ));
    }

    #[test]
    fn of_two_entries_with_one_name_the_later_counts() {
        let (first, second) = ("0".repeat(64), "1".repeat(64));
        let entries = parse(&format!("a {first}\nb {first}\na {second}\n")).unwrap_or_default();
        let digests: Vec<String> = entries.iter().map(|entry| entry.digest.hex()).collect();
        assert_eq!(digests, [second, first]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            names in proptest::collection::hash_set("[^\\n\\r]{0,20}", 1..8),
            hash in "[0-9a-f]{64}",
            path in proptest::option::of("[a-z ']{1,8}"),
        ) {
            let url = path.map(|path| Address::parse(&format!("http://host/{path}")));
            let address = url.transpose().map_err(|error| TestCaseError::fail(error.to_string()))?;
            let digest: Digest = hash.parse().map_err(|error: BadDigest| TestCaseError::fail(error.to_string()))?;
            let addresses: Vec<Address> = address.into_iter().collect();
            let entry = |name: String| Entry { name, digest: digest.clone(), addresses: addresses.clone() };
            let entries: Vec<Entry> = names.into_iter().map(entry).collect();
            let text: Result<String, NoLine> = entries.iter().map(format).collect();
            prop_assert_eq!(text.map(|text| parse(&text)), Ok(Ok(entries)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}(\n\\PC{0,80})?") {
            let _ = parse(&text);
        }
    }
}
