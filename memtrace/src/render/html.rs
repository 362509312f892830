//! The flame graph: one HTML file with its style, its script and its data inside, which loads nothing.

use serde_json::json;

use crate::events::{At, Location, Stats, Symbols};
use crate::reduce::tree::{KINDS, Tree};

const PAGE: &str = include_str!("html/flamegraph.html");
const STYLE: &str = include_str!("html/flamegraph.css");
const SCRIPT: &str = include_str!("html/flamegraph.js");

/// What the page shows, in the order of its buttons and of the tree's measures.
pub const KINDS_SHOWN: [At; KINDS] = [At::Peak, At::Leaked, At::Temporary];

/// The page.
pub fn flamegraph(
    command: &[String],
    stats: &Stats,
    tree: &Tree,
    symbols: &Symbols,
) -> serde_json::Result<String> {
    let data = serde_json::to_string(&data(command, stats, tree, symbols))?;
    // Inside a script element only "</script" and "<!--" end it; neither may come from a file name.
    let data = data.replace('<', "\\u003c");
    let title = command.last().map_or("stdin", String::as_str);
    Ok(PAGE
        .replacen("{{title}}", &escaped(title), 1)
        .replacen("{{style}}", STYLE, 1)
        .replacen("{{script}}", SCRIPT, 1)
        .replacen("{{data}}", &data, 1))
}

/// Strings once, nodes as columns: a tree of a hundred thousand nodes is some megabytes.
fn data(command: &[String], stats: &Stats, tree: &Tree, symbols: &Symbols) -> serde_json::Value {
    let mut places = std::collections::HashMap::new();
    let mut locations = Vec::new();
    let mut place = |location: Option<crate::events::LocationId>| {
        location.map_or(-1, |location| {
            *places.entry(location).or_insert_with(|| {
                let Location { function, file, line } = symbols.resolve(location);
                locations.push(json!([function, file, line]));
                i64::try_from(locations.len() - 1).unwrap_or(-1)
            })
        })
    };
    let location: Vec<i64> = tree.nodes.iter().map(|node| place(node.location)).collect();
    let parent: Vec<usize> = tree.nodes.iter().map(|node| node.parent).collect();
    let column = |kind: usize| {
        let bytes: Vec<u64> = tree.nodes.iter().map(|node| node.measures[kind].bytes).collect();
        let blocks: Vec<u64> = tree.nodes.iter().map(|node| node.measures[kind].allocations).collect();
        json!({"bytes": bytes, "blocks": blocks})
    };
    let kinds: serde_json::Map<String, serde_json::Value> = KINDS_SHOWN
        .iter()
        .enumerate()
        .filter_map(|(kind, at)| Some((serde_json::to_value(at).ok()?.as_str()?.to_owned(), column(kind))))
        .collect();
    json!({
        "command": command,
        "stats": stats,
        "locations": locations,
        "parent": parent,
        "location": location,
        "kinds": kinds,
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
