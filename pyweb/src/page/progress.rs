//! What the page tells of itself through `__native.emit`, as `js/page.mjs` and `js/python.mjs` word it.
//! Must not know what it means for the run.

use serde::Deserialize;

/// One word from inside the page.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Progress {
    /// The page has this Python script.
    Script {
        /// Its number in the page, from 0.
        index: u32,
        /// Its file.
        file: String,
        /// The page's line where its tag or text begins.
        line: u32,
    },
    /// PyScript says that this script is done.
    ScriptDone {
        /// Its number in the page.
        index: u32,
    },
    /// The page's own scripts and modules have been loaded.
    Loaded {
        /// Whether PyScript's core is among them.
        core: bool,
        /// How many Python scripts ask for a worker.
        workers: u32,
    },
    /// Python begins to run this code.
    Running {
        /// Its file.
        file: String,
        /// Its first line there.
        line: u32,
    },
    /// Lines of a file and the numbers that Python has for them.
    Source {
        /// The file.
        file: String,
        /// The number of the first of them.
        first: u32,
        /// Its real line.
        line: u32,
        /// How many there are.
        count: u32,
    },
    /// Every Python script is done and nothing is about to happen.
    Ready,
    /// A step that was asked for begins.
    Step {
        /// As it was asked for.
        text: String,
    },
    /// A Python exception that nothing caught: its traceback.
    Python {
        /// The traceback.
        text: String,
    },
    /// An error without a Python traceback: PyScript's own, such as a script that is not there, or JavaScript's.
    Pyscript {
        /// Its message.
        text: String,
    },
    /// An error of the page's JavaScript that nothing caught, with its stack.
    Uncaught {
        /// Message and stack.
        text: String,
    },
    /// PyScript put an error box into the page.
    Notice {
        /// What it says.
        text: String,
    },
    /// A selector that is none.
    BadSelector {
        /// The selector.
        selector: String,
        /// Why.
        message: String,
    },
    /// A test function inside the page begins.
    TestStarted {
        /// Its module.
        file: String,
        /// Its name.
        name: String,
    },
    /// It ended.
    TestFinished {
        /// Its module.
        file: String,
        /// Its name.
        name: String,
        /// The traceback, when it raised.
        failure: Option<String>,
    },
    /// The document as it is at the end.
    Rendered {
        /// Its markup.
        html: String,
    },
}
