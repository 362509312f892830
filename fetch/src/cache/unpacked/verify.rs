//! Whether what was unpacked is still what came out of its archive. Must not know archives from inside.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use common::fs::FileError;
use rayon::prelude::*;

use super::{Cache, Note};
use crate::archive::{self, MemberPath, Staging, What};
use crate::cache::place::UNPACKING;
use crate::registry::State;

/// A file or link that was unpacked, verified again.
#[derive(Clone, Debug)]
pub struct VerifiedItem {
    /// Where it lies or should.
    pub path: PathBuf,
    /// How it is with it.
    pub state: State,
    /// Its `xxh3_64`, or where it led.
    pub expected: String,
    /// What it has instead or as well; nothing for what is not there, or is something else.
    pub got: Option<String>,
    /// The size in bytes that it should have.
    pub size_bytes: u64,
    /// Where the archive came from, without secrets; perhaps unknown.
    pub url: String,
    /// The note that tells of it, and what it is called there.
    key: String,
    member: MemberPath,
}

impl Cache {
    /// Hashes all files again that were unpacked and are counted on; sorted by path.
    pub fn verify_unpacked(&self) -> Result<Vec<VerifiedItem>, FileError> {
        // What is just being unpacked has no selections yet, and nobody counts on it.
        let notes = self.notes().into_iter().filter(|(_, note)| !note.selections.is_empty());
        let mut verified: BTreeMap<PathBuf, VerifiedItem> = BTreeMap::new();
        for (key, note) in notes {
            let url = self.index().get(&note.archive).map(|entry| entry.url.clone()).unwrap_or_default();
            let verify = |item: &archive::Item| self.verify_item(&key, &note, &url, item).transpose();
            let mut items: Vec<VerifiedItem> =
                note.items.par_iter().filter_map(verify).collect::<Result<_, _>>()?;
            // Another process may have unpacked a new version meanwhile, which is right as it is.
            let same =
                self.read(&key).is_some_and(|now| now.digest == note.digest && now.items == note.items);
            items.retain(|item| same || item.state == State::Right);
            for item in items {
                // Of two archives that have a file at one place the last has put it there.
                match verified.get(&item.path) {
                    Some(other) if other.state == State::Right => {}
                    _ => {
                        verified.insert(item.path.clone(), item);
                    }
                }
            }
        }
        Ok(verified.into_values().collect())
    }

    /// Removes something wrong, so that its archive is unpacked once more; gives its size in bytes. Nothing when somebody is
    /// at it, or a folder has become a link.
    pub fn remove_item(&self, item: &VerifiedItem) -> Result<Option<u64>, FileError> {
        let Some(_held) = Staging::try_acquire(&self.control().join(UNPACKING).join(&item.key))? else {
            return Ok(None);
        };
        let plain = |folder: &Path| folder.symlink_metadata().is_ok_and(|state| state.is_dir());
        let inside = item.path.ancestors().skip(1).take(item.member.folders().count()).all(plain);
        match item.path.symlink_metadata() {
            Ok(state) if inside && !state.is_dir() => {
                std::fs::remove_file(&item.path).map_err(FileError::at("remove", &item.path))?;
                Ok(Some(state.len()))
            }
            _ => Ok(None),
        }
    }

    /// Nothing for a folder, in which others may have put what they like.
    fn verify_item(
        &self,
        key: &str,
        note: &Note,
        url: &str,
        (member, what): &archive::Item,
    ) -> Result<Option<VerifiedItem>, FileError> {
        let path = self.root.join(&note.target).join(member.as_path());
        let (expected, got) = match what {
            What::Folder => return Ok(None),
            What::Link(leads_to) => {
                let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let there = std::fs::read_link(&path).ok();
                (shown(leads_to), there.map(|there| shown(there.as_os_str().as_encoded_bytes())))
            }
            What::File { xxh3, .. } => {
                let shown = |xxh3: u64| format!("xxh3_64:{xxh3:016x}");
                (shown(*xxh3), content(&path)?.map(shown))
            }
        };
        let state = match &got {
            Some(got) if *got == expected => State::Right,
            None if path.symlink_metadata().is_err() => State::Missing,
            _ => State::Wrong,
        };
        let (key, member, url) = (key.to_owned(), member.clone(), url.to_owned());
        Ok(Some(VerifiedItem { path, state, expected, got, size_bytes: what.size_bytes(), url, key, member }))
    }
}

/// The xxh3 of a file; nothing for what is none.
fn content(path: &Path) -> Result<Option<u64>, FileError> {
    match path.symlink_metadata() {
        Ok(state) if state.is_file() => {}
        _ => return Ok(None),
    }
    match archive::content(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(FileError::at("read", path)),
    }
}
