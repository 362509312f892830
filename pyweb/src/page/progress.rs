//! What the page tells of itself through `__native.emit`, as `js/load.mjs`, `js/session.mjs` and `js/python.mjs` word it.
//! Must not know what it means for the run.

use serde::Deserialize;

/// One word from inside the page.
#[derive(Clone, Debug, Deserialize, PartialEq)]
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
    Ready {
        /// Whether it has workers, so that it cannot be copied.
        #[serde(default)]
        workers: bool,
    },
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
    /// A command has been carried out, or could not be.
    Answer {
        /// The number it came with.
        seq: u64,
        /// Its value, where it has one.
        #[serde(default)]
        value: serde_json::Value,
        /// Why it could not be carried out.
        failure: Option<Refusal>,
    },
    /// A request of the page waits for the test's answer.
    Request {
        /// Its number.
        request: u64,
        /// The route that it takes, as the test numbered it.
        route: serde_json::Value,
        /// Its address.
        url: String,
        /// Its method.
        method: String,
        /// Its headers.
        headers: std::collections::BTreeMap<String, String>,
        /// Its body as text.
        post_data: Option<String>,
    },
    /// A dialog stands open until the test answers it.
    Dialog {
        /// Its number.
        dialog: u64,
        /// Which it is.
        what: crate::events::DialogKind,
        /// What it says.
        message: String,
        /// What a prompt suggests.
        default_value: String,
    },
    /// The page goes to another address of its site.
    Navigate(Way),
    /// A copy of the page has ended.
    ForkEnded {
        /// Its exit code, 128 + the signal that ended it, or -1 when it could not be made.
        status: i32,
    },
    /// The document as it is at the end.
    Rendered {
        /// Its markup.
        html: String,
    },
}

/// Where a page goes, and how.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Way {
    /// The address.
    pub url: String,
    /// Where the page has been, as `js/history.mjs` has it, and how the next comes to that.
    pub history: serde_json::Value,
    /// The method of the form that leads there, where it does not just get the page.
    pub method: Option<String>,
    /// The next page's text, where the test has answered that form.
    pub document: Option<String>,
}

/// Why a command could not be carried out.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Refusal {
    /// For programs, such as `timeout`; `python_raised` when `message` is a traceback.
    pub code: String,
    /// For people.
    pub message: String,
}
