//! A page and a configuration as a server has them, one at a time: PyScript comes from `/pyscript/`, as it would in a
//! bundle at the server's root. Must not know HTTP.
//!
//! Pages of several interpreters may name one configuration file, so each names it with the interpreter it is for:
//! `/app.toml?interpreter=py`. PyScript's core looks for a file's ending before any query.

use std::path::Path;

use walkdir::WalkDir;

use super::interpreter::Interpreter;
use super::pyconfig::{self, Configs, Syntax};
use super::site::Files;
use super::{plan, rewrite, survey};
use crate::error::BundleError;

const QUERY: &str = "interpreter=";

/// A page as a server has it.
#[derive(Debug)]
pub struct Served {
    /// Its markup.
    pub html: String,
    /// Whether it asks for Python packages.
    pub wants_packages: bool,
}

/// The page at `path` of the site in `root`.
pub fn page(root: &Path, path: &str, html: &str) -> Result<Served, BundleError> {
    let files = configs_of(root);
    let survey = survey::survey(path, html)?;
    let plan = plan::plan(path, &survey, &mut Configs::served(&files))?;
    let html = rewrite::rewrite(path, html, &plan.edits)?;
    Ok(Served { html, wants_packages: !plan.needs.packages.is_empty() })
}

/// The configuration `text` of the file at `path`, asked for with `query`; nothing when it is to be as it is.
pub fn config(path: &str, query: &str, text: &str) -> Option<String> {
    let interpreter = interpreter(query)?;
    let module = format!("/{}", interpreter.module());
    let syntax = Syntax::of_file(path)?;
    Some(pyconfig::with_interpreter(text.trim(), syntax, &module, interpreter).ok()?.text)
}

/// The interpreter that a configuration is asked for with `query`.
pub fn interpreter(query: &str) -> Option<Interpreter> {
    let tag = query.strip_prefix(QUERY)?;
    Interpreter::ALL.into_iter().find(|interpreter| interpreter.tag() == tag)
}

/// How a page names the configuration at `path`.
pub fn named(path: &str, interpreter: Interpreter) -> String {
    format!("{path}?{QUERY}{}", interpreter.tag())
}

/// The files that may be configurations. What cannot be read is none.
fn configs_of(root: &Path) -> Files {
    let wanted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || name == "node_modules")
    };
    let entries = WalkDir::new(root).into_iter().filter_entry(wanted).filter_map(Result::ok);
    let config = |entry: walkdir::DirEntry| {
        let path = entry.path().strip_prefix(root).ok()?.to_str()?.to_owned();
        (entry.file_type().is_file() && Syntax::of_file(&path).is_some()).then(|| (path, entry.into_path()))
    };
    entries.filter_map(config).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn a_page_below_a_folder_names_everything_from_the_root() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.toml"), "name = \"x\"").unwrap();
        let html = "<script type=module src='../pyscript/core.js'></script>\n\
            <script type=py config=../app.toml></script><script type=mpy></script><img src='a.png'>";
        let Served { html: page, wants_packages } = page(folder.path(), "deep/page.html", html).unwrap();
        assert!(!wants_packages);
        assert!(page.contains("src=\"/pyscript/core.js\""), "{page}");
        assert!(page.contains("config=\"/app.toml?interpreter=py\""), "{page}");
        assert!(page.contains("&quot;/pyscript/micropython/micropython.mjs&quot;"), "{page}");
        assert!(page.contains("<img src='a.png'>"), "{page}");
        let config = config("app.toml", "interpreter=py", "name = \"x\"\n").unwrap();
        assert_eq!(config, "name = \"x\"\ninterpreter = \"/pyscript/pyodide/pyodide.mjs\"\n");
    }

    #[test]
    fn only_what_was_so_named_is_changed() {
        for query in ["", "v=1", "interpreter=", "interpreter=js", "interpreter=py&x"] {
            assert_eq!(config("a.toml", query, ""), None, "{query}");
        }
        assert_eq!(config("a.py", "interpreter=py", ""), None);
    }
}
