//! What can go wrong in this tool, each with a hint. Must not know how it is shown.

use std::path::PathBuf;

use common::Explain;

/// An argument that does not fit the world.
#[derive(Debug, thiserror::Error)]
pub enum BadArgument {
    /// A folder is needed and something else, or nothing, is there.
    #[error("{what} {} is not a folder", path.display())]
    NotAFolder {
        /// The argument.
        what: &'static str,
        /// What was given.
        path: PathBuf,
    },
}

impl Explain for BadArgument {
    fn hint(&self) -> Option<String> {
        Some("check the path".into())
    }
    fn code(&self) -> &'static str {
        "bad_argument"
    }
}
