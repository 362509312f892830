//! A failure as people and programs see it: message, causes, hint, code, exit code.
//! Must not know which errors a tool has; those are typed in the tool's own `error.rs`.

use std::error::Error;
use std::fmt;

use crate::exit::Exit;

/// What a tool's typed error adds to its message.
///
/// Messages are lowercase fragments that fit behind "failed to …" or stand alone behind "error:".
pub trait Explain: Error {
    /// What the reader should do about it, as one sentence fragment.
    fn hint(&self) -> Option<String> {
        None
    }
    /// A stable word for programs, such as `hash_mismatch`.
    fn code(&self) -> &'static str {
        "failed"
    }
    /// The exit code, [`Exit::CANNOT`] unless the error is itself an answer.
    fn exit(&self) -> Exit {
        Exit::CANNOT
    }
}

/// A fatal error at the edge of a program, ready to be shown.
#[derive(Debug)]
pub struct Failure {
    /// The outermost message.
    pub message: String,
    /// The messages below it, outermost first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// A stable word for programs.
    pub code: &'static str,
    /// The exit code.
    pub exit: Exit,
}

impl Failure {
    /// A failure without causes, which ends the program with [`Exit::CANNOT`].
    pub fn new(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            code: "failed",
            exit: Exit::CANNOT,
        }
    }

    /// The same failure with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The message and its causes on one line.
    pub fn chain(&self) -> String {
        std::iter::once(&self.message).chain(&self.causes).cloned().collect::<Vec<_>>().join(": ")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain())
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        let causes = error.source().into_iter().flat_map(anyhow::Chain::new).map(ToString::to_string);
        let message = error.to_string();
        Failure {
            causes: distinct(&message, causes),
            message,
            hint: error.hint(),
            code: error.code(),
            exit: error.exit(),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let message = error.to_string();
        let causes = error.chain().skip(1).map(ToString::to_string);
        Failure { causes: distinct(&message, causes), ..Failure::new(message) }
    }
}

/// Leaves out a cause that its parent's message already ends with.
fn distinct(message: &str, causes: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for cause in causes {
        let above = kept.last().map_or(message, String::as_str);
        if !above.ends_with(&cause) {
            kept.push(cause);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("failed to read {path}")]
    struct Unreadable {
        path: &'static str,
        #[source]
        cause: std::io::Error,
    }

    impl Explain for Unreadable {
        fn hint(&self) -> Option<String> {
            Some("check its permissions".into())
        }
    }

    #[test]
    fn a_typed_error_keeps_its_causes_and_its_hint() {
        let failure =
            Failure::from(Unreadable { path: "a.txt", cause: std::io::Error::other("disk on fire") });
        assert_eq!(failure.to_string(), "failed to read a.txt: disk on fire");
        assert_eq!(failure.hint.as_deref(), Some("check its permissions"));
        assert_eq!(failure.exit, Exit::CANNOT);
    }

    #[test]
    fn a_cause_already_said_is_not_said_twice() {
        let error = anyhow::anyhow!("no such file").context("failed to open x: no such file");
        assert_eq!(Failure::from(error).to_string(), "failed to open x: no such file");
    }
}
