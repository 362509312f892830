//! The text of Valgrind's Massif, which `ms_print` and massif-visualizer read: snapshots of the heap's size, and
//! at the peak the tree of who called what asked for it, innermost first. Described in `massif/ms_main.c`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Exported, label};
use crate::events::LocationId;
use crate::reduce::timeline::Unit;

/// Smaller parts of the whole are counted together, as Massif does at its usual threshold: one in so many.
const THRESHOLD: u64 = 100;

pub fn massif(exported: &Exported) -> Vec<u8> {
    let history = exported.history;
    let unit = match history.unit {
        Unit::Milliseconds => "ms",
        // Of its three units the one that counts what was done.
        Unit::Events => "i",
    };
    let mut text = format!(
        "desc: memtrace {}\ncmd: {}\ntime_unit: {unit}\n",
        env!("CARGO_PKG_VERSION"),
        exported.program().replace('\n', " ")
    );
    let peak = history.moments.iter().position(|moment| moment.most == exported.stats.peak_bytes);
    for (index, moment) in history.moments.iter().enumerate() {
        let time = index as u64 * history.ticks_per_moment;
        let (size, tree) = if Some(index) == peak {
            (exported.stats.peak_bytes, format!("peak\n{}", heap_tree(exported)))
        } else {
            (moment.last, "empty\n".to_owned())
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "#-----------\nsnapshot={index}\n#-----------\ntime={time}\nmem_heap_B={size}\n\
             mem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree={tree}"
        );
    }
    text.into_bytes()
}

/// What asked for memory at the peak: its stack, innermost first, from where the tree has come to.
type Stacks = Vec<(Vec<Option<LocationId>>, u64)>;

fn heap_tree(exported: &Exported) -> String {
    let in_use = exported.usage.iter().filter(|usage| usage.peak.bytes > 0);
    let stacks: Stacks = in_use.map(|usage| (exported.frames(usage), usage.peak.bytes)).collect();
    let mut text = String::new();
    let least = exported.stats.peak_bytes / THRESHOLD;
    // One list for each level, so that a deep recursion takes no stack of ours.
    let title = "(heap allocation functions) malloc/new/new[], --alloc-fns, etc.".to_owned();
    let mut pending = vec![(0, title, stacks)];
    while let Some((depth, name, stacks)) = pending.pop() {
        let bytes: u64 = stacks.iter().map(|(_, bytes)| bytes).sum();
        let mut callers: BTreeMap<Option<LocationId>, Stacks> = BTreeMap::new();
        for (mut stack, bytes) in stacks {
            if depth < stack.len() {
                let next = stack[depth];
                callers.entry(next).or_default().push((std::mem::take(&mut stack), bytes));
            }
        }
        let size = |stacks: &Stacks| stacks.iter().map(|(_, bytes)| *bytes).sum::<u64>();
        let (mut large, small): (Vec<_>, Vec<_>) =
            callers.into_iter().partition(|(_, stacks)| size(stacks) >= least.max(1));
        large.sort_by_key(|(_, stacks)| size(stacks));
        let rest: u64 = small.iter().map(|(_, stacks)| size(stacks)).sum();
        let below = large.len() + usize::from(!small.is_empty());
        let _ = writeln!(text, "{}n{below}: {bytes} {name}", " ".repeat(depth));
        if !small.is_empty() {
            // The smallest come last; what is popped first is the largest.
            let places = small.len();
            let all = if large.is_empty() { "" } else { "other " };
            let name = format!("in {places} {all}places, all below massif's threshold (1.00%)");
            pending.push((depth + 1, name, vec![(Vec::new(), rest)]));
        }
        let named = |location| format!("0x0: {}", label(&exported.words(location)).replace('\n', " "));
        pending.extend(large.into_iter().map(|(location, stacks)| (depth + 1, named(location), stacks)));
    }
    text
}
