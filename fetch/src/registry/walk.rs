//! The files below a folder, by the names that a registry has for them. Must not read what is in them.
//!
//! As in pooch, hidden files count, a link to a file is the file, and links to folders are not followed (they may
//! lead in circles). What fetch keeps for itself is left out: `.fetch` at the top, and files half written.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use common::fs::{FileError, PART_PREFIX, PART_SUFFIX};
use glob::{MatchOptions, Pattern};

use super::RegistryError;
use crate::cache::CONTROL;
use crate::error::Error;

/// Which of the files below a folder are meant.
#[derive(Debug, Default)]
pub struct Selection {
    /// Patterns of those that are left out; see [`Selection::new`].
    pub exclude: Vec<Pattern>,
    /// Only those right in the folder.
    pub flat: bool,
    /// Files that are left out whatever they are called, such as the one that is being written.
    pub except: Vec<Identity>,
    /// Files and folders, with all that is in them, that are left out: whole paths.
    pub spared: HashSet<PathBuf>,
}

/// One file on this machine, by whatever name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its path below the folder, parts apart by `/`.
    pub name: String,
    /// The whole path.
    pub path: PathBuf,
}

impl Identity {
    /// That of the file at `path`, when there is one.
    pub fn of_path(path: &Path) -> Option<Identity> {
        path.metadata().ok().map(|metadata| Identity::of(&metadata))
    }

    /// That of standard output, when it is a file: `> FILE` makes it before it is written to.
    pub fn of_stdout() -> Option<Identity> {
        let metadata = File::open("/proc/self/fd/1").and_then(|file| file.metadata()).ok()?;
        metadata.is_file().then(|| Identity::of(&metadata))
    }

    fn of(metadata: &Metadata) -> Identity {
        Identity { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl Selection {
    /// All files but those that one of the patterns is for: with a slash it is for a path below the folder, without
    /// one for the name of a file or folder anywhere; a folder stands for all that is in it.
    pub fn new(exclude: &[String]) -> Result<Selection, RegistryError> {
        let pattern = |text: &String| {
            let trimmed = text.trim_end_matches('/').trim_start_matches("./");
            let bad =
                |error: glob::PatternError| RegistryError::Pattern { pattern: text.clone(), why: error.msg };
            Pattern::new(trimmed).map_err(bad)
        };
        let exclude = exclude.iter().map(pattern).collect::<Result<_, _>>()?;
        Ok(Selection { exclude, ..Selection::default() })
    }

    fn excludes(&self, relative: &str) -> bool {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        let last = relative.rsplit('/').next().unwrap_or_default();
        self.exclude.iter().any(|pattern| {
            let text = if pattern.as_str().contains('/') { relative } else { last };
            pattern.matches_with(text, options)
        })
    }
}

/// The files below `folder`, sorted by name.
pub fn walk(folder: &Path, selection: &Selection) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, above)) = folders.pop() {
        let unreadable = |error| FileError::at("read the folder", &folder)(error);
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(|error| FileError::at("read the folder", &folder)(error))?;
            let (path, bytes) = (entry.path(), entry.file_name());
            let own = above.is_empty() && bytes == CONTROL;
            let half_written = |name: &str| name.starts_with(PART_PREFIX) && name.ends_with(PART_SUFFIX);
            let lossy = format!("{above}{}", bytes.to_string_lossy());
            if own
                || selection.spared.contains(&path)
                || half_written(&bytes.to_string_lossy())
                || selection.excludes(&lossy)
            {
                continue;
            }
            let name = || bytes.to_str().map(|name| format!("{above}{name}"));
            let name = || name().ok_or_else(|| RegistryError::NotUtf8(path.clone()));
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if !selection.flat {
                    folders.push((path.clone(), name()? + "/"));
                }
                continue;
            }
            let Ok(metadata) = path.metadata() else { continue };
            if metadata.is_file() && !selection.except.contains(&Identity::of(&metadata)) {
                found.push(Found { name: name()?, path });
            }
        }
    }
    found.sort();
    Ok(found)
}
