//! The two interpreters and where a bundle has them. Must not know how pages are written.

/// A Python interpreter for WebAssembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interpreter {
    /// `type="mpy"`
    Micropython,
    /// `type="py"`
    Pyodide,
}

impl Interpreter {
    /// Both.
    pub const ALL: [Interpreter; 2] = [Interpreter::Micropython, Interpreter::Pyodide];

    /// The word that stands for it in `<script type>` and in tag names.
    pub fn tag(self) -> &'static str {
        match self {
            Interpreter::Micropython => "mpy",
            Interpreter::Pyodide => "py",
        }
    }

    /// The module that loads it, from the bundle's root.
    pub fn module(self) -> &'static str {
        match self {
            Interpreter::Micropython => "pyscript/micropython/micropython.mjs",
            Interpreter::Pyodide => "pyscript/pyodide/pyodide.mjs",
        }
    }
}

/// The way from the folder of `file` to the bundle's root: `./`, `../`, `../../`, …
pub fn way_up(file: &str) -> String {
    match file.matches('/').count() {
        0 => "./".into(),
        depth => "../".repeat(depth),
    }
}
