//! The script that is put before a page's own. A page in Chromium can import nothing of ours, so the modules of
//! `pyweb/js` become one classic script. Must not know what they do.

use std::sync::LazyLock;

use serde_json::Value;

use crate::page::environment;

/// The module that begins.
const ENTRY: &str = "chromium.mjs";
/// Classic scripts that the modules run when they need them.
const SCRIPTS: [&str; 2] = ["console.js", "timers.js"];

/// Our modules, each as a function's body, in an order in which each finds those it imports.
static MODULES: LazyLock<String> = LazyLock::new(|| {
    let mut bundle = Bundle::default();
    bundle.add(ENTRY);
    bundle.text
});

/// What runs in every document of the site's before its own scripts; `config` is what it may read.
pub(super) fn prologue(config: &Value) -> String {
    let scripts: String = SCRIPTS
        .iter()
        .map(|name| format!("{name:?}: () => {{\n{}\n}},\n", environment::script(name).unwrap_or_default()))
        .collect();
    let modules = MODULES.as_str();
    format!(
        "(() => {{\nif (globalThis !== globalThis.top || location.origin !== \"http://localhost\") return;\n\
         globalThis.__native = {{ config: () => ({config}), scripts: {{\n{scripts}}} }};\n\
         const modules = {{}};\n{modules}delete globalThis.__native;\n}})();"
    )
}

/// Modules put together.
#[derive(Default)]
struct Bundle {
    added: Vec<String>,
    text: String,
}

impl Bundle {
    /// Adds the module `name` behind all that it imports.
    fn add(&mut self, name: &str) {
        if self.added.iter().any(|added| added == name) {
            return;
        }
        self.added.push(name.to_owned());
        let mut body = String::new();
        let mut exports = Vec::new();
        for line in environment::module(name).unwrap_or_default().lines() {
            if let Some((names, file)) = import(line) {
                self.add(file);
                body += &format!("const {} = modules[{file:?}];\n", names.replace(" as ", ": "));
            } else if let Some(declaration) = line.strip_prefix("export ") {
                exports.extend(declared(declaration));
                body += &format!("{declaration}\n");
            } else {
                body += &format!("{line}\n");
            }
        }
        let exports = exports.join(", ");
        self.text += &format!(
            "modules[{name:?}] = (() => {{\n\"use strict\";\n{body}return {{ {exports} }};\n}})();\n"
        );
    }
}

/// `{ names }` and the file of an import of one of ours.
fn import(line: &str) -> Option<(&str, &str)> {
    let (names, from) = line.strip_prefix("import ")?.split_once(" from ")?;
    let file = from.strip_prefix('"')?.strip_suffix("\";")?.strip_prefix(environment::BASE)?;
    Some((names, file))
}

/// What a declaration declares.
fn declared(declaration: &str) -> Option<&str> {
    let mut words =
        declaration.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.find(|word| !matches!(*word, "async" | "class" | "const" | "function"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_comes_behind_those_it_imports() {
        let text = MODULES.as_str();
        // Python code in a text has imports of its own.
        let ours = |line: &&str| line.starts_with("import ") && line.contains(environment::BASE);
        let left = |line: &&str| ours(line) || line.starts_with("export ");
        assert_eq!(text.lines().find(left), None);
        for (at, _) in text.match_indices("} = modules[\"") {
            let name = text[at..].split('"').nth(1).unwrap_or_default();
            let made = text.find(&format!("modules[{name:?}] = "));
            assert!(made.is_some_and(|made| made < at), "{name}");
        }
    }

    #[test]
    fn declarations_are_exported_by_their_names() {
        for (declaration, name) in [
            ("async function visit({ wait }) {", "visit"),
            ("const SEED = `", "SEED"),
            ("class StepError extends Error {", "StepError"),
        ] {
            assert_eq!(declared(declaration), Some(name));
        }
    }
}
