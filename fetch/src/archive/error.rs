//! Why an archive could not be unpacked. Must not know how that is shown.

use std::fmt::Write;
use std::io;

use common::Explain;
use common::fs::FileError;

/// Why an archive could not be unpacked; nothing of it is seen then.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum ArchiveError {
    #[error("the member {member:?} is no path below the folder: {why}")]
    UnsafeMember { member: String, why: &'static str },
    #[error("the member {member:?} would lie over {over}")]
    Overwrites { member: String, over: &'static str },
    #[error("not {0}")]
    OtherKind(&'static str),
    #[error("damaged, or cut short: {0}")]
    Damaged(String),
    #[error("the member {member:?} {why}")]
    Unsupported { member: String, why: String },
    #[error("nothing in it is called {name:?}{}", nearest(.near))]
    NoSuchMember { name: String, near: Vec<String> },
    #[error("more than {limit} bytes would come out of it")]
    TooLarge { limit: u64 },
    #[error(transparent)]
    File(#[from] FileError),
    #[error("stopped")]
    Stopped,
}

impl ArchiveError {
    /// An error of a reader or a decoder.
    pub fn damaged(error: &io::Error) -> ArchiveError {
        ArchiveError::Damaged(error.to_string())
    }

    /// A member that leads out.
    pub fn unsafe_member(member: &[u8], why: &'static str) -> ArchiveError {
        ArchiveError::UnsafeMember { member: String::from_utf8_lossy(member).into_owned(), why }
    }

    /// A member that cannot be dealt with.
    pub fn unsupported(member: &[u8], why: impl Into<String>) -> ArchiveError {
        ArchiveError::Unsupported { member: String::from_utf8_lossy(member).into_owned(), why: why.into() }
    }
}

fn nearest(near: &[String]) -> String {
    let mut text = String::new();
    for (number, name) in near.iter().enumerate() {
        let before = if number == 0 { "; there is" } else { "," };
        let _ = write!(text, "{before} {name:?}");
    }
    text
}

impl Explain for ArchiveError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            ArchiveError::UnsafeMember { .. } => {
                "nothing was unpacked; do not trust this archive, or take single members with --member"
            }
            ArchiveError::Overwrites { .. } => "unpack it into a folder of its own",
            ArchiveError::OtherKind(_) => {
                "unpacked are zip, tar, and what gzip, bzip2, xz or zstd have compressed"
            }
            ArchiveError::Damaged(_) => {
                "nothing was unpacked; get the file again, with a hash if there is one"
            }
            ArchiveError::Unsupported { .. } => "take the other members with --member",
            ArchiveError::NoSuchMember { .. } => {
                "give a member, or a folder in the archive, as the archive writes it"
            }
            ArchiveError::TooLarge { .. } => "if that is right, allow more with --max-unpacked SIZE",
            ArchiveError::File(error) => return error.hint(),
            ArchiveError::Stopped => return None,
        };
        Some(hint.to_owned())
    }

    fn code(&self) -> &'static str {
        match self {
            ArchiveError::UnsafeMember { .. } | ArchiveError::Overwrites { .. } => "unsafe_path",
            ArchiveError::OtherKind(_) | ArchiveError::Damaged(_) | ArchiveError::Unsupported { .. } => {
                "bad_archive"
            }
            ArchiveError::NoSuchMember { .. } => "no_such_member",
            ArchiveError::TooLarge { .. } => "too_large",
            ArchiveError::File(error) => error.code(),
            ArchiveError::Stopped => "stopped",
        }
    }
}
