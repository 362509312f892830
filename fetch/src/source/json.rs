//! Requests from JSON on standard input: one object after the other, on one line or on many.
//! Must not know whose JSON it is; the documents of npm and pip are read in `documents`.

use std::cell::Cell;
use std::io::{BufReader, Read};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::{Access, Address, Process, Request, documents};
use crate::error::Error;
use crate::events::OWN_KEYS;
use crate::hash::Digest;

/// What is wrong with an object that says of nothing where it is.
const NO_URL: &str = "neither \"url\" nor \"urls\" is given";
/// The type of the records that are requests as well, so that the output of one run pins the next.
const FINISHED: &str = "fetch.file.finished";

/// The requests in a stream of JSON values, each as soon as its last bracket was read.
///
/// The first error is the last item.
pub fn read_json(input: impl Read) -> impl Iterator<Item = Result<Request, Error>> {
    read_json_as(input, Unaddressed::Refused)
}

/// What becomes of an object that has a name but no URL.
#[derive(Clone, Debug)]
pub enum Unaddressed {
    /// It is an error.
    Refused,
    /// The file lies below this base URL.
    Below(Address),
    /// It is a request without a URL: one that is not to be got.
    Taken,
}

/// The same with names that need no URL.
pub fn read_json_as(
    input: impl Read,
    unaddressed: Unaddressed,
) -> impl Iterator<Item = Result<Request, Error>> {
    let line = Rc::new(Cell::new(1));
    let input = LineCounter { input: BufReader::new(input), line: Rc::clone(&line) };
    let mut values = serde_json::Deserializer::from_reader(input).into_iter::<Value>();
    let mut failed = false;
    let requests = std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let requests = match values.next()? {
            Ok(value) => from_json(value, &unaddressed)
                .map_err(|problem| Error::BadObject { line: line.get(), problem }),
            Err(cause) if cause.is_io() => Err(Error::Input { cause: cause.into() }),
            Err(cause) => Err(Error::NotJson { line: cause.line(), cause }),
        };
        failed = requests.is_err();
        Some(match requests {
            Ok(requests) => requests.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    });
    requests.flatten()
}

/// The requests in one JSON value: an object of ours, a document of npm or pip, or an array of any of them.
pub fn from_json(value: Value, unaddressed: &Unaddressed) -> Result<Vec<Request>, String> {
    match value {
        Value::Array(values) => {
            let requests: Result<Vec<_>, _> =
                values.into_iter().map(|value| from_json(value, unaddressed)).collect();
            Ok(requests?.concat())
        }
        Value::Object(object) => match documents::recognize(&object)? {
            Some(requests) => Ok(requests),
            None => Ok(from_object(object, unaddressed)?.into_iter().collect()),
        },
        _ => Err("neither an object nor an array".into()),
    }
}

/// A request in our own words; nothing for a record of another type.
fn from_object(mut object: Map<String, Value>, unaddressed: &Unaddressed) -> Result<Option<Request>, String> {
    if object.get("type").and_then(Value::as_str).is_some_and(|kind| kind.contains('.') && kind != FINISHED) {
        return Ok(None);
    }
    let mut addresses = addresses(&mut object)?;
    if addresses.is_empty() && matches!(unaddressed, Unaddressed::Refused) {
        return Err(NO_URL.into());
    }
    let access = Access::take(&mut object).map_err(|bad| bad.to_string())?;
    let name = take_text(&mut object, "name")?;
    let named = name.is_some();
    if let (true, Unaddressed::Below(base), Some(name)) = (addresses.is_empty(), unaddressed, &name) {
        addresses.push(base.join(name));
    }
    let name = match (name, addresses.first()) {
        (Some(name), Some(_)) => name,
        (None, Some(first)) => first.file_name(),
        (Some(name), None) if matches!(unaddressed, Unaddressed::Taken) => name,
        (_, None) => return Err(NO_URL.into()),
    };
    let dest = take_text(&mut object, "dest")?;
    let hash = take_text(&mut object, "hash")?;
    let digest = take_text(&mut object, "digest")?;
    let expected: Option<Digest> =
        hash.or(digest).map(|hash| hash.parse().map_err(|error| format!("bad hash: {error}"))).transpose()?;
    let process = object.remove("process").filter(|process| !process.is_null());
    let process = process.map(Process::from_json).transpose()?;
    object.retain(|key, _| !OWN_KEYS.contains(&key.as_str()));
    let (locked, who, extra) = (None, Vec::new(), object);
    Ok(Some(Request { name, addresses, named, access, who, expected, locked, dest, process, extra }))
}

fn addresses(object: &mut Map<String, Value>) -> Result<Vec<Address>, String> {
    let mut texts: Vec<String> = take_text(object, "url")?.into_iter().collect();
    match object.remove("urls") {
        None | Some(Value::Null) => {}
        Some(Value::Array(values)) => {
            for value in values {
                let Value::String(text) = value else {
                    return Err("\"urls\" is not an array of strings".into());
                };
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
        }
        Some(_) => return Err("\"urls\" is not an array of strings".into()),
    }
    texts.iter().map(|text| Address::parse(text).map_err(|error| error.to_string())).collect()
}

fn take_text(object: &mut Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match object.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{key:?} is not a string")),
    }
}

/// Counts the line that the parser has come to; the parser reads byte by byte and never ahead.
struct LineCounter<R> {
    input: BufReader<R>,
    line: Rc<Cell<usize>>,
}

impl<R: Read> Read for LineCounter<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(bytes)?;
        let newlines = bytes[..read].split(|byte| *byte == b'\n').count() - 1;
        self.line.set(self.line.get() + newlines);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<Request, String>> {
        read_json(text.as_bytes()).map(|item| item.map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn an_object_in_our_words_keeps_its_own_keys() {
        let text = r#"{"urls":["http://a/x","http://b/x"],"name":"n","hash":"md5:900150983cd24fb0d6963f7d28e17f72","dest":"d/n","v":9,"mine":[1]}"#;
        let requests = read(text);
        let request = requests[0].clone().unwrap_or_else(|_| unreachable!());
        assert_eq!(request.addresses.len(), 2);
        assert_eq!((request.name.as_str(), request.dest.as_deref()), ("n", Some("d/n")));
        assert_eq!(Value::Object(request.extra), serde_json::json!({"mine": [1]}));
    }

    #[test]
    fn records_pin_the_next_run_and_their_frame_is_passed_over() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let requests = read(&format!(
            "{{\"type\":\"fetch.run.started\"}}\n{{\"type\":\"fetch.file.finished\",\"url\":\"http://a/x\",\"digest\":\"{digest}\",\"status\":\"cached\"}}\n"
        ));
        assert_eq!(requests.len(), 1);
        let pinned = requests[0].as_ref().ok().and_then(|request| request.expected.as_ref());
        assert_eq!(pinned.map(Digest::to_string), Some(digest));
    }

    #[test]
    fn the_line_of_an_error_is_named() {
        let said = |text: &str| read(text).pop().and_then(Result::err).unwrap_or_default();
        let good = "{\"url\":\"http://a/x\"}\n";
        assert_eq!(said(&format!("{good}{{\"name\":1}}\n")), "line 2: neither \"url\" nor \"urls\" is given");
        assert_eq!(said(&format!("{good}{good}nope\n")), "line 3 is not JSON");
        assert_eq!(said("{\n\"url\":\n7}"), "line 3: \"url\" is not a string");
        assert_eq!(said("[1]"), "line 1: neither an object nor an array");
    }
}
