//! Pages: each one HTML file with its style, its script and its data inside, which loads nothing.

mod flamegraph;
mod table;

use std::collections::HashMap;
use std::hash::Hash;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::events::{At, LocationId, Stats, Symbols};
use crate::reduce::tree::KINDS;

pub use flamegraph::{Flamegraph, flamegraph};
pub use table::table;

/// What the pages show, in the order of their buttons and of a tree's measures.
pub const KINDS_SHOWN: [At; KINDS] = [At::Peak, At::Leaked, At::Temporary];

const SHARED_PAGE: &str = include_str!("html/page.html");
const SHARED_STYLE: &str = include_str!("html/page.css");
const SHARED_SCRIPT: &str = include_str!("html/page.js");

/// What every page says.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The program and its arguments.
    pub command: &'a [String],
    /// The whole in numbers.
    pub stats: &'a Stats,
    /// What the numbers in the answers stand for.
    pub symbols: &'a Symbols,
    /// What is shown first.
    pub at: At,
}

/// A page's own parts.
struct Parts {
    body: &'static str,
    style: &'static str,
    scripts: &'static [&'static str],
}

fn page(parts: &Parts, subject: &Subject, data: &Value) -> serde_json::Result<String> {
    // Inside a script element only "</script" and "<!--" end it; neither may come from a file name.
    let data = serde_json::to_string(data)?.replace('<', "\\u003c");
    let title = escaped(subject.command.last().map_or("stdin", String::as_str));
    let style = format!("{SHARED_STYLE}{}", parts.style);
    let script = format!("{SHARED_SCRIPT}{}", parts.scripts.concat());
    let filling = |name: &str| match name {
        "title" => title.as_str(),
        "body" => parts.body,
        "style" => &style,
        "script" => &script,
        _ => &data,
    };
    let mut whole =
        String::with_capacity(SHARED_PAGE.len() + parts.body.len() + style.len() + script.len() + data.len());
    for (index, piece) in SHARED_PAGE.split("{{").enumerate() {
        // What is filled in is not looked at again, whatever it holds.
        match piece.split_once("}}").filter(|_| index > 0) {
            Some((name, rest)) => whole.extend([filling(name), rest]),
            None => whole.push_str(piece),
        }
    }
    Ok(whole)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Numbers as a page reads them fastest and they take least: seven bits a byte, in base64.
fn column(numbers: impl IntoIterator<Item = u64>) -> String {
    let mut bytes = Vec::new();
    for mut number in numbers {
        while number >= 0x80 {
            bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        bytes.push(number.to_le_bytes()[0]);
    }
    STANDARD.encode(bytes)
}

/// A number of either sign: the lowest bit says which.
fn signed(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

/// Things by the numbers that they get on a page, in the order in which they were met.
struct Numbered<T> {
    all: Vec<T>,
    numbers: HashMap<T, u64>,
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn new() -> Self {
        Numbered { all: Vec::new(), numbers: HashMap::new() }
    }

    fn number(&mut self, thing: T) -> u64 {
        let next = self.all.len() as u64;
        *self.numbers.entry(thing).or_insert_with_key(|thing| {
            self.all.push(thing.clone());
            next
        })
    }
}

/// The locations of a page, each function and file once.
struct Places {
    functions: Vec<String>,
    files: Vec<String>,
    /// The numbers of function and file, and the line.
    all: Vec<[u64; 3]>,
}

impl Places {
    fn new(locations: &[LocationId], symbols: &Symbols) -> Places {
        let (mut functions, mut files) = (Numbered::new(), Numbered::new());
        let place = |&location: &LocationId| {
            let location = symbols.resolve(location);
            [functions.number(location.function.as_str()), files.number(&location.file), location.line.into()]
        };
        let all = locations.iter().map(place).collect();
        let owned = |text: &&str| (*text).to_owned();
        Places {
            functions: functions.all.iter().map(owned).collect(),
            files: files.all.into_iter().cloned().collect(),
            all,
        }
    }
}

fn threads(threads: &[u32], symbols: &Symbols) -> Value {
    let named = threads.iter().map(|&id| json!({"id": id, "name": symbols.thread_name(id)}));
    named.collect()
}

fn view(at: At) -> Value {
    json!({"kind": at})
}
