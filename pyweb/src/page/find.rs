//! The pages of a folder and the test modules beside them. Must not know what a test does.

use std::io;
use std::path::{Path, PathBuf};

use url::Url;
use walkdir::WalkDir;

use super::{Page, site};
use crate::error::PageError;

/// A Python module whose `test_*` functions run inside a page.
#[derive(Clone, Debug)]
pub struct TestModule {
    /// Its path from the site's root.
    pub path: String,
    /// Its text.
    pub source: String,
}

/// Folders that hold no pages of the site's own.
const SKIPPED: [&str; 2] = ["node_modules", "pyscript"];

/// The page in `file`; its folder is its site.
pub fn page(file: &Path) -> Result<Page, PageError> {
    let unreadable = |cause| PageError::Unreadable { path: file.to_owned(), cause };
    let real = file.canonicalize().map_err(unreadable)?;
    if real.is_dir() {
        return Err(PageError::IsAFolder(file.to_owned()));
    }
    let name = real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let root = real.parent().map(Path::to_owned).unwrap_or_default();
    std::fs::File::open(&real).map_err(unreadable)?;
    Ok(Page { root, path: name })
}

/// The page of the site in `root` that `url` means.
pub fn page_at(root: &Path, url: &Url) -> Option<Page> {
    let file = site::own_file(root, url)?;
    let path = file.strip_prefix(root).ok()?.to_str()?.to_owned();
    Some(Page { root: root.to_owned(), path })
}

/// The pages with Python in them, below `folder`, in the order of their paths; or the one page it is.
pub fn pages(folder: &Path) -> Result<Vec<Page>, PageError> {
    let unreadable = |cause| PageError::Unreadable { path: folder.to_owned(), cause };
    let root = folder.canonicalize().map_err(unreadable)?;
    if root.is_file() {
        return Ok(vec![page(folder)?]);
    }
    let mut pages = Vec::new();
    for file in files(&root, "html").map_err(unreadable)? {
        if has_python(&std::fs::read(root.join(&file)).map_err(unreadable)?) {
            pages.push(Page { root: root.clone(), path: file });
        }
    }
    if pages.is_empty() {
        return Err(PageError::NoPages(folder.to_owned()));
    }
    Ok(pages)
}

/// The Python files of a site, by their paths from its root.
pub fn python_files(root: &Path) -> Vec<String> {
    files(root, "py").unwrap_or_default()
}

/// The `test_*.py` modules beside `page`. `test_index.py` is for `index.html` alone where that page exists;
/// one that is named for no page is for all of them. What imports `pyweb` looks at pages from outside: pytest runs it.
pub fn test_modules(page: &Page) -> Result<Vec<TestModule>, PageError> {
    let folder = page.root.join(&page.path).parent().map(Path::to_owned).unwrap_or_default();
    let prefix = page.path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let mut modules = Vec::new();
    for name in files(&folder, "py").unwrap_or_default() {
        let Some(stem) = name.strip_prefix("test_").and_then(|name| name.strip_suffix(".py")) else {
            continue;
        };
        let named = format!("{stem}.html");
        if name.contains('/') || (format!("{prefix}{named}") != page.path && folder.join(&named).is_file()) {
            continue;
        }
        let path = folder.join(&name);
        let source = std::fs::read_to_string(&path).map_err(|cause| PageError::Unreadable { path, cause })?;
        if !is_from_outside(&source) {
            modules.push(TestModule { path: format!("{prefix}{name}"), source });
        }
    }
    Ok(modules)
}

/// Whether a test module has the pytest plugin's `page`, which there is not inside of pages.
fn is_from_outside(source: &str) -> bool {
    let imports = |line: &str| {
        let module = line.strip_prefix("from ").or_else(|| line.strip_prefix("import "))?;
        Some(module.split([' ', '.', ',']).next()? == "pyweb")
    };
    source.lines().any(|line| imports(line) == Some(true))
}

/// Whether a page has Python in it: a script of PyScript's types or one of its elements.
fn has_python(html: &[u8]) -> bool {
    let text = String::from_utf8_lossy(html).to_ascii_lowercase();
    [
        "type=\"py\"",
        "type='py'",
        "type=py",
        "type=\"mpy\"",
        "type='mpy'",
        "type=mpy",
        "<py-script",
        "<mpy-script",
    ]
    .iter()
    .any(|mark| text.contains(mark))
}

/// The files below `root` with this extension, as paths from there with `/`, sorted; hidden folders left out.
fn files(root: &Path, extension: &str) -> io::Result<Vec<String>> {
    let entries = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0
            || !(name.starts_with('.') || (entry.file_type().is_dir() && SKIPPED.contains(&name.as_ref())))
    });
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io::Error::other)?;
        let path: PathBuf = entry.path().strip_prefix(root).map_err(io::Error::other)?.to_owned();
        if entry.path().is_file() && path.extension().is_some_and(|own| own == extension) {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_from_outside_are_told_by_what_they_import() {
        for source in ["from pyweb import expect\n", "import re\nimport pyweb", "from pyweb.page import Page"]
        {
            assert!(is_from_outside(source), "{source}");
        }
        for source in ["from pyscript import web", "import pywebs\n# from pyweb", "x = 'import pyweb'"] {
            assert!(!is_from_outside(source), "{source}");
        }
    }
}
