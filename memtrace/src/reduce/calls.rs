//! A call tree as it is looked at: one kind of memory, frames that nobody wants to see left out, the callees of
//! each call largest first.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::events::{LocationId, Symbols};
use crate::reduce::Measure;
use crate::reduce::tree::{Tree, What};

/// The calls; the first is the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// All of them; every one comes after its caller.
    pub all: Vec<Call>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was called.
    pub what: What,
    /// Its caller's index; the root is its own.
    pub caller: usize,
    /// What it called, largest first.
    pub callees: Vec<usize>,
    /// What it asked for with all that it called.
    pub cumulative: Measure,
    /// What it asked for itself.
    pub own: Measure,
}

/// True for the import system's own frames, which say little about where memory goes.
pub fn is_import_system(location: LocationId, symbols: &Symbols) -> bool {
    symbols.resolve(location).file.starts_with("<frozen importlib")
}

impl Calls {
    /// The calls of `tree` that asked for memory of its kind number `kind`, without the lines that are `hidden`.
    pub fn new(tree: &Tree, kind: usize, hidden: impl Fn(LocationId) -> bool) -> Calls {
        let sums = tree.cumulative(kind);
        let mut all: Vec<Call> = Vec::new();
        let mut places: Vec<usize> = Vec::with_capacity(tree.nodes.len());
        let mut known: HashMap<(usize, What), usize> = HashMap::new();
        for (node, &sum) in tree.nodes.iter().zip(&sums) {
            let caller = places.get(node.parent).copied().unwrap_or(0);
            let skipped = matches!(node.what, What::Line(location) if hidden(location));
            let place = if skipped {
                caller
            } else {
                *known.entry((caller, node.what)).or_insert_with(|| {
                    let (cumulative, own) = Default::default();
                    all.push(Call { what: node.what, caller, callees: Vec::new(), cumulative, own });
                    all.len() - 1
                })
            };
            places.push(place);
            // What a frame that is left out asked for is its caller's.
            all[place].own += node.own[kind];
            if !skipped {
                all[place].cumulative += sum;
            }
        }
        let mut calls = Calls { all };
        for index in 1..calls.all.len() {
            if calls.all[index].cumulative != Measure::default() {
                let caller = calls.all[index].caller;
                calls.all[caller].callees.push(index);
            }
        }
        for index in 0..calls.all.len() {
            let mut callees = std::mem::take(&mut calls.all[index].callees);
            callees.sort_by_key(|&callee| {
                (
                    Reverse((calls.all[callee].cumulative.bytes, calls.all[callee].cumulative.allocations)),
                    callee,
                )
            });
            calls.all[index].callees = callees;
        }
        calls
    }

    /// The root.
    pub fn root(&self) -> &Call {
        &self.all[0]
    }

    /// What `call` called that has at least `least` bytes, and how many others there are with how much.
    pub fn large_callees(&self, call: usize, least: u64) -> (&[usize], usize, u64) {
        let callees = &self.all[call].callees;
        let large = callees.partition_point(|&callee| self.all[callee].cumulative.bytes >= least);
        let rest = callees[large..].iter().map(|&callee| self.all[callee].cumulative.bytes).sum();
        (&callees[..large], callees.len() - large, rest)
    }
}
