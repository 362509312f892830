//! A lock file: a registry, which pooch can read, of what earlier runs got, so that later ones get the same. Must not
//! know how a file is got.
//!
//! An entry pins the file of its name as long as its URL is among those that the request gives. A request with a
//! digest of its own has the last word, as a manifest has over its lock file; `--locked` makes both of these an error.
//! Comments and empty lines stay where they are, new entries stand behind the last one whose name is smaller.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use common::fs::{FileError, write_atomic};

use super::RegistryError;
use crate::error::{Error, Problem};
use crate::hash::Digest;
use crate::source::registry::{self, Entry};
use crate::source::{Address, Request};

/// How a lock file is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// What it has is pinned; what it has not is added.
    Update,
    /// What it has not is an error.
    Locked,
    /// What was got is written down anew.
    Refresh,
}

/// A lock file and what a run adds to it.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    mode: Use,
    entries: HashMap<String, Entry>,
    got: Mutex<BTreeMap<String, Entry>>,
}

impl Lock {
    /// Reads the lock file at `path`; it need not exist unless all must be in it.
    pub fn open(path: &Path, mode: Use) -> Result<Lock, Error> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound && mode != Use::Locked => String::new(),
            read => read.map_err(|cause| Error::Unreadable { path: path.to_owned(), cause })?,
        };
        let entries = parse(path, &text)?.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        Ok(Lock { path: path.to_owned(), mode, entries, got: Mutex::default() })
    }

    /// The digest that it has for a request beside the request's own.
    pub fn pin(&self, request: &Request) -> Result<Option<Digest>, RegistryError> {
        let lock = || self.path.display().to_string();
        let name = || request.name.clone();
        let strict = self.mode == Use::Locked;
        let Some(entry) = self.entries.get(&request.name) else {
            return if strict {
                Err(RegistryError::NotLocked { lock: lock(), name: name() })
            } else {
                Ok(None)
            };
        };
        let other = |locked: String, asked: String| {
            Err(RegistryError::LockedOther { lock: lock(), name: name(), locked, asked })
        };
        match &request.expected {
            Some(own) if *own == entry.digest => return Ok(None),
            Some(own) if own.algorithm() == entry.digest.algorithm() && strict => {
                return other(entry.digest.to_string(), own.to_string());
            }
            Some(own) if own.algorithm() == entry.digest.algorithm() => return Ok(None),
            _ => {}
        }
        // As they are shown: a lock file has no secrets in it.
        let asked: Vec<String> = request.addresses.iter().map(Address::to_string).collect();
        let elsewhere = entry.addresses.iter().find(|address| !asked.contains(&address.to_string()));
        match elsewhere {
            Some(locked) if strict => other(locked.to_string(), asked.join(", ")),
            Some(_) => Ok(None),
            None if self.mode == Use::Refresh => Ok(None),
            None => Ok(Some(entry.digest.clone())),
        }
    }

    /// Notes what a request came to; refuses a second file of the same name.
    pub fn note(&self, request: &Request, sha256: Digest, url: &str) -> Result<(), Problem> {
        if self.entries.get(&request.name).is_some_and(|entry| entry.digest == sha256) {
            return Ok(());
        }
        let addresses = Address::parse(url).into_iter().collect();
        let entry = Entry { name: request.name.clone(), digest: sha256, addresses };
        let mut got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
        let first = got.entry(request.name.clone()).or_insert_with(|| entry.clone());
        let same = first.digest == entry.digest;
        if same { Ok(()) } else { Err(Problem::NameConflict { path: request.name.clone() }) }
    }

    /// Writes down what this run got, together with what other processes have written meanwhile.
    pub fn write(&self) -> Result<(), Error> {
        let got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
        if got.is_empty() || self.mode == Use::Locked {
            return Ok(());
        }
        let _held = hold(&self.path).map_err(FileError::at("lock", &self.path))?;
        let text = std::fs::read_to_string(&self.path).map_err(FileError::at("read", &self.path))?;
        parse(&self.path, &text)?;
        let written = update(&text, &got)?;
        if written != text {
            write_atomic(&self.path, written.as_bytes())?;
        }
        Ok(())
    }
}

fn parse(path: &Path, text: &str) -> Result<Vec<Entry>, Error> {
    let bad = |(line, bad)| RegistryError::Line { registry: path.display().to_string(), line, bad };
    Ok(registry::parse(text).map_err(bad)?)
}

/// Locks the file itself, as a file beside it would stay behind in the user's folder. Who waited for one that was
/// replaced meanwhile takes the new one.
fn hold(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    loop {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        file.lock()?;
        let held = file.metadata()?;
        match path.metadata() {
            Ok(there) if (there.dev(), there.ino()) == (held.dev(), held.ino()) => return Ok(file),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
}

/// The text with the entries in their places.
fn update(text: &str, got: &BTreeMap<String, Entry>) -> Result<String, RegistryError> {
    let mut lines: Vec<(Option<String>, String)> = Vec::new();
    let mut left = got.clone();
    for line in text.lines() {
        // The caller has seen that every line can be read.
        let name = registry::parse_line(line).ok().flatten().map(|entry| entry.name);
        let replaced = name.as_ref().and_then(|name| got.get(name));
        if let (Some(entry), Some(name)) = (replaced, &name) {
            left.remove(name);
            lines.push((Some(name.clone()), registry::format(entry)?));
        } else {
            lines.push((name, format!("{line}\n")));
        }
    }
    let mut written = String::new();
    let last_smaller = |name: &str, lines: &[(Option<String>, String)]| {
        lines.iter().rposition(|(other, _)| other.as_deref().is_some_and(|other| other < name))
    };
    // Behind the last smaller one; before the first entry, but behind the comments at the top, when there is none.
    let first = lines.iter().position(|(name, _)| name.is_some()).unwrap_or(lines.len());
    let mut places: BTreeMap<usize, Vec<Entry>> = BTreeMap::new();
    for (name, entry) in left {
        let place = last_smaller(&name, &lines).map_or(first, |at| at + 1);
        places.entry(place).or_default().push(entry);
    }
    for at in 0..=lines.len() {
        for entry in places.remove(&at).unwrap_or_default() {
            written += &registry::format(&entry)?;
        }
        written += lines.get(at).map_or("", |(_, line)| line);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(name: &str, digit: char) -> Entry {
        let digest = digit.to_string().repeat(64).parse().unwrap_or_else(|_| unreachable!("a good digest"));
        Entry { name: name.into(), digest, addresses: vec![] }
    }

    fn updated(text: &str, got: &[(&str, char)]) -> String {
        let got = got.iter().map(|(name, digit)| ((*name).to_owned(), entry(name, *digit))).collect();
        update(text, &got).unwrap_or_default()
    }

    #[test]
    fn comments_stay_and_entries_are_sorted_in() {
        let line = |name: &str, digit: char| format!("{name} sha256:{}\n", digit.to_string().repeat(64));
        let text = format!("# top\n\n{}# about d\n{}# end\n", line("b", '0'), line("d", '0'));
        let now = updated(&text, &[("a", '1'), ("c", '1'), ("d", '1'), ("e", '1')]);
        let wanted = format!(
            "# top\n\n{}{}{}# about d\n{}{}# end\n",
            line("a", '1'),
            line("b", '0'),
            line("c", '1'),
            line("d", '1'),
            line("e", '1')
        );
        assert_eq!(now, wanted);
        assert_eq!(updated("# no entry", &[("a", '1')]), format!("# no entry\n{}", line("a", '1')));
    }

    proptest! {
        #[test]
        fn every_entry_is_there_once_and_in_order(
            old in proptest::collection::btree_set("[a-z #']{1,6}", 0..8),
            new in proptest::collection::btree_set("[a-z #']{1,6}", 0..8),
        ) {
            let text: String = old.iter().filter_map(|name| registry::format(&entry(name, '0')).ok()).collect();
            let got = new.iter().map(|name| (name.clone(), entry(name, '1'))).collect();
            let now = registry::parse(&update(&text, &got).unwrap_or_default()).unwrap_or_default();
            let names: Vec<&String> = now.iter().map(|entry| &entry.name).collect();
            let wanted: Vec<&String> = old.union(&new).collect();
            prop_assert_eq!(names, wanted);
            for one in &now {
                let digit = if new.contains(&one.name) { '1' } else { '0' };
                prop_assert_eq!(one, &entry(&one.name, digit));
            }
        }
    }
}
