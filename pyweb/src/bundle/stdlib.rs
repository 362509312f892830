//! Python's library for a bundle: stored for Brotli and, where that is wanted, only the part of it that Pyodide and
//! the site use. Must not know pages.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::imports::{Depth, Module, imports};
use super::stored_zip;
use crate::error::BundleError;

/// The modules that Pyodide and PyScript have imported once a page is ready, and those that their C code imports
/// later. A test holds the list against the pinned Pyodide.
const BASE: &str = include_str!("stdlib-base.txt");
/// Where Pyodide says that a module of the library is missing, and what it says there.
const MESSAGE: (&str, &str) = (
    "_pyodide/_importhook.py",
    "is removed from the Python standard library in the\"\n            \" Pyodide distribution due to browser limitations.",
);
/// What it says in a bundle without that module.
const IN_BUNDLE: &str = "is not in this bundle, which was made with --strip-stdlib.\"\n            \
    \" Make it again with --keep {import_name}.";

/// Modules that another one imports when it is first needed: from C, or from inside a function that is all its use.
const LATER: [(&str, &str); 4] = [
    ("decimal", "numbers"),
    ("unittest", "unittest.async_case"),
    ("xml.etree.ElementTree", "xml.etree.ElementPath"),
    ("zoneinfo", "importlib.resources"),
];

/// The whole library.
pub fn whole(archive: &[u8]) -> io::Result<Vec<u8>> {
    stored_zip::stored(archive, &|_, content| Some(content))
}

/// The library without what nobody imports: `used` are the modules that the site and its packages name, `keep` those
/// that the user does.
pub fn stripped(
    archive: &[u8],
    used: &BTreeSet<String>,
    keep: &BTreeSet<String>,
) -> Result<Vec<u8>, BundleError> {
    let broken = |cause| BundleError::Library { cause };
    let library = Library::new(stored_zip::entries(archive).map_err(broken)?);
    if let Some(unknown) = keep.iter().find(|module| !library.modules.contains_key(*module)) {
        return Err(BundleError::NoModule { module: unknown.clone() });
    }
    let kept = library.closure(used, keep);
    let change = |name: &str, content: Vec<u8>| {
        let left_out = |module: &String| library.modules.contains_key(module) && !kept.contains(module);
        // A folder that is left is a package without a text, and would be found.
        if module(name).is_some_and(|(module, _)| left_out(&module))
            || package(name).is_some_and(|it| left_out(&it))
        {
            return None;
        }
        if name != MESSAGE.0 {
            return Some(content);
        }
        Some(String::from_utf8(content).ok()?.replace(MESSAGE.1, IN_BUNDLE).into_bytes())
    };
    stored_zip::stored(archive, &change).map_err(broken)
}

/// The module that a file of the library is, and whether it is a package; nothing for other files.
fn module(path: &str) -> Option<(String, bool)> {
    let dotted = path.strip_suffix(".py")?.replace('/', ".");
    let package = dotted.strip_suffix(".__init__").map(str::to_owned);
    Some(package.map_or((dotted, false), |package| (package, true)))
}

/// The package in whose folder a file of the library lies, or whose folder it is.
fn package(path: &str) -> Option<String> {
    Some(path.rsplit_once('/')?.0.replace('/', "."))
}

/// The modules with their texts.
struct Library {
    modules: BTreeMap<String, (bool, String)>,
}

impl Library {
    fn new(entries: Vec<(String, Vec<u8>)>) -> Library {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let modules = entries.into_iter().filter_map(|(path, bytes)| {
            let (name, package) = module(&path)?;
            Some((name, (package, text(bytes))))
        });
        Library { modules: modules.collect() }
    }

    /// What is there at the start, what is used, and all that these import in turn, outside of functions.
    fn closure(&self, used: &BTreeSet<String>, keep: &BTreeSet<String>) -> BTreeSet<String> {
        let base = BASE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut kept: BTreeSet<String> = base.map(str::to_owned).collect();
        let inside = |module: &String| {
            let prefix = format!("{module}.");
            let below = self.modules.keys().filter(|name| name.starts_with(&prefix)).cloned();
            below.collect::<Vec<_>>()
        };
        // Who keeps a package keeps all of it.
        let mut open: Vec<String> = keep.iter().flat_map(inside).collect();
        open.extend(keep.iter().chain(used).cloned());
        while let Some(name) = open.pop() {
            // Importing `a.b` imports `a` first.
            let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]).collect::<Vec<_>>();
            for end in ends {
                let name = &name[..end];
                let Some((package, text)) = self.modules.get(name) else { break };
                if kept.insert(name.to_owned()) {
                    open.extend(imports(text, Module { name, package: *package }, Depth::Top));
                    let later = LATER.iter().filter(|(module, _)| *module == name);
                    open.extend(later.map(|(_, later)| (*later).to_owned()));
                }
            }
        }
        kept
    }
}
