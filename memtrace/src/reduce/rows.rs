//! Sites to the rows of a table: one for each line of code, thread and allocator.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::events::{AllocatorId, LocationId, Symbols};
use crate::reduce::Measure;
use crate::reduce::tree::{KINDS, Sited};

/// Some rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The largest, those first that are so in the first kind.
    pub shown: Vec<Row>,
    /// How many others there are.
    pub left_out: u64,
}

/// What one line of code asked for itself, in one thread, from one allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which line; none stands for code outside Python.
    pub location: Option<LocationId>,
    /// The kernel's id of the thread.
    pub thread: u32,
    /// The function that gave the memory.
    pub allocator: AllocatorId,
    /// How much, in each kind.
    pub measures: [Measure; KINDS],
}

/// The `most` largest rows of all sites.
pub fn rows(kinds: [&Sited; KINDS], symbols: &Symbols, most: usize) -> Rows {
    let mut rows: HashMap<_, [Measure; KINDS]> = HashMap::new();
    for (kind, sited) in kinds.into_iter().enumerate() {
        for &(site, measure) in sited {
            let location = symbols.call(site.stack).map(|(_, location)| location);
            rows.entry((location, site.thread, site.allocator)).or_default()[kind] += measure;
        }
    }
    let row = |((location, thread, allocator), measures)| Row { location, thread, allocator, measures };
    let mut rows: Vec<Row> = rows.into_iter().map(row).collect();
    let identity = |row: &Row| (row.location, row.thread, row.allocator);
    rows.sort_by_key(|row| {
        let largest = row.measures.iter().map(|measure| measure.bytes).max();
        (Reverse(largest), identity(row))
    });
    let left_out = rows.len().saturating_sub(most) as u64;
    rows.truncate(most);
    rows.sort_by_key(|row| (Reverse((row.measures[0].bytes, row.measures[1].bytes)), identity(row)));
    Rows { shown: rows, left_out }
}
