//! The files of the site folder. Must not know what is in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::fs::FileError;
use walkdir::WalkDir;

use super::tree::STAGING;
use crate::error::BundleError;

/// Path from the root, with `/` between its parts, and where the file is.
pub type Files = BTreeMap<String, PathBuf>;

/// What version control and interpreters leave in folders, and no site serves.
const LEFT_OUT: [&str; 5] = [".git", ".hg", ".svn", "__pycache__", ".DS_Store"];

/// All files under `root` except what lies in `out`. A symbolic link may lead out of the folder, so it is refused.
pub fn files(root: &Path, out: &Path) -> Result<Files, BundleError> {
    let root = std::fs::canonicalize(root).map_err(FileError::at("find", root))?;
    // Where it does not exist, nothing can lie in it.
    let out = std::fs::canonicalize(out).unwrap_or_default();
    let wanted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        !LEFT_OUT.contains(&&*name) && !name.starts_with(STAGING) && entry.path() != out
    };
    let mut files = Files::new();
    for entry in WalkDir::new(&root).into_iter().filter_entry(wanted) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(&root).to_owned();
            FileError::at("read", &path)(error.into())
        })?;
        if entry.file_type().is_dir() || entry.depth() == 0 {
            continue;
        }
        let relative = entry.path().strip_prefix(&root).unwrap_or(entry.path());
        if !entry.file_type().is_file() {
            return Err(BundleError::NotAFile { path: relative.to_owned() });
        }
        let Some(path) = relative.to_str() else {
            return Err(BundleError::NameNotText { path: relative.to_owned() });
        };
        files.insert(path.to_owned(), entry.path().to_owned());
    }
    Ok(files)
}

/// True for HTML pages.
pub fn is_page(path: &str) -> bool {
    has_extension(path, &["html", "htm"])
}

/// True for Python modules.
pub fn is_python(path: &str) -> bool {
    has_extension(path, &["py"])
}

/// True for SVG images.
pub fn is_svg(path: &str) -> bool {
    has_extension(path, &["svg"])
}

/// True for style sheets.
pub fn is_style(path: &str) -> bool {
    has_extension(path, &["css"])
}

fn has_extension(path: &str, extensions: &[&str]) -> bool {
    let extension = Path::new(path).extension().unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// A text file's content, which must be UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(FileError::at("read as UTF-8", path))
}
