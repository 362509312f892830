//! Reads records and other JSON from a pipe, naming the line where something is wrong.
//! Must not know which types exist: a type nobody asks for is skipped by whoever reads.

use std::io::BufRead;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::Explain;

/// An input line that is not a JSON object.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The line is not JSON.
    #[error("line {line} is not JSON")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// The parser's words.
        #[source]
        cause: serde_json::Error,
    },
    /// The line is JSON, but not an object.
    #[error("line {line} is not a JSON object")]
    NotAnObject {
        /// Counted from 1.
        line: usize,
    },
    /// The pipe or file could not be read.
    #[error("failed to read line {line}")]
    Io {
        /// Counted from 1.
        line: usize,
        /// The system's words.
        #[source]
        cause: std::io::Error,
    },
}

impl Explain for ReadError {
    fn hint(&self) -> Option<String> {
        match self {
            ReadError::Io { .. } => None,
            _ => Some("give one JSON object a line, as the tools write with --format jsonl".into()),
        }
    }
    fn code(&self) -> &'static str {
        "bad_input"
    }
}

/// One object read from a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    /// The object, its keys in the order they came.
    pub object: Map<String, Value>,
}

impl Line {
    /// The record's type, if it has one.
    pub fn kind(&self) -> Option<&str> {
        self.object.get("type").and_then(Value::as_str)
    }

    /// The object as `R`, or nothing when its type is none that `R` knows.
    pub fn decode<R: DeserializeOwned>(&self) -> Option<R> {
        serde_json::from_value(Value::Object(self.object.clone())).ok()
    }
}

/// The objects of a JSON-lines stream, one a line; blank lines are passed over.
pub fn lines(input: impl BufRead) -> impl Iterator<Item = Result<Line, ReadError>> {
    input.lines().enumerate().filter_map(|(index, line)| {
        let number = index + 1;
        match line {
            Err(cause) => Some(Err(ReadError::Io { line: number, cause })),
            Ok(text) if text.trim().is_empty() => None,
            Ok(text) => Some(object(number, &text)),
        }
    })
}

fn object(number: usize, text: &str) -> Result<Line, ReadError> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(Line { number, object }),
        Ok(_) => Err(ReadError::NotAnObject { line: number }),
        Err(cause) => Err(ReadError::NotJson { line: number, cause }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named() {
        let read: Vec<_> = lines("{\"a\":1}\n\n[2]\n{nope\n".as_bytes()).collect();
        assert!(matches!(&read[0], Ok(line) if line.number == 1));
        assert!(matches!(&read[1], Err(ReadError::NotAnObject { line: 3 })));
        assert!(matches!(&read[2], Err(ReadError::NotJson { line: 4, .. })));
    }
}
