//! What a page under way says that somebody waits for, and how a step fails. Must not know who waits.

use serde_json::Value;

use crate::headless::Ended;
use crate::page::progress::Refusal;

/// A step that could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Why, for programs.
    pub code: String,
    /// Why, for people.
    pub message: String,
    /// Python's traceback, if it is about one.
    pub traceback: String,
}

impl Failed {
    /// A failure without a traceback.
    pub fn new(code: &str, message: impl Into<String>) -> Failed {
        Failed { code: code.to_owned(), message: message.into(), traceback: String::new() }
    }
}

/// The code of a step that must be carried out again on the page that this one goes to.
pub const NAVIGATED: &str = "navigated";
/// The steps that only look, so that they may begin anew on another page.
pub const LOOKING: [&str; 5] = ["expect", "read", "wait_for", "wait_for_function", "wait_for_url"];

/// What a page says that somebody waits for.
pub enum Signal {
    /// It goes to another page.
    Leaving,
    /// The answer to a command.
    Answer(u64, Value, Option<Refusal>),
    /// It is ready.
    Ready,
    /// A copy has ended.
    ForkEnded(i32),
    /// It has ended.
    Ended(Ended),
    /// Its process is gone without a word.
    Gone,
    /// It said nothing in time.
    Late,
}
