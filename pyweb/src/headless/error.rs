//! Why a page could not be run at all. What goes wrong inside the page is an event, not an error.

use common::Explain;

/// A run that could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum HeadlessError {
    /// wasmtime refused its configuration.
    #[error("failed to start the WebAssembly engine")]
    Engine(#[source] anyhow::Error),
    /// QuickJS could not be started.
    #[error("failed to start the JavaScript engine")]
    JavaScript,
    /// The engine's thread, with its big stack, could not be started.
    #[error("failed to start a thread with a stack of {mebibytes} MiB")]
    Thread {
        /// The stack asked for.
        mebibytes: usize,
        /// The system's words.
        #[source]
        cause: std::io::Error,
    },
    /// The thread that keeps the time could not be started.
    #[error("failed to start a thread")]
    Watchdog(#[source] std::io::Error),
    /// The engine's thread panicked.
    #[error("the headless browser stopped unexpectedly: {0}")]
    Panicked(String),
    /// One of the environment's scripts, or the entry module, threw.
    #[error("{url} failed: {message}\n{stack}")]
    Script {
        /// Which.
        url: String,
        /// The error's name and message.
        message: String,
        /// Its JavaScript stack.
        stack: String,
    },
}

impl Explain for HeadlessError {
    fn hint(&self) -> Option<String> {
        match self {
            HeadlessError::Thread { .. } => Some("raise the memory limit (ulimit -v)".into()),
            HeadlessError::Panicked(_) | HeadlessError::Engine(_) | HeadlessError::JavaScript => {
                Some("this is a bug in pyweb; please report it with the page".into())
            }
            HeadlessError::Script { .. } | HeadlessError::Watchdog(_) => None,
        }
    }
    fn code(&self) -> &'static str {
        match self {
            HeadlessError::Script { .. } => "script_failed",
            _ => "engine_failed",
        }
    }
}
