//! The records of `fetch get`: how it went with a file. Must not know how they are shown.

use common::Explain;
use common::record::RecordPath;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Processed;

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

#[cfg(test)]
mod tests {
    use super::super::Record;
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
