//! What must change in a page so that it needs no network, decided from its survey. Must not write anything,
//! and reads nothing but the configurations that the page names.
//!
//! PyScript's core takes an interpreter from elsewhere only by `interpreter` in a configuration. In the page
//! it reads that against the page's URL, in a worker's own configuration file against the file's URL; so a
//! file may be needed in several variants, which [`Configs`] keeps apart.

use std::collections::{BTreeMap, BTreeSet};

use super::interpreter::Interpreter;
use super::pyconfig::{self, Configs, Syntax, Wrong};
use super::survey::{self, ConfigElement, Place, Reference, Role, Script, Survey};
use super::vendor::Needs;
use crate::error::BundleError;
use crate::packages::wanted::Wanted;
use crate::runtime::address::{Address, locate};
use crate::runtime::{CORE, MICROPYTHON, PYODIDE};

/// A change of one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The attribute gets this value, not yet escaped.
    Attribute(&'static str, String),
    /// The attribute goes.
    Remove(&'static str),
    /// The element's content becomes this, as it stands.
    Content(String),
    /// This comes before the element.
    Before(String),
    /// This comes after the element.
    After(String),
    /// This comes first in the element.
    Prepend(String),
}

/// Changes by the number of the element.
pub type Edits = BTreeMap<usize, Vec<Edit>>;

/// A URL of another host that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The file that names it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The URL.
    pub url: String,
}

/// What is to be done about one page.
#[derive(Debug, Default)]
pub struct Plan {
    /// The changes.
    pub edits: Edits,
    /// What the page needs in the bundle.
    pub needs: Needs,
    /// What it still asks of other hosts.
    pub kept: Vec<Kept>,
}

/// Plans the changes of the page at `path`.
pub fn plan(path: &str, survey: &Survey, configs: &mut Configs) -> Result<Plan, BundleError> {
    let mut planner = Planner { path, up: configs.way_up(path), configs, plan: Plan::default() };
    for interpreter in Interpreter::ALL {
        planner.interpreter(interpreter, survey)?;
    }
    for reference in &survey.references {
        planner.reference(reference);
    }
    for inline in &survey.inline {
        planner.inline(inline.place, &inline.text);
    }
    Ok(planner.plan)
}

struct Planner<'a, 'b> {
    path: &'a str,
    up: String,
    configs: &'a mut Configs<'b>,
    plan: Plan,
}

impl Planner<'_, '_> {
    /// Gives every script of one interpreter the bundle's copy of it.
    fn interpreter(&mut self, interpreter: Interpreter, survey: &Survey) -> Result<(), BundleError> {
        let scripts: Vec<&Script> =
            survey.scripts.iter().filter(|script| script.interpreter == interpreter).collect();
        let elements: Vec<&ConfigElement> =
            survey.configs.iter().filter(|element| element.interpreter == interpreter).collect();
        if scripts.is_empty() && elements.is_empty() {
            return Ok(());
        }
        self.plan.needs.interpreters.insert(interpreter);
        for element in &elements {
            self.config_element(element)?;
        }
        let of_role = |role: Role| scripts.iter().copied().filter(move |script| script.role == role);
        if let Some(game) = of_role(Role::Game).next() {
            let (file, line) = (self.path.to_owned(), game.place.line);
            return Err(BundleError::Packages { file, line, packages: "pygame-ce".into() });
        }
        let main: Vec<&Script> = of_role(Role::Main).collect();
        if elements.is_empty() {
            self.main_config(&main)?;
        }
        // Core hands the page's interpreter on to the workers; without one they must name their own.
        let alone = elements.is_empty() && main.is_empty();
        for worker in of_role(Role::Worker).filter(|worker| alone || worker.config.is_some()) {
            self.script(worker)?;
        }
        self.editors(&of_role(Role::Editor).collect::<Vec<_>>())
    }

    /// One configuration serves all scripts in the page: the one they name, else a new one on the first.
    fn main_config(&mut self, main: &[&Script]) -> Result<(), BundleError> {
        let named: Vec<&Script> = main.iter().copied().filter(|script| script.config.is_some()).collect();
        let first = main.first().copied().into_iter().collect();
        for script in if named.is_empty() { first } else { named } {
            self.script(script)?;
        }
        Ok(())
    }

    /// Editors of one environment share the configuration of the first that runs.
    fn editors(&mut self, editors: &[&Script]) -> Result<(), BundleError> {
        let mut environments = BTreeSet::new();
        for script in editors.iter().filter(|script| script.config.is_some()) {
            environments.extend(script.env.as_deref());
            self.script(script)?;
        }
        for script in editors.iter().filter(|script| script.config.is_none()) {
            if script.env.as_deref().is_none_or(|env| environments.insert(env)) {
                self.script(script)?;
            }
        }
        Ok(())
    }

    fn script(&mut self, script: &Script) -> Result<(), BundleError> {
        let value = self.config(script.config.as_deref(), script.role, script.place, script.interpreter)?;
        if let Some(value) = value {
            self.edit(script.place, Edit::Attribute("config", value));
        }
        Ok(())
    }

    fn config_element(&mut self, element: &ConfigElement) -> Result<(), BundleError> {
        let ConfigElement { place, interpreter, src, text } = element;
        if let Some(src) = src {
            if let Some(value) = self.config(Some(src), Role::Main, *place, *interpreter)? {
                self.edit(*place, Edit::Attribute("src", value));
            }
            return Ok(());
        }
        let text = survey::unescape(text);
        let text = self.inline_config(&text, *place, *interpreter)?;
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        self.edit(*place, Edit::Content(format!("\n{escaped}\n")));
        Ok(())
    }

    /// The new value of a `config` attribute; nothing when it names another host's file.
    fn config(
        &mut self,
        value: Option<&str>,
        role: Role,
        place: Place,
        interpreter: Interpreter,
    ) -> Result<Option<String>, BundleError> {
        let value = value.unwrap_or_default().trim();
        let Some(syntax) = Syntax::of_file(value) else {
            return self.inline_config(value, place, interpreter).map(Some);
        };
        if is_external(value) {
            self.keep(place.line, value);
            return Ok(None);
        }
        let Some(file) = resolve(self.path, value) else { return Ok(None) };
        // A worker reads its own configuration's paths against the configuration.
        let up = if role == Role::Worker { self.configs.way_up(&file) } else { self.up.clone() };
        let module = format!("{up}{}", interpreter.module());
        let used = (self.path, place.line);
        let (variant, found) = self.configs.variant(&file, syntax, &module, interpreter, used)?;
        self.plan.needs.micropython_builds.extend(found.builds);
        for url in found.urls {
            self.plan.kept.push(Kept { file: file.clone(), line: 1, url });
        }
        // As the interpreter: against the page, in a worker against the configuration.
        let base = if role == Role::Worker { file.as_str() } else { self.path };
        for (entry, before) in found.packages {
            let wanted = Wanted::new(&entry, &file, 1 + before, |path| resolve(base, path))?;
            self.plan.needs.packages.push(wanted);
        }
        Ok(Some(format!("{}{variant}", self.up)))
    }

    fn inline_config(
        &mut self,
        text: &str,
        place: Place,
        interpreter: Interpreter,
    ) -> Result<String, BundleError> {
        let module = format!("{}{}", self.up, interpreter.module());
        let syntax = Syntax::of_text(text.trim_start());
        let bad = |wrong: Wrong| {
            let (line, message) = (place.line + wrong.lines_before, wrong.message);
            BundleError::Config { file: self.path.to_owned(), line, message }
        };
        let parsed = pyconfig::with_interpreter(text, syntax, &module, interpreter).map_err(bad)?;
        parsed.refuse_packages(self.path, place.line)?;
        self.plan.needs.micropython_builds.extend(parsed.found.builds);
        for url in parsed.found.urls {
            self.keep(place.line, &url);
        }
        for (entry, before) in parsed.found.packages {
            let wanted =
                Wanted::new(&entry, self.path, place.line + before, |path| resolve(self.path, path))?;
            self.plan.needs.packages.push(wanted);
        }
        Ok(parsed.text)
    }

    /// Points what means PyScript at the bundle's copy, and what begins at the server's root at the bundle's.
    fn reference(&mut self, reference: &Reference) {
        let Reference { place, attribute, url, loaded } = reference;
        if let Some(vendored) = self.vendored(url) {
            self.edit(*place, Edit::Attribute(attribute, vendored));
            // They speak of the other host's copy.
            self.edit(*place, Edit::Remove("integrity"));
            self.edit(*place, Edit::Remove("crossorigin"));
        } else if is_external(url) {
            if *loaded {
                self.keep(place.line, url);
            }
        } else if let Some(from_root) = url.strip_prefix('/') {
            self.edit(*place, Edit::Attribute(attribute, format!("{}{from_root}", self.up)));
        }
    }

    /// Points imports of PyScript in a script inside the page at the bundle's copy.
    fn inline(&mut self, place: Place, text: &str) {
        let mut rest = text;
        let mut new = String::new();
        while let Some(start) = rest.find("https://") {
            let end =
                rest[start..].find(['"', '\'', '`', ' ', '\n', ')']).map_or(rest.len(), |end| start + end);
            new += &rest[..start];
            new += &self.vendored(&rest[start..end]).unwrap_or_else(|| rest[start..end].to_owned());
            rest = &rest[end..];
        }
        new += rest;
        if new != text {
            self.edit(place, Edit::Content(new));
        }
    }

    /// The bundle's copy of what `url` means, if it is one of PyScript's files, seen from the page.
    fn vendored(&mut self, url: &str) -> Option<String> {
        let Address { package, path } = locate(url)?;
        let file = match package {
            CORE => format!("pyscript/{}", path.strip_prefix("dist/").unwrap_or(&path)),
            MICROPYTHON => {
                self.plan.needs.interpreters.insert(Interpreter::Micropython);
                format!("pyscript/micropython/{path}")
            }
            PYODIDE => {
                self.plan.needs.interpreters.insert(Interpreter::Pyodide);
                format!("pyscript/pyodide/{path}")
            }
            _ => return None,
        };
        self.plan.needs.core = true;
        Some(format!("{}{file}", self.up))
    }

    fn edit(&mut self, place: Place, edit: Edit) {
        self.plan.edits.entry(place.element).or_default().push(edit);
    }

    fn keep(&mut self, line: u32, url: &str) {
        self.plan.kept.push(Kept { file: self.path.to_owned(), line, url: url.to_owned() });
    }
}

/// The URLs of other hosts that a style sheet loads: `url(…)` and `@import "…"`.
pub fn style_references(path: &str, css: &str) -> Vec<Kept> {
    let mut kept = Vec::new();
    for (index, line) in css.lines().enumerate() {
        for opening in ["url(", "@import "] {
            for piece in line.split(opening).skip(1) {
                let url = piece.trim_start_matches(['"', '\'']);
                let url = &url[..url.find(['"', '\'', ')', ' ']).unwrap_or(url.len())];
                if is_external(url) {
                    let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
                    kept.push(Kept { file: path.to_owned(), line, url: url.to_owned() });
                }
            }
        }
    }
    kept
}

/// True for a URL with a host.
fn is_external(url: &str) -> bool {
    let url = url.to_ascii_lowercase();
    ["http://", "https://", "//"].iter().any(|start| url.starts_with(start))
}

/// The site's file that `url` means on the page at `path`.
pub fn resolve(path: &str, url: &str) -> Option<String> {
    let base = url::Url::parse("http://site/").and_then(|root| root.join(path)).ok()?;
    let target = base.join(url).ok()?;
    Some(target.path().trim_start_matches('/').replace("%20", " "))
}
