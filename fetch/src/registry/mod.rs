//! Registries as files of their own: made from a folder or a record of a repository, checked, converted, kept as a
//! lock. Each is an answer by itself; nothing here gets a file.

mod check;
mod convert;
mod from_doi;
mod lock;
mod make;
mod sums;
mod walk;

pub use check::{Checked, State, check, unknown};
pub use convert::{Form, detect, read, read_as, write};
pub use from_doi::{Listing, record};
pub use lock::{Lock, Use};
pub use make::{Hashed, make};
pub use walk::{Found, Identity, Selection, walk};

use std::path::PathBuf;

use crate::hash::BadDigest;
use crate::source::registry::{BadEntry, NoLine};

/// Why a registry could not be made, read or written.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum RegistryError {
    #[error("bad pattern {pattern:?}: {why}")]
    Pattern { pattern: String, why: &'static str },
    #[error("{} has a name that is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    #[error(transparent)]
    NoLine(#[from] NoLine),
    #[error("{registry}, line {line}: {bad}")]
    Line { registry: String, line: usize, bad: BadEntry },
    #[error("{registry}, line {line}: {bad}")]
    Sum { registry: String, line: usize, bad: BadSum },
    #[error("{registry} is not UTF-8")]
    Text { registry: String },
    #[error("{name:?} has no hash")]
    NoHash { name: String },
    #[error("{name:?} has a hash by {algorithm}, and a sha256sum file holds sha256 alone")]
    OtherAlgorithm { name: String, algorithm: &'static str },
    #[error("{lock} has no {name:?}, and --locked is given")]
    NotLocked { lock: String, name: String },
    #[error("{lock} has {name:?} with {locked}, but it is asked for with {asked}, and --locked is given")]
    LockedOther { lock: String, name: String, locked: String, asked: String },
}

/// What is wrong with a line of `sha256sum`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSum {
    /// It has neither of the two shapes.
    #[error("expected `hash  name` or `ALGORITHM (name) = hash`")]
    Shape,
    /// Its backslashes mean nothing.
    #[error("a backslash that escapes nothing")]
    Escape,
    /// Its hash is none.
    #[error("bad hash: {0}")]
    Digest(#[from] BadDigest),
}

impl RegistryError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            RegistryError::Pattern { .. } => "a pattern has *, ?, [abc] and **/ as in a shell",
            RegistryError::NotUtf8(_) => "rename it, or leave it out with --exclude",
            RegistryError::NoLine(_) => "rename it, or use --to json",
            RegistryError::Line { .. } => "a line is `name [alg:]hash [url]`; quote names with spaces",
            RegistryError::Sum { .. } => {
                "give the output of sha256sum, md5sum or the like, or name the form with --from"
            }
            RegistryError::Text { .. } => "convert it to UTF-8 first",
            RegistryError::NoHash { .. } => "get it once, and convert the records of that: they have digests",
            RegistryError::OtherAlgorithm { .. } => "use --to pooch or --to json",
            RegistryError::NotLocked { .. } | RegistryError::LockedOther { .. } => {
                "run it once without --locked to update the lock file"
            }
        }
    }

    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            RegistryError::Pattern { .. } => "bad_usage",
            RegistryError::NotLocked { .. } => "not_locked",
            RegistryError::LockedOther { .. } => "lock_mismatch",
            RegistryError::NotUtf8(_) | RegistryError::NoLine(_) => "bad_name",
            _ => "bad_registry",
        }
    }
}
