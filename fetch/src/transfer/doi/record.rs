//! A record of a repository: its files, found by name. Must not know which repository keeps it.

use std::collections::HashMap;

use super::{BadAnswer, DoiProblem};
use crate::hash::Digest;
use crate::source::Address;

/// Names are compared up to this length, in characters.
const COMPARED: usize = 128;

/// A file of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct DataFile {
    /// Its name: a path with `/` where the repository has folders.
    pub name: String,
    /// Where it can be got, as the repository has it.
    pub link: String,
    /// Its digest, where the repository tells a good one.
    pub digest: Option<Digest>,
}

/// What a DOI stands for.
#[derive(Debug)]
pub struct Record {
    doi: String,
    host: String,
    files: Vec<DataFile>,
    by_name: HashMap<String, usize>,
    /// Files in folders by their names without them, as pooch calls them; none for a name that is there twice.
    by_last: HashMap<String, Option<usize>>,
}

impl Record {
    /// The record at `host` with these files; of two with one name the later counts, as in pooch.
    pub fn new(doi: String, host: String, files: Vec<DataFile>) -> Record {
        let by_name: HashMap<String, usize> =
            files.iter().enumerate().map(|(index, file)| (file.name.clone(), index)).collect();
        let mut by_last = HashMap::new();
        for (name, index) in &by_name {
            if let Some((_, last)) = name.rsplit_once('/') {
                by_last.entry(last.to_owned()).and_modify(|index| *index = None).or_insert(Some(*index));
            }
        }
        Record { doi, host, files, by_name, by_last }
    }

    /// The host of the repository.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// All files, by name.
    pub fn files(&self) -> Vec<&DataFile> {
        let mut files: Vec<&DataFile> = self.by_name.values().map(|index| &self.files[*index]).collect();
        files.sort_by(|one, other| one.name.cmp(&other.name));
        files
    }

    /// The file called `name`.
    pub fn file(&self, name: &str) -> Result<&DataFile, DoiProblem> {
        let index = self.by_name.get(name).copied().or_else(|| self.by_last.get(name).copied().flatten());
        if let Some(index) = index {
            return Ok(&self.files[index]);
        }
        let mut names: Vec<String> = self.by_name.keys().cloned().collect();
        names.sort_unstable();
        if name.is_empty() {
            return Err(DoiProblem::NoName { doi: self.doi.clone(), names });
        }
        names.sort_by_cached_key(|there| distance(there, name));
        Err(DoiProblem::NoFile { doi: self.doi.clone(), name: name.to_owned(), names })
    }

    /// A problem that names this record and its host.
    pub fn at(&self, problem: impl FnOnce(String, String) -> DoiProblem) -> DoiProblem {
        problem(self.doi.clone(), self.host.clone())
    }
}

impl DataFile {
    /// Where it can be got. The web is the only place that a server may send to: never a file of this machine.
    pub fn address(&self, record: &Record) -> Result<Address, DoiProblem> {
        let address =
            Address::parse(&self.link).ok().filter(|link| matches!(link.scheme(), "http" | "https"));
        address.ok_or_else(|| {
            let bad = BadAnswer::Link { name: self.name.clone() };
            DoiProblem::BadAnswer { host: record.host.clone(), bad }
        })
    }
}

/// How many characters must be put in, taken out or replaced to make one name of the other, by Wagner and Fischer.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(COMPARED).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, character) in one.chars().take(COMPARED).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, same) in other.iter().map(|there| *there == character).enumerate() {
            let replaced = diagonal + usize::from(!same);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::Explain;

    fn record(names: &[&str]) -> Record {
        let file =
            |name: &&str| DataFile { name: (*name).into(), link: format!("http://h/{name}"), digest: None };
        Record::new("10.1/x".into(), "h".into(), names.iter().map(file).collect())
    }

    #[test]
    fn distances_are_those_of_the_textbook() {
        for (one, other, far) in
            [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("äb", "äb", 0), ("ab", "ba", 2)]
        {
            assert_eq!(distance(one, other), far, "{one} {other}");
        }
    }

    #[test]
    fn a_name_alone_finds_a_file_in_a_folder_if_there_is_one() {
        let record = record(&["a/x", "b/x", "b/y", "z"]);
        let link = |name: &str| record.file(name).map(|file| file.link.clone()).ok();
        assert_eq!(link("b/x").as_deref(), Some("http://h/b/x"));
        assert_eq!(link("y").as_deref(), Some("http://h/b/y"));
        assert_eq!(link("x"), None);
    }

    #[test]
    fn the_nearest_names_come_first() {
        let record = record(&["readme.md", "data-1.csv", "data-2.csv", "other", "x1", "x2", "x3"]);
        let hint = record.file("data-3.csv").err().and_then(|problem| problem.hint()).unwrap_or_default();
        assert!(hint.starts_with("it has \"data-1.csv\", \"data-2.csv\", "), "{hint}");
        assert!(hint.contains("and 2 more"), "{hint}");
    }

    #[test]
    fn a_link_into_this_machine_is_refused() {
        for link in ["file:///etc/passwd", "doi:10.1/x/y", "", "relative"] {
            let file = DataFile { name: "x".into(), link: link.into(), digest: None };
            assert!(file.address(&record(&[])).is_err(), "{link}");
        }
    }
}
