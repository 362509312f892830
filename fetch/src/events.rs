//! What happens while files are got: the records for programs, and the events they are part of.
//! Must not know how either is shown.

use std::time::Duration;

use common::record::RecordPath;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cache::{Kept, Reason};
use crate::registry::State;

/// The keys of [`FileFinished`], [`FileFailed`] and the envelope; a requester's keys of these names do not pass.
pub const OWN_KEYS: [&str; 18] = [
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
    "code",
    "message",
    "hint",
    "expected",
    "got",
];

/// A record of fetch.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Record {
    /// A file lies verified in its place.
    #[serde(rename = "fetch.file.finished")]
    Finished(FileFinished),
    /// A file could not be got; nothing was published for it.
    #[serde(rename = "fetch.file.failed")]
    Failed(FileFailed),
    /// `fetch hash`: a file's digest.
    #[serde(rename = "fetch.file.hashed")]
    Hashed(FileHashed),
    /// `fetch registry check`: whether a file is that of the registry.
    #[serde(rename = "fetch.file.checked")]
    Checked(FileChecked),
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
    /// The requester's own keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
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

/// `fetch.file.checked`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileChecked {
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
    /// `right` or `wrong`.
    pub state: State,
    /// The sha256 that it had when it was got.
    pub expected: String,
    /// The sha256 that it has.
    pub got: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// `fetch.file.removed`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileRemoved {
    /// Where it lay: an absolute path.
    #[serde(flatten)]
    pub path: RecordPath,
    /// Its size in bytes.
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
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Why it stays.
    pub reason: Kept,
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
    /// A file is there or will not be.
    Ended {
        /// Which file.
        job: u64,
        /// [`Record::Finished`] or [`Record::Failed`].
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
        for record in [Record::Finished(finished), Record::Failed(failed)] {
            let Value::Object(object) = serde_json::to_value(record)? else { unreachable!() };
            for key in object.keys() {
                assert!(OWN_KEYS.contains(&key.as_str()), "{key}");
            }
        }
        Ok(())
    }
}
