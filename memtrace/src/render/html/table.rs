//! The table's data.

use serde_json::{Map, Value, json};

use super::{KINDS_SHOWN, Numbered, Parts, Places, Subject, column, page, threads, view};
use crate::reduce::Measure;
use crate::reduce::rows::Rows;

const PARTS: Parts = Parts {
    body: include_str!("table.html"),
    style: include_str!("table.css"),
    scripts: &[include_str!("table.js")],
};

/// The page.
pub fn table(subject: &Subject, rows: &Rows) -> serde_json::Result<String> {
    page(&PARTS, subject, &data(subject, rows))
}

fn data(subject: &Subject, rows: &Rows) -> Value {
    let Rows { shown, left_out } = rows;
    let (mut lines, mut thread_numbers, mut allocators) = (Numbered::new(), Numbered::new(), Numbered::new());
    // On the page 0 is code outside Python.
    let line = |location: Option<_>| location.map_or(0, |location| 1 + lines.number(location));
    let mut columns = Map::new();
    let mut put = |name: String, numbers: String| drop(columns.insert(name, numbers.into()));
    put("location".into(), column(shown.iter().map(|row| row.location).map(line)));
    put("thread".into(), column(shown.iter().map(|row| thread_numbers.number(row.thread))));
    put("allocator".into(), column(shown.iter().map(|row| allocators.number(row.allocator))));
    for (kind, at) in KINDS_SHOWN.iter().enumerate() {
        let amounts =
            |value: fn(Measure) -> u64| column(shown.iter().map(move |row| value(row.measures[kind])));
        put(format!("{}_bytes", at.name()), amounts(|measure| measure.bytes));
        put(format!("{}_blocks", at.name()), amounts(|measure| measure.allocations));
    }
    let places = Places::new(&lines.all, subject.symbols);
    let allocators = allocators.all.iter().map(|allocator| subject.symbols.allocator_name(allocator.index()));
    json!({
        "command": subject.command,
        "stats": subject.stats,
        "view": view(subject.at),
        "threads": threads(&thread_numbers.all, subject.symbols),
        "allocators": allocators.collect::<Vec<_>>(),
        "functions": places.functions,
        "files": places.files,
        "locations": places.all,
        "rows": columns,
        "left_out": left_out,
    })
}
