//! What a wheel says of itself: core metadata, and the modules in it. Must not know where it came from.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{Read, Seek};
use std::path::Path;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use zip::ZipArchive;

use super::requirement::Requirement;

/// More than any real `METADATA` has; a bound on what a false wheel can make us read.
const MOST_BYTES: u64 = 16 << 20;

/// The part of core metadata that matters here.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// The Pythons it runs on.
    pub requires_python: Option<VersionSpecifiers>,
    /// What it needs.
    pub requirements: Vec<Requirement>,
}

impl Metadata {
    /// Whether it runs on that Python.
    pub fn runs_on(&self, python: &Version) -> bool {
        self.requires_python.as_ref().is_none_or(|wanted| wanted.contains(python))
    }
}

impl FromStr for Metadata {
    type Err = String;

    /// The headers, up to the first empty line.
    fn from_str(text: &str) -> Result<Metadata, String> {
        let mut metadata = Metadata::default();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else { continue };
            match name.to_ascii_lowercase().as_str() {
                "requires-dist" => {
                    let bad = |reason| format!("it requires {:?}: {reason}", value.trim());
                    metadata.requirements.push(value.trim().parse().map_err(bad)?);
                }
                "requires-python" => {
                    let versions = VersionSpecifiers::from_str(value.trim());
                    metadata.requires_python = Some(versions.map_err(|error| error.to_string())?);
                }
                _ => {}
            }
        }
        Ok(metadata)
    }
}

/// What was found in a wheel.
#[derive(Debug)]
pub struct Contents {
    /// The text of its `METADATA`.
    pub metadata: String,
    /// The modules and packages at its top.
    pub modules: BTreeSet<String>,
}

/// Looks into a wheel.
pub fn contents(wheel: impl Read + Seek) -> Result<Contents, String> {
    let mut archive = ZipArchive::new(wheel).map_err(|error| error.to_string())?;
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.map(Cow::into_owned))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let modules = names.iter().filter_map(|name| module(name)).map(str::to_owned).collect();
    let is_metadata = |name: &&String| {
        let folder = name.strip_suffix("/METADATA");
        folder.is_some_and(|folder| folder.ends_with(".dist-info") && !folder.contains('/'))
    };
    let name = names.iter().find(is_metadata).ok_or("it has no METADATA")?;
    let entry = archive.by_name(name).map_err(|error| error.to_string())?;
    let mut metadata = String::new();
    entry.take(MOST_BYTES).read_to_string(&mut metadata).map_err(|error| error.to_string())?;
    Ok(Contents { metadata, modules })
}

/// The module that a file of a wheel belongs to, if Python would import it.
fn module(path: &str) -> Option<&str> {
    let (top, rest) = path.split_once('/').map_or((path, None), |(top, rest)| (top, Some(rest)));
    let name = match rest {
        // An extension module's name goes on with the interpreter that it is for.
        None if is_module(top) => top.split('.').next()?,
        Some(rest) if is_module(rest) => top,
        _ => return None,
    };
    let identifier = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (identifier && !name.is_empty()).then_some(name)
}

/// True for Python's text and for extension modules.
fn is_module(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "py" || end == "so")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn headers_are_read_and_the_text_below_is_not() {
        let text = "Metadata-Version: 2.4\nName: a\nRequires-Python: >=3.9\nRequires-Dist: six>=1\n\
            Requires-Dist: b; extra == 'x'\n\nRequires-Dist: not one\n";
        let metadata = Metadata::from_str(text).unwrap();
        assert_eq!(metadata.requirements.len(), 2);
        assert!(metadata.runs_on(&"3.14.2".parse().unwrap()));
        assert!(!metadata.runs_on(&"3.8".parse().unwrap()));
        assert!(Metadata::from_str("Requires-Dist: a>=1.*").is_err());
    }

    #[test]
    fn modules_are_what_python_would_import() {
        for (path, expected) in [
            ("six.py", Some("six")),
            ("pydantic/main.py", Some("pydantic")),
            ("_cffi_backend.cpython-314-wasm32-emscripten.so", Some("_cffi_backend")),
            ("a-1.dist-info/METADATA", None),
            ("a-1.data/scripts/x.py", None),
            ("README.md", None),
        ] {
            assert_eq!(module(path), expected, "{path}");
        }
    }
}
