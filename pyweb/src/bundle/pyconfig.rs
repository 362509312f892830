//! PyScript configurations, JSON or TOML, with the bundle's interpreter put into them.
//! Must not know pages.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::alpha;
use super::interpreter::{Interpreter, way_up};
use super::served;
use super::site::{self, Files};
use crate::error::BundleError;
use crate::packages::wanted;

/// How a configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// JSON
    Json,
    /// TOML
    Toml,
}

impl Syntax {
    /// That of a file, by its name; nothing when `value` is no file's name but the configuration itself.
    ///
    /// The rule is core's own: text in braces is JSON, else an ending before any query decides.
    pub fn of_file(value: &str) -> Option<Syntax> {
        if value.starts_with('{') || value.contains('\n') {
            return None;
        }
        let bare = value.split('?').next().unwrap_or(value);
        match bare.rsplit_once('.')?.1 {
            "json" => Some(Syntax::Json),
            "toml" => Some(Syntax::Toml),
            _ => None,
        }
    }

    /// That of a configuration inside a page.
    pub fn of_text(text: &str) -> Syntax {
        if text.is_empty() || text.starts_with('{') { Syntax::Json } else { Syntax::Toml }
    }
}

/// What a configuration asks for beside its interpreter.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Other builds of MicroPython: `ulab`, `settrace`.
    pub builds: Vec<&'static str>,
    /// Files of other hosts.
    pub urls: Vec<String>,
    /// Packages for Pyodide, each with how many lines of the configuration come before it.
    pub packages: Vec<(String, u32)>,
    /// Packages for MicroPython, which only the network has.
    pub unsupported: Vec<String>,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// How many lines of it come before.
    pub lines_before: u32,
    /// The parser's words.
    pub message: String,
}

/// A configuration with its interpreter in place.
#[derive(Debug)]
pub struct Rewritten {
    /// The new text.
    pub text: String,
    /// What else it asks for.
    pub found: Found,
}

impl Rewritten {
    /// An error when the configuration, used at `file` and `line`, asks for packages that cannot be had.
    pub fn refuse_packages(&self, file: &str, line: u32) -> Result<(), BundleError> {
        if self.found.unsupported.is_empty() {
            return Ok(());
        }
        let packages = self.found.unsupported.join(", ");
        Err(BundleError::Packages { file: file.to_owned(), line, packages })
    }
}

/// The configuration `text` with `module` as its interpreter, or what is wrong with it.
pub fn with_interpreter(
    text: &str,
    syntax: Syntax,
    module: &str,
    interpreter: Interpreter,
) -> Result<Rewritten, Wrong> {
    let mut config = parse(text, syntax)?;
    alpha::config(&mut config);
    // Workers look at `version` first.
    config.remove("version");
    config.insert("interpreter".into(), module.into());
    let found = found(&config, text, interpreter);
    if !found.packages.is_empty() {
        take_from_beside(&mut config, &found);
    }
    let text = match syntax {
        Syntax::Json => Value::Object(config).to_string(),
        Syntax::Toml => {
            toml::to_string(&config).map_err(|error| Wrong { lines_before: 0, message: error.to_string() })?
        }
    };
    Ok(Rewritten { text, found })
}

fn parse(text: &str, syntax: Syntax) -> Result<Map<String, Value>, Wrong> {
    let bare = text.trim_start();
    let before = |bytes: usize| lines_before(text, text.len() - bare.len() + bytes);
    match syntax {
        Syntax::Json if bare.is_empty() => Ok(Map::new()),
        Syntax::Json => serde_json::from_str(bare).map_err(|error| {
            let inside = bare.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
            Wrong { lines_before: before(inside), message: error.to_string() }
        }),
        Syntax::Toml => toml::from_str(bare).map_err(|error| {
            let inside = error.span().map_or(0, |span| span.start);
            Wrong { lines_before: before(inside), message: error.message().to_owned() }
        }),
    }
}

fn lines_before(text: &str, bytes: usize) -> u32 {
    let newlines = text.bytes().take(bytes).filter(|byte| *byte == b'\n').count();
    u32::try_from(newlines).unwrap_or(u32::MAX)
}

/// Has core load the packages from beside Pyodide by their names, rather than ask micropip for them.
fn take_from_beside(config: &mut Map<String, Value>, found: &Found) {
    let names = found.packages.iter().map(|(entry, _)| wanted::name(entry).unwrap_or_else(|| entry.clone()));
    config.insert("packages".into(), names.collect());
    config.insert("packages_cache".into(), "passthrough".into());
    config.remove("index_urls");
}

fn found(config: &Map<String, Value>, text: &str, interpreter: Interpreter) -> Found {
    let mut found = Found::default();
    let micropython = interpreter == Interpreter::Micropython;
    if micropython && config.get("debug").is_some_and(|debug| *debug != Value::Bool(false)) {
        found.builds.push("settrace");
    }
    let packages = config.get("packages").and_then(Value::as_array).into_iter().flatten();
    for package in packages.filter_map(Value::as_str) {
        match package {
            "ulab" if micropython => found.builds.push("ulab"),
            // A file of the site, which MicroPython unpacks by itself.
            file if micropython && file.starts_with(['.', '/']) => {}
            _ if micropython => found.unsupported.push(package.to_owned()),
            _ => {
                let at = text.find(&format!("\"{package}")).or_else(|| text.find(package));
                found.packages.push((package.to_owned(), lines_before(text, at.unwrap_or_default())));
            }
        }
    }
    for key in ["files", "js_modules"] {
        collect_urls(config.get(key).unwrap_or(&Value::Null), &mut found.urls);
    }
    found
}

/// The keys of nested tables that are URLs of other hosts: both `files` and `js_modules` have URLs as keys.
fn collect_urls(value: &Value, urls: &mut Vec<String>) {
    for (key, inner) in value.as_object().into_iter().flatten() {
        if key.starts_with("http://") || key.starts_with("https://") {
            urls.push(key.clone());
        }
        collect_urls(inner, urls);
    }
}

/// The configuration files of a site, in as many variants as its pages need.
#[derive(Debug)]
pub struct Configs<'a> {
    files: &'a Files,
    /// Whether a server has the pages, which makes variants as they are asked for.
    served: bool,
    /// By file and module: the variant's path and text.
    variants: BTreeMap<(String, String), (String, String)>,
}

impl<'a> Configs<'a> {
    /// None yet.
    pub fn new(files: &'a Files) -> Self {
        Configs { files, served: false, variants: BTreeMap::new() }
    }

    /// None yet, for pages that a server has at its root.
    pub fn served(files: &'a Files) -> Self {
        Configs { served: true, ..Configs::new(files) }
    }

    /// The way from the folder of `file` to the root of the site.
    pub fn way_up(&self, file: &str) -> String {
        if self.served { "/".into() } else { way_up(file) }
    }

    /// The path of the variant of `file` that names `module`, and what the configuration asks for.
    ///
    /// The first variant keeps the file's name, so that what is not a page finds it, too.
    /// `used` is the page and line that name it.
    pub fn variant(
        &mut self,
        file: &str,
        syntax: Syntax,
        module: &str,
        interpreter: Interpreter,
        used: (&str, u32),
    ) -> Result<(String, Found), BundleError> {
        let (page, line) = (used.0.to_owned(), used.1);
        let Some(place) = self.files.get(file) else {
            return Err(BundleError::NoConfig { file: page, line, config: file.to_owned() });
        };
        let text = site::read_text(place)?;
        let bad = |wrong: Wrong| {
            let (line, message) = (1 + wrong.lines_before, wrong.message);
            BundleError::Config { file: file.to_owned(), line, message }
        };
        let rewritten = with_interpreter(&text, syntax, module, interpreter).map_err(bad)?;
        rewritten.refuse_packages(file, 1)?;
        if self.served {
            return Ok((served::named(file, interpreter), rewritten.found));
        }
        let key = (file.to_owned(), module.to_owned());
        if !self.variants.contains_key(&key) {
            let path = self.free_name(file);
            self.variants.insert(key.clone(), (path, rewritten.text));
        }
        Ok((self.variants[&key].0.clone(), rewritten.found))
    }

    /// The new files by path.
    pub fn finish(self) -> impl Iterator<Item = (String, String)> {
        self.variants.into_values()
    }

    fn free_name(&self, file: &str) -> String {
        let taken = |path: &str| self.variants.values().any(|(used, _)| used == path);
        if !taken(file) {
            return file.to_owned();
        }
        let (stem, extension) = file.rsplit_once('.').unwrap_or((file, ""));
        let names = (2..).map(|number| format!("{stem}.{number}.{extension}"));
        let mut free = names.filter(|name| !taken(name) && !self.files.contains_key(name));
        free.next().unwrap_or_else(|| file.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_takes_the_place_of_another() {
        let text = "interpreter = \"https://example.org/pyodide.mjs\"\n[files]\n\"./a.py\" = \"\"\n\"https://x.org/b.py\" = \"\"";
        let new = with_interpreter(text, Syntax::Toml, "./p.mjs", Interpreter::Pyodide);
        let new = new.map(|new| (new.text, new.found.urls));
        let expected =
            "interpreter = \"./p.mjs\"\n\n[files]\n\"./a.py\" = \"\"\n\"https://x.org/b.py\" = \"\"\n";
        assert_eq!(new, Ok((expected.to_owned(), vec!["https://x.org/b.py".to_owned()])));
    }

    #[test]
    fn a_config_is_a_file_where_core_says_so() {
        assert_eq!(Syntax::of_file("pyscript.toml"), Some(Syntax::Toml));
        assert_eq!(Syntax::of_file("../a/b.json?v=2"), Some(Syntax::Json));
        assert_eq!(Syntax::of_file(r#"{"files": {"a.json": ""}}"#), None);
    }
}
