//! Why packages cannot be had, each with a hint. Must not know how it is shown.

use std::fmt;

use common::fs::{FileError, NoHome};
use common::{Exit, Explain};

use crate::error::RuntimeError;

/// Packages cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// An entry of a `packages` list is none.
    #[error("{file}:{line}: {entry:?} is not a package: {reason}")]
    BadEntry {
        /// The page or the configuration file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The entry.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No version of a package fits.
    #[error(transparent)]
    Unavailable(Box<Unavailable>),
    /// Packages that only Pyodide's own distribution has, and that is out of reach.
    #[error("{}: only Pyodide's own distribution has {}, and it cannot be reached: {reason}", by.join(", "), packages.join(", "))]
    Distribution {
        /// Who needs them.
        by: Vec<String>,
        /// The packages and their files.
        packages: Vec<String>,
        /// The words of `fetch`.
        reason: String,
    },
    /// Too many versions were tried.
    #[error("too many versions were tried and none of them fit together")]
    TooHard,
    /// A wheel that the site names is not there.
    #[error("{place}: the wheel {path} is not in the site")]
    NoWheel {
        /// Where it is asked for.
        place: String,
        /// Its path from the root.
        path: String,
    },
    /// A wheel does not run on Pyodide.
    #[error("{file} is for another platform: Pyodide takes pure wheels and {platform}")]
    OtherPlatform {
        /// The wheel.
        file: String,
        /// What it would have to be for.
        platform: String,
    },
    /// A wheel is not what it should be.
    #[error("{file} cannot be read as a wheel: {reason}")]
    BadWheel {
        /// The wheel.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A wheel is another than the lock has.
    #[error("{file} is not the locked one: expected sha256:{expected}, got sha256:{got}")]
    WheelChanged {
        /// The wheel.
        file: String,
        /// The digest that the lock has.
        expected: String,
        /// The digest found.
        got: String,
    },
    /// A locked wheel is not to be had any more.
    #[error("{file} is locked and cannot be had: {reason}")]
    LockedGone {
        /// The wheel.
        file: String,
        /// Why.
        reason: String,
    },
    /// The site's lock lacks something.
    #[error("{place}: {entry} is not in the site's lock")]
    NotInLock {
        /// Where it is asked for.
        place: String,
        /// What.
        entry: String,
    },
    /// The site's lock is for another Pyodide.
    #[error("the site's lock is for Python {python} and ABI {abi}")]
    LockForOther {
        /// Its Python.
        python: String,
        /// Its binary interface.
        abi: String,
    },
    /// A lock cannot be read.
    #[error("{file} is not a lock of Pyodide's: {reason}")]
    BadLock {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// pip does not say which index it uses.
    #[error("pip does not say which index it uses: {reason}")]
    NoPip {
        /// Its last words.
        reason: String,
    },
    /// An index's address is none.
    #[error("the address of the package index is not a URL: {reason}")]
    BadIndex {
        /// What is wrong with it.
        reason: String,
    },
    /// The index does not answer.
    #[error("failed to get {what}: {reason}")]
    Index {
        /// What was asked for.
        what: String,
        /// The words of `fetch`.
        reason: String,
    },
    /// `fetch` could not be run, or Pyodide is not to be had.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A file operation.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no cache folder.
    #[error(transparent)]
    NoHome(#[from] NoHome),
}

/// A package of which no version fits.
#[derive(Debug)]
pub struct Unavailable {
    /// The package.
    pub name: String,
    /// Who needs it, and in which versions.
    pub wanted: Vec<(String, String)>,
    /// What there is of it.
    pub lack: Lack,
}

/// What there is of a package of which no version fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Nothing.
    Unknown,
    /// Only its source.
    Source,
    /// Only wheels for other platforms or Pythons.
    Other {
        /// What a wheel would have to be for.
        platform: String,
    },
    /// Other versions.
    Versions(Vec<String>),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Unavailable { name, wanted, lack } = self;
        let wants = wanted.iter().map(|(by, versions)| format!("{by} needs {name}{versions}"));
        write!(f, "{}", wants.collect::<Vec<_>>().join(" and "))?;
        match lack {
            Lack::Unknown => write!(f, ", which the package index does not have"),
            Lack::Source => write!(f, ", of which there is only the source, no wheel"),
            Lack::Other { platform } => {
                write!(
                    f,
                    ", of which there are wheels for other platforms alone, none that is pure or for {platform}"
                )
            }
            Lack::Versions(versions) => write!(f, ": no version fits; there are {}", versions.join(", ")),
        }
    }
}

impl std::error::Error for Unavailable {}

impl Explain for PackagesError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            PackagesError::BadEntry { .. } => {
                "write it as `name`, `name==1.2`, `name[extra]>=1` or as the path or URL of a wheel"
            }
            PackagesError::Unavailable(unavailable) => match unavailable.lack {
                Lack::Unknown => "check its name",
                Lack::Source | Lack::Other { .. } => {
                    "build a wheel with `pyodide build` and name its folder with --wheel-dir, or do without it"
                }
                Lack::Versions(_) => "loosen the versions in `packages`",
            },
            PackagesError::Distribution { .. } => {
                "unpack Pyodide's release somewhere and name that folder with --wheel-dir, or do without them"
            }
            PackagesError::TooHard => "name exact versions in `packages`",
            PackagesError::NoWheel { .. } => "check the path; it is read from the page's folder",
            PackagesError::OtherPlatform { .. } => "build it with `pyodide build`",
            PackagesError::BadWheel { .. } => "get it again, or name another version",
            PackagesError::WheelChanged { .. } => "put the locked one back, or run `pyweb lock` again",
            PackagesError::LockedGone { .. } => "name its folder with --wheel-dir, or run `pyweb lock` again",
            PackagesError::NotInLock { .. } | PackagesError::LockForOther { .. } => "run `pyweb lock` again",
            PackagesError::BadLock { .. } => "remove it and run `pyweb lock`",
            PackagesError::NoPip { .. } => {
                "install pip, or name the index with --index-url or a folder of wheels with --wheel-dir"
            }
            PackagesError::BadIndex { .. } => "check `pip config list`, or give --index-url",
            PackagesError::Index { .. } => {
                "check the network and `pip config list`, or name a folder of wheels with --wheel-dir"
            }
            PackagesError::Runtime(error) => return error.hint(),
            PackagesError::File(error) => return error.hint(),
            PackagesError::NoHome(error) => return error.hint(),
        };
        Some(hint.into())
    }
    fn code(&self) -> &'static str {
        match self {
            PackagesError::WheelChanged { .. } => "hash_mismatch",
            PackagesError::BadEntry { .. } => "bad_package",
            PackagesError::NotInLock { .. }
            | PackagesError::LockForOther { .. }
            | PackagesError::BadLock { .. } => "bad_lock",
            PackagesError::NoPip { .. } | PackagesError::BadIndex { .. } | PackagesError::Index { .. } => {
                "index_unreachable"
            }
            PackagesError::Runtime(error) => error.code(),
            PackagesError::File(error) => error.code(),
            PackagesError::NoHome(error) => error.code(),
            _ => "package_unavailable",
        }
    }
    fn exit(&self) -> Exit {
        match self {
            PackagesError::WheelChanged { .. } => Exit::NO,
            PackagesError::Runtime(error) => error.exit(),
            _ => Exit::CANNOT,
        }
    }
}
