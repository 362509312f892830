//! Records read back: from a pipe, a file, or the last run in a folder. Must not know what they add up to.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use common::fs::FileError;
use common::reader::{Line, lines};
use common::record::{RunFailed, RunFinished, RunStarted};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Error;
use crate::events::{Heard, Record};

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A pipe.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Stdin => f.write_str("standard input"),
            Input::File(path) => path.display().fmt(f),
        }
    }
}

/// What an input says, as it comes; types that nobody here knows are passed over.
pub fn read(input: &Input) -> Result<impl Iterator<Item = Result<Heard, Error>> + use<'_>, Error> {
    let source: Box<dyn BufRead> = match input {
        Input::Stdin => Box::new(io::stdin().lock()),
        Input::File(path) => Box::new(BufReader::new(File::open(path).map_err(FileError::at("read", path))?)),
    };
    Ok(parse(source, input))
}

/// The same of what is already at hand; `input` is for messages.
pub fn parse(source: impl BufRead, input: &Input) -> impl Iterator<Item = Result<Heard, Error>> {
    lines(source).filter_map(move |line| match line {
        Ok(line) => heard(&line, input).transpose(),
        Err(cause) => Some(Err(Error::Records { input: input.to_string(), cause })),
    })
}

fn heard(line: &Line, input: &Input) -> Result<Option<Heard>, Error> {
    let kind = line.kind().unwrap_or_default();
    Ok(match kind.split_once(".run.") {
        Some((tool, "started")) => {
            Some(Heard::RunStarted { tool: tool.to_owned(), started: known::<RunStarted>(line, input)? })
        }
        Some((_, "failed")) => Some(Heard::RunFailed(known::<RunFailed>(line, input)?)),
        Some((_, "finished")) => {
            let at_us = line.object.get("at_us").and_then(Value::as_u64).unwrap_or(0);
            Some(Heard::RunFinished { at_us, finished: known::<RunFinished>(line, input)? })
        }
        _ if kind == "test.finished" => Some(Heard::Record(known(line, input)?)),
        _ => line.decode::<Record>().map(Heard::Record),
    })
}

/// A record that must not be passed over, for it counts.
fn known<R: DeserializeOwned>(line: &Line, input: &Input) -> Result<R, Error> {
    line.decode().ok_or_else(|| Error::Record {
        input: input.to_string(),
        line: line.number,
        kind: line.kind().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Heard>, Error> {
        parse(text.as_bytes(), &Input::Stdin).collect()
    }

    #[test]
    fn what_is_not_known_is_passed_over_and_what_is_broken_is_named() {
        let other = "{\"v\":1,\"seq\":0,\"at_us\":0,\"type\":\"pyweb.page.ready\",\"page\":\"a\"}\n";
        assert_eq!(read(other).unwrap(), []);
        let halted = "{\"type\":\"testfan.run.halted\",\"reason\":\"no\"}";
        assert_eq!(read(halted).unwrap(), [Heard::Record(Record::Halted { reason: "no".into() })]);
        let broken = format!("{other}{{\"type\":\"test.finished\",\"id\":\"a\"}}\n");
        let said = read(&broken).unwrap_err().to_string();
        assert_eq!(said, "line 2 of standard input is no test.finished record");
        let said = read("nothing\n").unwrap_err().to_string();
        assert_eq!(said, "failed to read the records of standard input");
    }
}
