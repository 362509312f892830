//! The Python packages that pages find beside Pyodide while they are served: another folder of them as soon as pages ask
//! for others, or the reason why they cannot be had. Must not know where they come from.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

/// What keeps a page from working, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What it is.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The folder of packages, or the trouble with them.
#[derive(Debug)]
pub struct Provision {
    now: RwLock<Result<Option<PathBuf>, Trouble>>,
}

impl Provision {
    /// Nothing yet.
    pub fn none() -> Provision {
        Provision { now: RwLock::new(Ok(None)) }
    }

    /// From now on it is this.
    pub fn set(&self, folder: Result<Option<PathBuf>, Trouble>) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = folder;
    }

    /// The folder; nothing without packages.
    pub fn folder(&self) -> Option<PathBuf> {
        self.get().ok().flatten()
    }

    /// Why there are none.
    pub fn trouble(&self) -> Option<Trouble> {
        self.get().err()
    }

    fn get(&self) -> Result<Option<PathBuf>, Trouble> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
