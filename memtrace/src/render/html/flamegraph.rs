//! The flame graph's data.

use serde_json::{Value, json};

use super::{KINDS_SHOWN, Numbered, Parts, Places, Subject, column, page, signed, threads, view};
use crate::events::LocationId;
use crate::reduce::Measure;
use crate::reduce::timeline::{EVENTS_PER_TICK, History, Unit};
use crate::reduce::tree::{Tree, What};

const PARTS: Parts = Parts {
    body: include_str!("flamegraph.html"),
    style: include_str!("flamegraph.css"),
    scripts: &[include_str!("calls.js"), include_str!("plot.js"), include_str!("flamegraph.js")],
};

/// The numbers on the page for what is no thread and no line: see `calls.js`.
const ROOT: u64 = 0;
const OUTSIDE: u64 = 1;
const SMALL: u64 = 2;
const FIRST_THREAD: u64 = 3;

/// What a flame graph shows.
#[derive(Debug)]
pub struct Flamegraph<'a> {
    /// The calls, with a level of threads.
    pub tree: &'a Tree,
    /// Memory over time.
    pub history: &'a History,
    /// How many allocations may lie between one and its free for it to be temporary.
    pub threshold: u32,
    /// Callees first.
    pub inverted: bool,
    /// Threads apart.
    pub split_threads: bool,
}

/// The page.
pub fn flamegraph(subject: &Subject, graph: &Flamegraph) -> serde_json::Result<String> {
    page(&PARTS, subject, &data(subject, graph))
}

/// Strings once, nodes as columns: a tree of fifty thousand nodes is about a megabyte.
fn data(subject: &Subject, graph: &Flamegraph) -> Value {
    let nodes = &graph.tree.nodes;
    let (mut thread_numbers, mut lines) = (Numbered::new(), Numbered::new());
    for node in nodes {
        if let What::Thread(thread) = node.what {
            thread_numbers.number(thread);
        }
    }
    let first_line = FIRST_THREAD + thread_numbers.all.len() as u64;
    let whats: Vec<u64> = nodes
        .iter()
        .map(|node| match node.what {
            What::Root => ROOT,
            What::Outside => OUTSIDE,
            What::Small => SMALL,
            What::Thread(thread) => FIRST_THREAD + thread_numbers.number(thread),
            What::Line(location) => first_line + lines.number(location),
        })
        .collect();
    let places = Places::new(&lines.all as &[LocationId], subject.symbols);
    let place = |field: usize| column(places.all.iter().map(move |place| place[field]));
    let own =
        |kind: usize, value: fn(Measure) -> u64| column(nodes.iter().map(move |node| value(node.own[kind])));
    let own: serde_json::Map<String, Value> = KINDS_SHOWN
        .iter()
        .enumerate()
        .map(|(kind, at)| {
            let measures = json!({
                "bytes": own(kind, |measure| measure.bytes),
                "blocks": own(kind, |measure| measure.allocations),
            });
            (at.name().to_owned(), measures)
        })
        .collect();
    let mut view = view(subject.at);
    view["inverted"] = graph.inverted.into();
    view["threads"] = graph.split_threads.into();
    json!({
        "command": subject.command,
        "stats": subject.stats,
        "view": view,
        "threshold": graph.threshold,
        "threads": threads(&thread_numbers.all, subject.symbols),
        "functions": places.functions,
        "files": places.files,
        "locations": {"function": place(0), "file": place(1), "line": place(2)},
        "nodes": {
            "count": nodes.len(),
            "up": column(nodes.iter().enumerate().map(|(index, node)| (index - node.parent) as u64)),
            "what": column(whats),
        },
        "own": own,
        "timeline": timeline(graph.history),
        "lives": lives(graph.tree),
    })
}

fn timeline(history: &History) -> Value {
    let moments = &history.moments;
    let (unit, per_tick) = match history.unit {
        Unit::Milliseconds => ("ms", 1),
        Unit::Events => ("events", EVENTS_PER_TICK),
    };
    json!({
        "unit": unit,
        "ticks": history.ticks_per_moment * per_tick,
        "most": column(moments.iter().map(|moment| moment.most)),
        "last": column(moments.iter().map(|moment| moment.last)),
        "resident": column(moments.iter().map(|moment| moment.resident)),
    })
}

fn lives(tree: &Tree) -> Value {
    let lives = &tree.lives;
    let before = std::iter::once(0).chain(lives.iter().map(|life| life.node));
    json!({
        "node": column(lives.iter().zip(before).map(|(life, before)| (life.node - before) as u64)),
        "born": column(lives.iter().map(|life| life.born.into())),
        // How many moments it lived; 0 stands for all that were left.
        "lived": column(lives.iter().map(|life| life.died.map_or(0, |died| (died - life.born).into()))),
        "bytes": column(lives.iter().map(|life| life.bytes)),
        "blocks": column(lives.iter().map(|life| signed(life.blocks))),
    })
}
