//! The files of the site folder: those that its visitors may want, not what who writes it keeps beside them.
//! Must not know what is in them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use common::fs::FileError;
use glob::{MatchOptions, Pattern};
use walkdir::{DirEntry, WalkDir};

use super::tree::STAGING;
use crate::error::BundleError;

/// Path from the root, with `/` between its parts, and where the file is.
pub type Files = BTreeMap<String, PathBuf>;

/// Where packages of npm are: thousands of files, of which pages load few or none.
pub const NODE_MODULES: &str = "node_modules";
/// Hidden, and yet what servers and their visitors look for.
const PUBLIC: [&str; 3] = [".htaccess", ".nojekyll", ".well-known"];
/// The file by which Python knows that a folder is a virtual environment.
const VENV: &str = "pyvenv.cfg";

/// What is in a site's folder.
#[derive(Debug, Default)]
pub struct Folder {
    /// What goes into the bundle.
    pub files: Files,
    /// What does not, as paths from the root; those of folders end with a slash.
    pub left_out: BTreeSet<String>,
}

/// All files under `root` except what lies in `out` and what is left out; of that, what `include` names is taken all
/// the same. A symbolic link may lead out of the folder, so it is refused.
pub fn read(root: &Path, out: &Path, include: &[Pattern]) -> Result<Folder, BundleError> {
    let root = std::fs::canonicalize(root).map_err(FileError::at("find", root))?;
    // Where it does not exist, nothing can lie in it.
    let out = std::fs::canonicalize(out).unwrap_or_default();
    let mut folder = Folder::default();
    let mut gate = Gate { root: &root, include, partly: HashSet::new(), left_out: &mut folder.left_out };
    let passes = |entry: &DirEntry| {
        let staging = entry.file_name().to_string_lossy().starts_with(STAGING);
        entry.depth() == 0 || (!staging && entry.path() != out && gate.passes(entry))
    };
    for entry in WalkDir::new(&root).into_iter().filter_entry(passes) {
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
        folder.files.insert(path.to_owned(), entry.path().to_owned());
    }
    Ok(folder)
}

/// Decides entry by entry, a folder before what is in it.
struct Gate<'a> {
    root: &'a Path,
    include: &'a [Pattern],
    /// Folders that are left out but for what is included by name.
    partly: HashSet<PathBuf>,
    left_out: &'a mut BTreeSet<String>,
}

impl Gate<'_> {
    fn passes(&mut self, entry: &DirEntry) -> bool {
        let inside = entry.path().parent().is_some_and(|parent| self.partly.contains(parent));
        if !inside && !is_left_out(entry) {
            return true;
        }
        let path = entry.path().strip_prefix(self.root).unwrap_or(entry.path()).to_string_lossy();
        if self.include.iter().any(|pattern| includes(pattern, &path)) {
            return true;
        }
        let is_folder = entry.file_type().is_dir();
        let below = format!("{path}/");
        if is_folder && self.include.iter().any(|pattern| bare(pattern).starts_with(&below)) {
            return self.partly.insert(entry.path().to_owned());
        }
        self.left_out.insert(if is_folder { below } else { path.into_owned() });
        false
    }
}

/// What is there for who writes the site: hidden files, tests for pytest, caches, environments, backups.
fn is_left_out(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    if name.starts_with('.') {
        return !PUBLIC.contains(&&*name);
    }
    if entry.file_type().is_dir() {
        return ["__pycache__", NODE_MODULES].contains(&&*name) || entry.path().join(VENV).is_file();
    }
    is_for_pytest(&name) || name.ends_with('~') || has_extension(&name, &["pyc", "pyo"])
}

/// Whether pytest would take a file for its own.
pub fn is_for_pytest(name: &str) -> bool {
    let stem = name.strip_suffix(".py");
    stem.is_some_and(|stem| stem == "conftest" || stem.starts_with("test_") || stem.ends_with("_test"))
}

/// A pattern without a slash is for names at any depth, one with a slash for paths from the root; what matches a folder
/// is for all that is in it.
fn includes(pattern: &Pattern, path: &str) -> bool {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let Ok(bare) = Pattern::new(bare(pattern)) else { return false };
    if bare.as_str().contains('/') {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        return ends.into_iter().any(|end| bare.matches_with(&path[..end], options));
    }
    path.split('/').any(|name| bare.matches_with(name, options))
}

/// A pattern as it is for paths from the root: `./a/` is `a`.
fn bare(pattern: &Pattern) -> &str {
    pattern.as_str().trim_start_matches("./").trim_matches('/')
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

/// True for what pages run or are told by, and by which they can come to ask for another file.
pub fn is_read(path: &str) -> bool {
    has_extension(path, &["css", "htm", "html", "js", "json", "mjs", "py", "toml"])
}

fn has_extension(path: &str, extensions: &[&str]) -> bool {
    let extension = Path::new(path).extension().unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// A text file's content, which must be UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(FileError::at("read as UTF-8", path))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn folder(include: &[&str]) -> (Vec<String>, Vec<String>) {
        let root = tempfile::tempdir().unwrap();
        for path in [
            "index.html",
            "test_index.py",
            "deep/conftest.py",
            "deep/a_test.py",
            "deep/testing.py",
            "deep/x.html~",
            "deep/__pycache__/a.pyc",
            ".env",
            ".cache/one",
            ".cache/sub/two",
            ".well-known/security.txt",
            "venv/pyvenv.cfg",
            "node_modules/x/x.js",
        ] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        // A virtual environment leads out of the folder, which is nobody's business as long as it stays out.
        std::os::unix::fs::symlink("/usr/bin/env", root.path().join("venv/python")).unwrap();
        let include: Vec<Pattern> = include.iter().map(|text| Pattern::new(text).unwrap()).collect();
        let Folder { files, left_out } = read(root.path(), Path::new(""), &include).unwrap();
        (files.into_keys().collect(), left_out.into_iter().collect())
    }

    #[test]
    fn what_is_for_who_writes_the_site_is_left_out() {
        let (files, left_out) = folder(&[]);
        assert_eq!(files, [".well-known/security.txt", "deep/testing.py", "index.html"]);
        let expected = [
            ".cache/",
            ".env",
            "deep/__pycache__/",
            "deep/a_test.py",
            "deep/conftest.py",
            "deep/x.html~",
            "node_modules/",
            "test_index.py",
            "venv/",
        ];
        assert_eq!(left_out, expected);
    }

    #[test]
    fn what_is_named_is_included() {
        for (pattern, added) in [
            ("*_test.py", &["deep/a_test.py"][..]),
            ("deep/*.py", &["deep/a_test.py", "deep/conftest.py"]),
            ("*/a_test.py", &["deep/a_test.py"]),
            ("./test_index.py", &["test_index.py"]),
            (".cache", &[".cache/one", ".cache/sub/two"]),
            (".cache/", &[".cache/one", ".cache/sub/two"]),
            (".cache/sub", &[".cache/sub/two"]),
            ("none", &[]),
        ] {
            let (files, left_out) = folder(&[pattern]);
            let before = folder(&[]).0;
            let new: Vec<&String> = files.iter().filter(|path| !before.contains(path)).collect();
            assert_eq!(new, added, "{pattern}");
            assert!(!left_out.iter().any(|path| files.contains(path)), "{pattern}");
        }
        assert!(folder(&[".cache/sub"]).1.contains(&".cache/one".to_owned()), "the rest is said");
    }
}
