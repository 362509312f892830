//! What can go wrong in this tool, each with a hint. Must not know how it is shown.

use std::io;
use std::path::PathBuf;

use common::fs::{FileError, NoHome};
use common::{Exit, Explain};

pub use crate::bundle::BundleError;
pub use crate::serve::ServeError;

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
    /// What Python would refuse to start with.
    #[error("PYTHONHASHSEED is {0:?}")]
    HashSeed(String),
    /// The bundle would take the place of its own site.
    #[error("the output {} holds the site itself", out.display())]
    OutHoldsSite {
        /// The output folder.
        out: PathBuf,
    },
    /// The output folder has something in it that is not a bundle.
    #[error("the output {} is not empty and not a bundle", out.display())]
    OutOccupied {
        /// The output folder.
        out: PathBuf,
    },
    /// The folder of a new page has something in it already.
    #[error("{} is not empty", .0.display())]
    Occupied(PathBuf),
    /// A new page's folder would have no name of its own.
    #[error("{} cannot be the folder of a new page", .0.display())]
    NoName(PathBuf),
    /// A template does not come in the form that was asked for.
    #[error("the template {template} does not come with {option}")]
    NoSuchForm {
        /// The template.
        template: &'static str,
        /// The option.
        option: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The output folder is an earlier bundle.
    #[error("the output {} is there already", out.display())]
    OutIsBundle {
        /// The output folder.
        out: PathBuf,
    },
}

impl Explain for BadArgument {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            BadArgument::NotAFolder { .. } => "check the path",
            BadArgument::HashSeed(_) => "set it to random or to a number from 0 to 4294967295, or unset it",
            BadArgument::OutHoldsSite { .. } | BadArgument::OutOccupied { .. } => {
                "name a new folder with -o; nothing was written"
            }
            BadArgument::Occupied(_) => "name a new or an empty folder; nothing was written",
            BadArgument::NoName(_) => "name a folder; it is made if it is not there",
            BadArgument::NoSuchForm { reason, .. } => reason,
            BadArgument::OutIsBundle { .. } => "give -f to replace it",
        };
        Some(hint.into())
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

/// A page that cannot be run, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The page or its folder cannot be read.
    #[error("failed to read {}", path.display())]
    Unreadable {
        /// What was given.
        path: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// A page was asked for and a folder given.
    #[error("{} is a folder, not a page", .0.display())]
    IsAFolder(PathBuf),
    /// No page with Python in it.
    #[error("no page with Python in it below {}", .0.display())]
    NoPages(PathBuf),
    /// A line of the steps is none.
    #[error("line {line} of the steps is not one: {reason}")]
    BadStep {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The steps could not be read to their end.
    #[error("failed to read the steps")]
    Steps(#[source] io::Error),
    /// A page's process or a thread could not be started.
    #[error("failed to start a page's process")]
    Process(#[source] io::Error),
    /// `--click` or `--wait` is not a CSS selector.
    #[error("{selector:?} is not a CSS selector: {reason}")]
    BadSelector {
        /// What was given.
        selector: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The page came to rest before its scripts were done.
    #[error("{page} never got ready: {reason}{console}")]
    NeverReady {
        /// The page.
        page: String,
        /// What is missing.
        reason: String,
        /// What it wrote to its console, if anything.
        console: String,
    },
    /// The page was stopped at the time limit.
    #[error("{page} was stopped after {after}, the time limit, {doing}{console}")]
    OutOfTime {
        /// The page.
        page: String,
        /// When it was stopped, for people.
        after: String,
        /// What it was doing.
        doing: String,
        /// What it wrote to its console, if anything.
        console: String,
    },
    /// A record could not be written.
    #[error("failed to write to standard output")]
    Output(#[from] io::Error),
    /// There is no cache folder.
    #[error(transparent)]
    NoHome(#[from] NoHome),
}

impl Explain for PageError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            PageError::Unreadable { .. } => "check the path",
            PageError::IsAFolder(_) => "name an HTML file in it, or `pyweb test` the folder",
            PageError::NoPages(_) => {
                "a page has Python in it when it has <script type=\"py\"> or <script type=\"mpy\">"
            }
            PageError::BadSelector { .. } => {
                "write it as for document.querySelector, such as '#save' or 'li.done'"
            }
            PageError::NeverReady { .. } => "`pyweb render -v` shows all that PyScript says while it loads",
            PageError::OutOfTime { .. } => "give it longer with --timeout, or look for a loop without an end",
            PageError::BadStep { .. } => {
                "a step is one JSON object a line, such as {\"step\": \"goto\", \"url\": \"/\"}"
            }
            PageError::NoHome(error) => return error.hint(),
            PageError::Output(_) | PageError::Steps(_) | PageError::Process(_) => return None,
        };
        Some(hint.into())
    }
    fn code(&self) -> &'static str {
        match self {
            PageError::Unreadable { .. } => "page_unreadable",
            PageError::IsAFolder(_) | PageError::NoPages(_) => "no_page",
            PageError::BadSelector { .. } => "bad_selector",
            PageError::NeverReady { .. } => "never_ready",
            PageError::OutOfTime { .. } => "out_of_time",
            PageError::BadStep { .. } => "bad_step",
            PageError::Steps(_) => "steps_unreadable",
            PageError::Process(_) => "engine_failed",
            PageError::NoHome(error) => error.code(),
            PageError::Output(_) => "failed",
        }
    }
}
