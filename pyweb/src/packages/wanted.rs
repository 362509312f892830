//! What a `packages` list of a PyScript configuration asks for. Must not look for it.

use std::str::FromStr;

use url::Url;

use super::error::PackagesError;
use super::requirement::Requirement;
use super::target::Target;
use super::wheel::WheelName;

/// One entry of a `packages` list.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The page or configuration that asks.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// The entry as it stands.
    pub text: String,
    /// The package's canonical name, as Pyodide's lock has it.
    pub name: String,
    /// What it means.
    pub what: What,
}

/// What an entry means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A package by name, perhaps with versions and extras.
    Named(Requirement),
    /// A wheel of the site, by its path from the root.
    Site(String),
    /// A wheel somewhere else.
    Remote(Url),
}

/// The canonical name of the package that an entry asks for, and how it does.
fn read(text: &str, resolve: impl Fn(&str) -> Option<String>) -> Result<(String, What), String> {
    let wheel = |path: &str| {
        let wheel = WheelName::of_path(path).ok_or("it does not end with the name of a wheel")?;
        Ok::<_, String>(wheel.name)
    };
    if text.starts_with("https://") || text.starts_with("http://") {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        Ok((wheel(url.path())?, What::Remote(url)))
    } else if text.starts_with(['.', '/']) {
        let path = resolve(text).ok_or("it is no path of the site")?;
        Ok((wheel(&path)?, What::Site(path)))
    } else {
        let requirement = Requirement::from_str(text)?;
        Ok((requirement.name.clone(), What::Named(requirement)))
    }
}

/// The canonical name of the package that an entry asks for.
pub fn name(entry: &str) -> Option<String> {
    Some(read(entry, |path| Some(path.to_owned())).ok()?.0)
}

impl Wanted {
    /// Reads the entry `text` of a configuration used at `file` and `line`; `resolve` makes a path, as the page
    /// reads it, one from the site's root.
    pub fn new(
        text: &str,
        file: &str,
        line: u32,
        resolve: impl Fn(&str) -> Option<String>,
    ) -> Result<Wanted, PackagesError> {
        let bad = |reason: String| PackagesError::BadEntry {
            file: file.to_owned(),
            line,
            entry: text.to_owned(),
            reason,
        };
        let (name, what) = read(text, resolve).map_err(bad)?;
        Ok(Wanted { file: file.to_owned(), line, text: text.to_owned(), name, what })
    }

    /// Whether it is asked for on that Python at all.
    pub fn applies(&self, target: &Target) -> bool {
        match &self.what {
            What::Named(requirement) => requirement.marker.holds(&target.markers, None),
            What::Site(_) | What::Remote(_) => true,
        }
    }

    /// Where it is asked for, for people.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}
