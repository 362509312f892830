//! Which files of PyScript's core a site can come to ask for: its editor and its terminal are most of it, and few pages
//! have one. Must not know pages.
//!
//! The files are modules, and one leads to another by naming it. Some ways are open only to pages that say a certain
//! word, such as the attribute `terminal`; which words those are is all that is known here of core, and a way that is
//! not listed is open. A script that puts such a word together while it runs is not seen: `--whole-core` is for that.

use std::collections::{BTreeMap, BTreeSet};

use super::interpreter::Interpreter;

/// The module that pages load.
const ENTRY: &str = "core.js";
/// Goes with every copy of the rest.
const LICENSE: &str = "LICENSE";

/// A way between two modules that not every page can go.
struct Door {
    /// How the names of the modules begin that it leads from.
    from: &'static str,
    /// How the names of the modules begin that it leads to.
    to: &'static str,
    /// The interpreter that goes it.
    interpreter: Option<Interpreter>,
    /// It is open to who says one of these.
    words: &'static [&'static str],
}

const DOORS: [Door; 6] = [
    // `<script type="py-editor">`, and `codemirror`, which core exports.
    Door { from: "", to: "codemirror", interpreter: None, words: &["-editor", "codemirror"] },
    Door { from: "py-editor-", to: "toml-", interpreter: None, words: &["-editor"] },
    Door { from: "py-game-", to: "toml-", interpreter: None, words: &["-game"] },
    // The attribute `terminal`, which `donkey`, another export, sets.
    Door { from: "py-terminal-", to: "", interpreter: None, words: &["terminal", "donkey"] },
    // Archives among MicroPython's `files`, and its `packages`.
    Door { from: "", to: "zip-", interpreter: Some(Interpreter::Micropython), words: &[".whl", ".zip"] },
    // Pyodide's `packages`.
    Door { from: "", to: "pyodide_graph-", interpreter: Some(Interpreter::Pyodide), words: &["packages"] },
];

/// The core's files by name, as text.
pub type Core = BTreeMap<String, String>;

/// What to look for in the texts of a site: the words that open doors, and the files' own names.
pub fn words(core: &Core) -> BTreeSet<String> {
    let doors = DOORS.iter().flat_map(|door| door.words).map(|word| (*word).to_owned());
    doors.chain(core.keys().map(|name| name.to_ascii_lowercase())).collect()
}

/// The files that pages with these interpreters can ask for, when their texts have `said` these of the [`words`].
pub fn needed(core: &Core, interpreters: &BTreeSet<Interpreter>, said: &BTreeSet<&str>) -> BTreeSet<String> {
    let open = |from: &str, to: &str| {
        let door = DOORS.iter().find(|door| from.starts_with(door.from) && to.starts_with(door.to));
        door.is_none_or(|door| {
            door.interpreter.is_none_or(|interpreter| interpreters.contains(&interpreter))
                && door.words.iter().any(|word| said.contains(word))
        })
    };
    let named = core.keys().filter(|name| said.contains(&*name.to_ascii_lowercase()));
    let mut way: Vec<&str> = named.map(String::as_str).chain([ENTRY, LICENSE]).collect();
    let mut needed = BTreeSet::new();
    while let Some(name) = way.pop() {
        let Some(text) = core.get(name).filter(|_| needed.insert(name.to_owned())) else { continue };
        way.extend(core.keys().map(String::as_str).filter(|other| text.contains(other) && open(name, other)));
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(interpreter: Interpreter, said: &[&str]) -> Vec<String> {
        let files = [
            ("LICENSE", ""),
            (
                "core-1.js",
                "import('./codemirror-1.js'), './py-editor-1.js' './py-terminal-1.js' './toml-1.js' './zip-1.js' './pyodide_graph-1.js'",
            ),
            ("core.css", ""),
            ("core.js", "export from './core-1.js'"),
            ("codemirror-1.js", "from './codemirror_view-1.js' from './index-1.js'"),
            ("codemirror_view-1.js", ""),
            ("index-1.js", ""),
            ("mpy-1.js", "import('./xterm-1.js')"),
            ("py-editor-1.js", "from './core-1.js'; import('./toml-2.js')"),
            ("py-terminal-1.js", "from './core-1.js'; './xterm.css' import('./mpy-1.js')"),
            ("pyodide_graph-1.js", ""),
            ("storage.js", ""),
            ("toml-1.js", ""),
            ("toml-2.js", ""),
            ("xterm-1.js", ""),
            ("xterm.css", ""),
            ("zip-1.js", ""),
        ];
        let core = files.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let said = said.iter().copied().collect();
        needed(&core, &BTreeSet::from([interpreter]), &said).into_iter().collect()
    }

    const ALWAYS: [&str; 6] =
        ["LICENSE", "core-1.js", "core.js", "py-editor-1.js", "py-terminal-1.js", "toml-1.js"];

    #[test]
    fn a_door_is_open_to_who_says_its_word() {
        assert_eq!(needs(Interpreter::Micropython, &[]), ALWAYS);
        for (interpreter, word, more) in [
            (
                Interpreter::Pyodide,
                "-editor",
                &["codemirror-1.js", "codemirror_view-1.js", "index-1.js", "toml-2.js"][..],
            ),
            (Interpreter::Micropython, "terminal", &["mpy-1.js", "xterm-1.js", "xterm.css"]),
            (Interpreter::Micropython, ".zip", &["zip-1.js"]),
            (Interpreter::Pyodide, ".zip", &[]),
            (Interpreter::Pyodide, "packages", &["pyodide_graph-1.js"]),
            (Interpreter::Micropython, "packages", &[]),
            (Interpreter::Micropython, "core.css", &["core.css"]),
            (Interpreter::Micropython, "zip-1.js", &["zip-1.js"]),
        ] {
            let mut expected = [&ALWAYS[..], more].concat();
            expected.sort_unstable();
            assert_eq!(needs(interpreter, &[word]), expected, "{word}");
        }
    }
}
