//! The headless browser's core: WebAssembly by wasmtime, JavaScript by QuickJS-ng, one event loop.
//! Must not know what a page, a DOM or Python is; that is the environment scripts' (`pyweb/js`).
//!
//! The rooms, from the outside in:
//!
//! - [`run`]: starts the big-stack thread, evaluates the scripts, turns the event loop, keeps the time limit
//! - `watchdog`: raises the engine's epoch at the deadline
//! - `fork`: copies of a page
//! - `threads`: the page's workers: threads with an engine each, messages, shared memory
//! - [`natives`]: the table of `__native.*` functions that the scripts stand on
//! - `host`: one thread's state, and who may use the wasmtime store when
//! - `wasm`: the WebAssembly JavaScript API: modules, instances, functions, memories, tables, exceptions
//! - `orders`: what the page is told, and the answers that it stands still for
//! - `loader`: ES modules from the site, with corrections and a bytecode cache
//! - `import_map`: what the specifiers of modules mean
//! - `legacy_eh`: rewrites the old WebAssembly exception opcodes into those wasmtime knows
//! - `cache`: compiled code on disk, by content
//! - `quickjs`: the C engine behind owned values and `Result`

mod cache;
mod engine;
mod error;
mod fork;
mod host;
mod import_map;
mod legacy_eh;
mod loader;
pub mod natives;
mod orders;
mod quickjs;
mod run;
mod threads;
mod wasm;
mod watchdog;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use cache::{Cache, Key};
pub use error::HeadlessError;
pub use fork::end_with_parent;
pub use run::{obey, run};

/// One thing a URL names.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type, such as `text/html`.
    pub mime: String,
}

/// Where the engine's resources come from: the page's folder and the runtime files behind one URL space.
///
/// Every thread of the page asks it.
pub trait Site: Send + Sync {
    /// What `url` names (absolute; query and fragment still on it), or nothing.
    fn get(&self, url: &str) -> Option<Resource>;

    /// Where a server would send who asks for a module at `url`; relative imports resolve against that.
    fn moved(&self, _url: &str) -> Option<String> {
        None
    }
}

/// A classic script, evaluated in the global scope.
#[derive(Debug, Clone)]
pub struct Script {
    /// What its stack frames call it.
    pub url: String,
    /// Its text.
    pub source: Cow<'static, str>,
}

/// How to run a page.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long everything may take, from the first script to the last event; each task where there are commands.
    pub time_limit: Duration,
    /// Where compiled code is kept between runs; nothing is kept without it.
    pub cache_dir: Option<PathBuf>,
    /// The page's address; relative URLs of classic scripts resolve against it.
    pub page_url: String,
    /// The ES module to import, through the site, once the scripts have run.
    pub entry: Option<String>,
    /// The ES module that a worker imports in its place.
    pub worker: Option<String>,
    /// What the scripts may read as `__native.config()`.
    pub config: serde_json::Value,
}

/// Who tells a page what to do while it runs.
pub trait Commands: Send {
    /// The next command, a JSON text, as soon as there is one; `Nothing` after `wait`, if there is a limit, or once
    /// `call` can be read, if there is one.
    fn next(&mut self, wait: Option<Duration>, call: Option<BorrowedFd<'_>>) -> Next;
}

/// What [`Commands`] say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Do this.
    Command(String),
    /// Go on with what is due.
    Nothing,
    /// There are no more.
    Closed,
}

/// How much a console message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// `console.debug`
    Debug,
    /// `console.log` and `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`
    Error,
}

/// What happened in the page, as it happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// `__native.print(level, text)`
    Console {
        /// How much it matters.
        level: Level,
        /// The message, without a final line break.
        text: String,
    },
    /// `__native.emit(json)`
    Custom(serde_json::Value),
    /// `__native.give(name, bytes)`
    Given {
        /// What it is.
        name: String,
        /// A copy of it.
        bytes: Vec<u8>,
    },
    /// An error that no script caught, with its JavaScript stack.
    Uncaught {
        /// Name and message.
        message: String,
        /// One frame a line, innermost first.
        stack: String,
    },
}

/// Why the run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// A script called `__native.exit(code)`.
    Done(i32),
    /// No job, timer or message was left.
    Idle,
    /// The time limit passed.
    TimedOut {
        /// What was stopped.
        busy: Busy,
        /// The JavaScript stack that was running, innermost first; empty when waiting.
        stack: String,
    },
}

/// What a page was doing when its time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Busy {
    /// Running WebAssembly (so usually Python).
    WebAssembly,
    /// Running JavaScript.
    JavaScript,
    /// One of the two; a real browser does not say which.
    Scripts,
    /// Nothing: it waited for a timer.
    Waiting,
}
