//! What happens while files are got: the records for programs, and the events they are part of.
//! Must not know how either is shown.

use std::path::Path;
use std::time::Duration;

use common::Explain;
use common::record::RecordPath;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::archive::{Items, Kind, What};
use crate::cache::{Kept, Reason};
use crate::registry::State;

/// The keys of [`FileFinished`], [`FileFailed`] and the envelope; a requester's keys of these names do not pass.
pub const OWN_KEYS: [&str; 22] = [
    "v",
    "seq",
    "at_us",
    "type",
    "name",
    "url",
    "path",
    "path_bytes",
    "digest",
    "size_bytes",
    "status",
    "attempts",
    "pinned",
    "member",
    "processed",
    "code",
    "message",
    "hint",
    "expected",
    "got",
    "available",
    "http_status",
];

/// A record of fetch.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Record {
    /// With `--progress`: bytes of a file begin to come; once more when an attempt failed.
    #[serde(rename = "fetch.file.started")]
    Started(FileStarted),
    /// With `--progress`: more bytes of it came; at most ten times a second.
    #[serde(rename = "fetch.file.advanced")]
    Advanced(FileAdvanced),
    /// A file lies verified in its place.
    #[serde(rename = "fetch.file.finished")]
    Finished(FileFinished),
    /// A file came out of an archive, or of its compression; told before the archive is finished.
    #[serde(rename = "fetch.file.extracted")]
    Extracted(FileExtracted),
    /// `fetch extract`: all that was wanted of an archive was unpacked.
    #[serde(rename = "fetch.archive.extracted")]
    ArchiveExtracted(ArchiveExtracted),
    /// A file could not be got; nothing was published for it.
    #[serde(rename = "fetch.file.failed")]
    Failed(FileFailed),
    /// `fetch get --check`: whether a file is to be had.
    #[serde(rename = "fetch.file.checked")]
    Checked(FileChecked),
    /// `fetch hash`: a file's digest.
    #[serde(rename = "fetch.file.hashed")]
    Hashed(FileHashed),
    /// `fetch registry check`: whether a file is that of the registry.
    #[serde(rename = "fetch.entry.checked")]
    EntryChecked(EntryChecked),
    /// `fetch registry make|convert`: a registry was written.
    #[serde(rename = "fetch.registry.written")]
    Written(RegistryWritten),
    /// `fetch registry convert`: an entry of the registry.
    #[serde(rename = "fetch.entry.converted")]
    Converted(EntryConverted),
    /// `fetch cache ls`: a file in the cache.
    #[serde(rename = "fetch.file.listed")]
    Listed(FileListed),
    /// `fetch cache verify`: whether a file is as it was when it was got.
    #[serde(rename = "fetch.file.verified")]
    Verified(FileVerified),
    /// `fetch cache prune|rm|verify`: a file was removed from the cache, or would be.
    #[serde(rename = "fetch.file.removed")]
    Removed(FileRemoved),
    /// `fetch cache prune|rm|verify`: a file should go, and stays.
    #[serde(rename = "fetch.file.kept")]
    Kept(FileKept),
    /// `fetch serve`: it listens.
    #[serde(rename = "fetch.server.started")]
    ServerStarted(ServerStarted),
    /// `fetch serve`: a request was dealt with.
    #[serde(rename = "fetch.request.served")]
    Served(RequestServed),
}

/// `fetch.file.started`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileStarted {
    /// The name it was asked for by.
    pub name: String,
    /// Where it comes from, without user, password and tokens.
    pub url: String,
    /// Its size in bytes, where the server says it.
    pub size_bytes: Option<u64>,
    /// How many bytes of it are there already.
    pub held_bytes: u64,
}

/// `fetch.file.advanced`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileAdvanced {
    /// The name it was asked for by.
    pub name: String,
    /// How many bytes of it are there now.
    pub got_bytes: u64,
}

/// `fetch.file.finished`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileFinished {
    /// The name it was asked for by.
    pub name: String,
    /// Where it came from, without user, password and tokens; for a cached file, where it would come from.
    pub url: String,
    /// Where it lies: an absolute path.
    #[serde(flatten)]
    pub path: RecordPath,
    /// Its sha256 as `sha256:` and hexadecimal digits.
    pub digest: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// What had to be done for it.
    pub status: Status,
    /// How many requests were sent for it, over all its URLs.
    pub attempts: u32,
    /// True when the request named a digest, which the file has.
    pub pinned: bool,
    /// What was made of it, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processed: Option<Processed>,
    /// The requester's own keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

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

/// What had to be done to have a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing: it was there, verified.
    Cached,
    /// It was downloaded.
    Downloaded,
    /// Its rest was downloaded: the beginning was there from an attempt that broke off, in this run or an earlier one.
    Resumed,
    /// It was downloaded over a file with other content.
    Updated,
    /// It was there, and its server says that it has not changed.
    NotModified,
}

impl Status {
    /// The word that records use.
    pub fn word(self) -> &'static str {
        match self {
            Status::Cached => "cached",
            Status::Downloaded => "downloaded",
            Status::Resumed => "resumed",
            Status::Updated => "updated",
            Status::NotModified => "not_modified",
        }
    }
}

/// `fetch.file.failed`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileFailed {
    /// The name it was asked for by.
    pub name: String,
    /// Where it should have come from, without user, password and tokens.
    pub url: String,
    /// A stable word for programs, such as `hash_mismatch`.
    pub code: &'static str,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How many requests were sent for it, over all its URLs.
    pub attempts: u32,
    /// For `hash_mismatch`: the digest that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// For `hash_mismatch`: the digest of what came, by the same algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// The requester's own keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `fetch.file.checked`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileChecked {
    /// The name it was asked for by.
    pub name: String,
    /// Where it is, without user, password and tokens; else the last place where it is not.
    pub url: String,
    /// Whether it is there.
    pub available: bool,
    /// Its size in bytes, where the server says it.
    pub size_bytes: Option<u64>,
    /// What an HTTP server answered.
    pub http_status: Option<u16>,
    /// How many requests were sent for it, over all its URLs; HEAD and what takes its place are one.
    pub attempts: u32,
    /// The requester's own keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl FileFailed {
    /// What went wrong with the file called `name`, before anything was sent for it.
    pub fn new(name: &str, problem: &impl Explain) -> FileFailed {
        let causes = std::iter::successors(problem.source(), |cause| cause.source());
        let message = causes.fold(problem.to_string(), |message, cause| format!("{message}: {cause}"));
        FileFailed {
            name: name.to_owned(),
            url: String::new(),
            code: problem.code(),
            message,
            hint: problem.hint(),
            attempts: 0,
            expected: None,
            got: None,
            extra: Map::new(),
        }
    }
}

/// `fetch.file.hashed`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileHashed {
    /// For `fetch registry make`: its name in the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The file, as named.
    #[serde(flatten)]
    pub path: RecordPath,
    /// Its digest as algorithm, `:` and hexadecimal digits.
    pub digest: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// `fetch.file.listed`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileListed {
    /// Where it lies: an absolute path.
    #[serde(flatten)]
    pub path: RecordPath,
    /// What it is.
    pub state: ListedState,
    /// Where it came from, without user, password and tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The sha256 that it had when it was last verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The size in bytes of what was unpacked of it.
    pub unpacked_bytes: u64,
    /// When it was last used, to a day, in RFC 3339.
    pub last_use: String,
}

/// What lies in a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListedState {
    /// A verified file.
    Whole,
    /// The beginning of a file.
    Partial,
    /// A file that the index does not know.
    Unknown,
}

/// `fetch.entry.checked`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EntryChecked {
    /// Its name in the registry.
    pub name: String,
    /// Where it lies or should.
    #[serde(flatten)]
    pub path: RecordPath,
    /// How it is with it.
    pub state: State,
    /// The digest that the registry has for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The digest that it has, by the same algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// Its size in bytes, when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
}

/// `fetch.registry.written`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RegistryWritten {
    /// The registry, as named.
    #[serde(flatten)]
    pub path: RecordPath,
    /// How many entries it has.
    pub entries: u64,
}

/// `fetch.entry.converted`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EntryConverted {
    /// The file's name.
    pub name: String,
    /// Its digest as algorithm, `:` and hexadecimal digits.
    pub digest: String,
    /// Where it can be got, best first, without user, password and tokens.
    pub urls: Vec<String>,
}

/// `fetch.file.verified`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileVerified {
    /// Where it lies: an absolute path.
    #[serde(flatten)]
    pub path: RecordPath,
    /// Where it came from, without user, password and tokens.
    pub url: String,
    /// `right` or `wrong`; `missing` for what was unpacked and is not there.
    pub state: State,
    /// The sha256 that it had when it was got; of what was unpacked the `xxh3_64`, or for a link where it led.
    pub expected: String,
    /// What it has instead or as well; nothing for what is not there, or is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// `fetch.file.removed`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileRemoved {
    /// Where it lay: an absolute path.
    #[serde(flatten)]
    pub path: RecordPath,
    /// Its size in bytes, with what was unpacked of it.
    pub size_bytes: u64,
    /// Why it went.
    pub reason: Reason,
    /// True when it is still there, as only that was asked.
    pub dry_run: bool,
}

/// `fetch.file.kept`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileKept {
    /// Where it lies: an absolute path.
    #[serde(flatten)]
    pub path: RecordPath,
    /// Its size in bytes, with what was unpacked of it.
    pub size_bytes: u64,
    /// Why it stays.
    pub reason: Kept,
}

/// `fetch.server.started`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ServerStarted {
    /// Its URL, which ends with a slash.
    pub url: String,
    /// The port it listens at.
    pub port: u16,
    /// The folder it serves: an absolute path.
    pub root: String,
}

/// `fetch.request.served`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RequestServed {
    /// `GET`, `HEAD` or what else the client tried.
    pub method: String,
    /// The path as the client wrote it, without the query.
    pub path: String,
    /// The status of the response.
    pub status: u16,
    /// How many bytes of its body went out: less than it has when the client went away.
    pub bytes: u64,
    /// From the end of the request's head to the last byte handed over.
    pub duration_us: u64,
}

/// Something that happened during `fetch get`.
#[derive(Clone, Debug)]
pub enum Event {
    /// So many more files are wanted.
    Requested(u64),
    /// Bytes of a file begin to come.
    Started {
        /// Which file: the same number in all its events.
        job: u64,
        /// Its name.
        name: String,
        /// Where it comes from, without user, password and tokens.
        url: String,
        /// Its size, where the server says it.
        size_bytes: Option<u64>,
        /// How many bytes of it are there already.
        held_bytes: u64,
    },
    /// So many more bytes of it came.
    Advanced {
        /// Which file.
        job: u64,
        /// How many.
        bytes: u64,
    },
    /// An attempt failed and another will be made.
    Postponed {
        /// Which file.
        job: u64,
        /// Its name.
        name: String,
        /// What went wrong.
        reason: String,
        /// How long until then.
        wait: Duration,
    },
    /// An archive begins to be unpacked.
    Unpacking {
        /// Which file.
        job: u64,
        /// Its name.
        name: String,
        /// Its own size in bytes.
        size_bytes: u64,
    },
    /// So many more bytes of the archive are unpacked.
    Unpacked {
        /// Which file.
        job: u64,
        /// How many.
        bytes: u64,
    },
    /// A file came out of it.
    Extracted(Box<FileExtracted>),
    /// A file is there or will not be.
    Ended {
        /// Which file.
        job: u64,
        /// What becomes [`Record::Finished`], [`Record::Failed`] or [`Record::Checked`].
        outcome: Box<Outcome>,
    },
}

/// How it ended for one file.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is there.
    Finished(FileFinished),
    /// It is not.
    Failed(FileFailed),
    /// It was asked after.
    Checked(FileChecked),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_among_the_own_keys() -> Result<(), serde_json::Error> {
        let path = RecordPath { path: String::new(), path_bytes: Some(String::new()) };
        let finished = FileFinished {
            name: String::new(),
            url: String::new(),
            path,
            digest: String::new(),
            size_bytes: 0,
            status: Status::Cached,
            attempts: 0,
            pinned: true,
            processed: None,
            extra: Map::new(),
        };
        let failed = FileFailed {
            name: String::new(),
            url: String::new(),
            code: "",
            message: String::new(),
            hint: Some(String::new()),
            attempts: 0,
            expected: Some(String::new()),
            got: Some(String::new()),
            extra: Map::new(),
        };
        let checked = FileChecked {
            name: String::new(),
            url: String::new(),
            available: true,
            size_bytes: Some(0),
            http_status: Some(200),
            attempts: 0,
            extra: Map::new(),
        };
        for record in [Record::Finished(finished), Record::Failed(failed), Record::Checked(checked)] {
            let Value::Object(object) = serde_json::to_value(record)? else { unreachable!() };
            for key in object.keys() {
                assert!(OWN_KEYS.contains(&key.as_str()), "{key}");
            }
        }
        Ok(())
    }
}
