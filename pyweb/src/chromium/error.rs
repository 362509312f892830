//! Why Chromium could not be used. What goes wrong inside a page is an event, not an error.

use std::io;
use std::path::PathBuf;

use common::Explain;

/// A Chromium that is not there, does not start, or is gone.
#[derive(Debug, thiserror::Error)]
pub enum ChromiumError {
    /// None was given and none is on `PATH`.
    #[error("there is no Chromium on PATH")]
    Missing,
    /// It could not be started.
    #[error("failed to start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// It started and ended, or said nothing in time.
    #[error("{} did not get ready{said}", program.display())]
    Silent {
        /// The program.
        program: PathBuf,
        /// Its last words, behind a colon.
        said: String,
    },
    /// It ended while it showed a page.
    #[error("Chromium ended unexpectedly while it showed {page}")]
    Gone {
        /// The page.
        page: String,
    },
}

impl Explain for ChromiumError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            ChromiumError::Missing => "install Chromium or Chrome, or name one with --chromium",
            ChromiumError::Start { .. } => "check the path",
            ChromiumError::Silent { .. } => "see whether it starts with --headless on its own",
            ChromiumError::Gone { .. } => return None,
        };
        Some(hint.into())
    }
    fn code(&self) -> &'static str {
        match self {
            ChromiumError::Missing => "no_chromium",
            _ => "engine_failed",
        }
    }
}
