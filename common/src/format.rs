//! Who reads the output: people or a program. Must not know what is printed.

use std::io::IsTerminal;

/// The form of what a tool writes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text for people
    Human,
    /// One JSON record a line
    Jsonl,
}

impl Format {
    /// The form asked for; else [`Format::Human`] on a terminal and [`Format::Jsonl`] in a pipe or file.
    pub fn resolve(asked: Option<Format>) -> Format {
        asked.unwrap_or(if std::io::stdout().is_terminal() { Format::Human } else { Format::Jsonl })
    }
}
