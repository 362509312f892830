//! What happens while files are got: the records for programs, and the events they are part of.
//! Must not know how either is shown.

mod archive;
mod cache;
mod get;
mod registry;
mod serve;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

pub use archive::{ArchiveExtracted, FileExtracted, Processed};
pub use cache::{FileKept, FileListed, FileRemoved, FileVerified, ListedState};
pub use get::{FileAdvanced, FileChecked, FileFailed, FileFinished, FileStarted, OWN_KEYS, Status};
pub use registry::{EntryChecked, EntryConverted, FileHashed, RegistryWritten};
pub use serve::{RequestServed, ServerStarted};

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
