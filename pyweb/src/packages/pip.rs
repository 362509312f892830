//! Asks pip which index this machine is configured for: its files, its environment, its default. Must not get
//! anything.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use url::Url;

use super::error::PackagesError;

/// pip's parser of options reads its configuration as a side effect; this has no command of pip's own.
const SCRIPT: &str = "\
import json
from pip._internal.commands import create_command
options, _ = create_command('download').parse_args(['x'])
indexes = [] if options.no_index else [options.index_url, *options.extra_index_urls]
print(json.dumps({'indexes': indexes, 'find_links': options.find_links}))";

/// What pip is configured for, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
struct Said {
    indexes: Vec<String>,
    find_links: Vec<String>,
}

/// Where packages are to be had.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    /// The indexes.
    pub indexes: Vec<Url>,
    /// Folders of wheels.
    pub folders: Vec<PathBuf>,
}

/// The index that the user named.
pub fn named(url: &str) -> Result<Configured, PackagesError> {
    Ok(Configured { indexes: vec![index(url)?], folders: Vec::new() })
}

/// What pip of the active or the default Python is configured for.
pub fn configured() -> Result<Configured, PackagesError> {
    let python = std::env::var_os("VIRTUAL_ENV")
        .map(|folder| Path::new(&folder).join("bin/python"))
        .filter(|python| python.is_file())
        .unwrap_or_else(|| PathBuf::from("python3"));
    let failed = |reason: String| PackagesError::NoPip { reason };
    let output =
        Command::new(&python).args(["-c", SCRIPT]).output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(said.lines().last().unwrap_or("it said nothing").to_owned()));
    }
    let said: Said = serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    let indexes = said.indexes.iter().map(|url| index(url)).collect::<Result<_, _>>()?;
    let folder = |place: &String| match place.strip_prefix("file://") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(place),
    };
    let folders = said.find_links.iter().map(folder).filter(|folder| folder.is_dir()).collect();
    Ok(Configured { indexes, folders })
}

/// The root of an index, as a URL that names of projects can be joined to.
fn index(text: &str) -> Result<Url, PackagesError> {
    let root = format!("{}/", text.trim_end_matches('/'));
    // What is not a URL is not printed: it may hold a password.
    Url::parse(&root).map_err(|error| PackagesError::BadIndex { reason: error.to_string() })
}
