//! Stacks to a call tree, each node with all that was asked for from there on.

use std::collections::HashMap;

use crate::events::{LocationId, StackId, Symbols};
use crate::reduce::Measure;

/// How many kinds of measures a tree holds side by side.
pub const KINDS: usize = 3;

/// A call tree; the first node is the root, and every node comes after its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// A line of code called from the lines above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The caller's index; the root is its own.
    pub parent: usize,
    /// Which line; none for the root.
    pub location: Option<LocationId>,
    /// What was asked for from here on, in each kind.
    pub measures: [Measure; KINDS],
}

impl Tree {
    /// The tree of stacks that were measured in several kinds.
    pub fn new(kinds: [&[(StackId, Measure)]; KINDS], symbols: &Symbols) -> Tree {
        let root = Node { parent: 0, location: None, measures: [Measure::default(); KINDS] };
        let mut nodes = vec![root];
        let mut children: HashMap<(usize, LocationId), usize> = HashMap::new();
        for (kind, stacks) in kinds.into_iter().enumerate() {
            for &(stack, measure) in stacks {
                nodes[0].measures[kind] += measure;
                let frames: Vec<LocationId> = symbols.frames(stack).collect();
                let mut at = 0;
                for &location in frames.iter().rev() {
                    at = *children.entry((at, location)).or_insert_with(|| {
                        let measures = [Measure::default(); KINDS];
                        nodes.push(Node { parent: at, location: Some(location), measures });
                        nodes.len() - 1
                    });
                    nodes[at].measures[kind] += measure;
                }
            }
        }
        Tree { nodes }
    }
}
