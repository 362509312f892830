//! What can go wrong in this tool, each with a hint. Must not know how it is shown.

use std::io;
use std::path::PathBuf;

use common::fs::{FileError, NoHome};
use common::{Exit, Explain};

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

/// The runtime's packages cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The folder that the user named lacks packages.
    #[error("{packages} not in {}", folder.display())]
    Incomplete {
        /// The folder.
        folder: PathBuf,
        /// The packages.
        packages: String,
    },
    /// An archive is not the pinned one.
    #[error("the archive of {package} from {from} is not the pinned one: expected {expected}, got {got}")]
    WrongArchive {
        /// The package and its version.
        package: String,
        /// Where the archive came from.
        from: String,
        /// The pinned digest.
        expected: String,
        /// The digest found.
        got: String,
    },
    /// A file is missing from a package or is not the pinned one.
    #[error("{path} of {package} is missing or is not the pinned file")]
    WrongFile {
        /// The package and its version.
        package: String,
        /// The file.
        path: String,
    },
    /// The folder given with `--from` does not have a package.
    #[error("{} has neither {package}.tgz nor {name}/", folder.display())]
    NotInFolder {
        /// The package and its version.
        package: String,
        /// Its name on npm.
        name: String,
        /// The folder.
        folder: PathBuf,
    },
    /// npm does not say where a package is.
    #[error("npm does not say where {package} is: {reason}")]
    Npm {
        /// The package and its version.
        package: String,
        /// npm's words.
        reason: String,
    },
    /// A download failed.
    #[error("failed to get {message}")]
    Fetch {
        /// The file and fetch's words.
        message: String,
    },
    /// `fetch` is not installed or died.
    #[error("failed to run {}", binary.display())]
    NoFetch {
        /// What was run.
        binary: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// Nothing that has the packages can be reached.
    #[error("the runtime's packages cannot be had: {npm}; and the public network: {cdn}")]
    NoSource {
        /// What npm said.
        npm: String,
        /// What the delivery network said.
        cdn: String,
    },
    /// A record could not be written.
    #[error("failed to write to standard output")]
    Output(#[from] io::Error),
    /// A file operation.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no cache folder.
    #[error(transparent)]
    NoHome(#[from] NoHome),
}

impl Explain for RuntimeError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            RuntimeError::Incomplete { .. } => {
                "leave out --runtime and PYWEB_RUNTIME, or give the folder that `pyweb runtime path` prints"
            }
            RuntimeError::WrongArchive { .. } | RuntimeError::WrongFile { .. } => {
                "do not use it; get the package from elsewhere with `pyweb runtime get --from DIR`"
            }
            RuntimeError::NotInFolder { .. } => "put the archives there with `npm pack NAME@VERSION`",
            RuntimeError::NoFetch { .. } => "put `fetch`, which comes with pyweb, beside it or on PATH",
            RuntimeError::Npm { .. } | RuntimeError::Fetch { .. } | RuntimeError::NoSource { .. } => {
                "check the network and `npm config get registry`, or name a folder: `pyweb runtime get --from DIR`"
            }
            RuntimeError::File(error) => return error.hint(),
            RuntimeError::NoHome(error) => return error.hint(),
            RuntimeError::Output(_) => return None,
        };
        Some(hint.into())
    }
    fn code(&self) -> &'static str {
        match self {
            RuntimeError::WrongArchive { .. } | RuntimeError::WrongFile { .. } => "hash_mismatch",
            RuntimeError::Incomplete { .. } | RuntimeError::NotInFolder { .. } => "package_missing",
            RuntimeError::File(error) => error.code(),
            RuntimeError::NoHome(error) => error.code(),
            RuntimeError::Output(_) => "failed",
            _ => "package_unreachable",
        }
    }
    fn exit(&self) -> Exit {
        match self {
            RuntimeError::WrongArchive { .. } | RuntimeError::WrongFile { .. } => Exit::NO,
            _ => Exit::CANNOT,
        }
    }
}
