//! The records of `fetch cache`. Must not know how they are shown.

use common::record::RecordPath;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cache::{Kept, Reason};
use crate::registry::State;

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
