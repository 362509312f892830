//! Why a bundle cannot be made, each with a hint. Must not know how it is shown.

use std::io;
use std::path::PathBuf;

use common::fs::{FileError, NoHome};
use common::reader::ReadError;
use common::{Exit, Explain};

use crate::error::RuntimeError;
use crate::packages::PackagesError;

/// A bundle cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The site has something that is neither a file nor a folder.
    #[error("{} is neither a file nor a folder", path.display())]
    NotAFile {
        /// Its path from the site's root.
        path: PathBuf,
    },
    /// A name that no URL can have as it stands.
    #[error("the name of {} is not UTF-8", path.display())]
    NameNotText {
        /// Its path from the site's root.
        path: PathBuf,
    },
    /// A page could not be read as HTML.
    #[error("failed to read {file} as HTML")]
    Html {
        /// The page.
        file: String,
        /// The parser's words.
        #[source]
        cause: Box<lol_html::errors::RewritingError>,
    },
    /// A page sets another base for its URLs.
    #[error("{file}:{line}: a <base href> ties the page to one address")]
    Base {
        /// The page.
        file: String,
        /// The line, from 1.
        line: u32,
    },
    /// A configuration is not what it should be.
    #[error("{file}:{line}: the PyScript configuration cannot be read: {message}")]
    Config {
        /// The page or the configuration file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// What is wrong with it.
        message: String,
    },
    /// A page names a configuration that is not there.
    #[error("{file}:{line}: the PyScript configuration {config} is not in the site")]
    NoConfig {
        /// The page.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The configuration's path.
        config: String,
    },
    /// A page needs packages.
    #[error("{file}:{line}: packages come from the network: {packages}")]
    Packages {
        /// The page or the configuration file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The packages.
        packages: String,
    },
    /// A page names another host, and the user does not want that.
    #[error("{file}:{line}: {url} is on another host")]
    External {
        /// The page.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The URL.
        url: String,
    },
    /// Two files have the same place.
    #[error("two files would be {path} in the bundle")]
    Clash {
        /// The path in the bundle.
        path: String,
    },
    /// Pyodide's list of packages is not JSON.
    #[error("failed to read pyodide-lock.json")]
    PyodideLock {
        /// The parser's words.
        #[source]
        cause: serde_json::Error,
    },
    /// Python's library is not what it should be.
    #[error("failed to repack python_stdlib.zip")]
    Library {
        /// What is wrong with it.
        #[source]
        cause: io::Error,
    },
    /// Pyodide does not start, or not so that its memory could be kept.
    #[error("failed to make the memory image of Pyodide")]
    NoImage,
    /// A module to keep that is not there.
    #[error("Python's library for Pyodide has no module {module}")]
    NoModule {
        /// The module.
        module: String,
    },
    /// A file could not be compressed.
    #[error("failed to compress")]
    Compress {
        /// The compressor's words.
        #[source]
        cause: io::Error,
    },
    /// An asset's name leads out of the bundle.
    #[error("the asset {name:?} would not be inside the bundle")]
    UnsafeAsset {
        /// The name.
        name: String,
    },
    /// An asset is not what its record says.
    #[error("the asset {name} is not what its record says: expected sha256:{expected}, got sha256:{got}")]
    AssetChanged {
        /// The asset.
        name: String,
        /// The record's digest.
        expected: String,
        /// The file's digest.
        got: String,
    },
    /// `fetch` could not get an asset.
    #[error("the asset {name} is missing: {message}")]
    AssetFailed {
        /// The asset.
        name: String,
        /// The words of `fetch`.
        message: String,
    },
    /// The records of the assets have no end.
    #[error("the records of the assets were cut short: no fetch.run.finished")]
    AssetsCutShort,
    /// The records of the assets cannot be read.
    #[error("failed to read the records of the assets")]
    Assets(#[from] ReadError),
    /// The runtime's packages cannot be had.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Python packages cannot be had.
    #[error(transparent)]
    Python(#[from] PackagesError),
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

impl BundleError {
    /// The page `file` could not be read, or what was found in it is an error itself.
    pub fn html(file: &str, cause: lol_html::errors::RewritingError) -> BundleError {
        if let lol_html::errors::RewritingError::ContentHandlerError(inner) = cause {
            return match inner.downcast::<BundleError>() {
                Ok(own) => *own,
                Err(other) => {
                    let cause = lol_html::errors::RewritingError::ContentHandlerError(other).into();
                    BundleError::Html { file: file.to_owned(), cause }
                }
            };
        }
        BundleError::Html { file: file.to_owned(), cause: Box::new(cause) }
    }
}

impl Explain for BundleError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            BundleError::NotAFile { .. } => "put a copy of what it leads to in its place",
            BundleError::NameNotText { .. } => "rename it",
            BundleError::Base { .. } => "remove it; the bundle works under any path",
            BundleError::Packages { .. } => "put their modules into the site and list them under `files`",
            BundleError::External { .. } => "put the file into the site, or allow it with --external warn",
            BundleError::NoConfig { .. } => "check the path; it is read from the page's folder",
            BundleError::Clash { .. } => "rename one; `pyscript/` and `pyweb.lock.json` are the bundle's own",
            BundleError::NoImage => {
                "bundle without --snapshot; `pyweb runtime verify` says whether Pyodide is sound"
            }
            BundleError::NoModule { .. } => "check --keep; the modules of the site itself need no keeping",
            BundleError::UnsafeAsset { .. } => "give it a relative name without `..`",
            BundleError::AssetChanged { .. }
            | BundleError::AssetFailed { .. }
            | BundleError::AssetsCutShort => "run fetch again; nothing was written",
            BundleError::Assets(error) => return error.hint(),
            BundleError::Runtime(error) => return error.hint(),
            BundleError::Python(error) => return error.hint(),
            BundleError::File(error) => return error.hint(),
            BundleError::NoHome(error) => return error.hint(),
            _ => return None,
        };
        Some(hint.into())
    }
    fn code(&self) -> &'static str {
        match self {
            BundleError::External { .. } => "external_reference",
            BundleError::Packages { .. } => "packages_unsupported",
            BundleError::AssetChanged { .. } => "hash_mismatch",
            BundleError::UnsafeAsset { .. } => "unsafe_path",
            BundleError::Assets(error) => error.code(),
            BundleError::Runtime(error) => error.code(),
            BundleError::Python(error) => error.code(),
            BundleError::File(error) => error.code(),
            BundleError::NoHome(error) => error.code(),
            _ => "bad_site",
        }
    }
    fn exit(&self) -> Exit {
        match self {
            BundleError::External { .. } | BundleError::AssetChanged { .. } => Exit::NO,
            BundleError::Runtime(error) => error.exit(),
            BundleError::Python(error) => error.exit(),
            _ => Exit::CANNOT,
        }
    }
}
