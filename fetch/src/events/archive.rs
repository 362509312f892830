//! The records of what came out of an archive. Must not know how it was unpacked or how they are shown.

use std::path::Path;

use common::record::RecordPath;
use schemars::JsonSchema;
use serde::Serialize;

use crate::archive::{Items, Kind, What};

/// What was made of an archive or compressed file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Processed {
    /// What it was.
    pub kind: Kind,
    /// The folder with the members, or the decompressed file: an absolute path.
    #[serde(flatten)]
    pub path: RecordPath,
    /// How many files and symbolic links were wanted of it.
    pub files: u64,
    /// Their sizes in bytes together.
    pub size_bytes: u64,
}

impl Processed {
    /// What was made of an archive whose `items` lie in the folder `target`.
    pub fn new(kind: Kind, target: &Path, items: &Items) -> Processed {
        let wanted = || items.iter().filter(|(_, what)| **what != What::Folder);
        let single = wanted().next().filter(|_| kind == Kind::Decompress);
        let path = single.map_or(target.to_owned(), |(path, _)| target.join(path.as_path()));
        Processed {
            kind,
            path: RecordPath::from(path.as_path()),
            files: wanted().count() as u64,
            size_bytes: wanted().map(|(_, what)| what.size_bytes()).sum(),
        }
    }
}

/// `fetch.file.extracted`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileExtracted {
    /// The name of the archive or compressed file.
    pub name: String,
    /// The name in the archive.
    pub member: String,
    /// Where it lies: an absolute path.
    #[serde(flatten)]
    pub path: RecordPath,
    /// Its size in bytes; 0 for a symbolic link.
    pub size_bytes: u64,
}

impl FileExtracted {
    /// The files and links among the `items` of the archive `name`, which lie in the folder `target`.
    pub fn all(name: &str, target: &Path, items: &Items) -> impl Iterator<Item = FileExtracted> {
        items.iter().filter(|(_, what)| **what != What::Folder).map(move |(path, what)| FileExtracted {
            name: name.to_owned(),
            member: path.text(),
            path: RecordPath::from(target.join(path.as_path()).as_path()),
            size_bytes: what.size_bytes(),
        })
    }
}

/// `fetch.archive.extracted`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ArchiveExtracted {
    /// The archive or compressed file, as named.
    pub name: String,
    /// What was made of it.
    pub processed: Processed,
}
