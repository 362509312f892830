//! Sites to a call tree: callers above, what they called below.

use std::collections::HashMap;

use crate::events::{LocationId, StackId, Symbols};
use crate::reduce::Measure;
use crate::reduce::sites::Site;
use crate::reduce::timeline::Lived;

/// How many kinds of measures a tree holds side by side.
pub const KINDS: usize = 3;

const NOTHING: [Measure; KINDS] = [Measure { bytes: 0, allocations: 0 }; KINDS];

/// A call tree; the first node is the root, and every node comes after its parent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// What the nodes had in use at which moments of a timeline.
    pub lives: Vec<Life>,
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// Everything.
    Root,
    /// A thread, by the kernel's id.
    Thread(u32),
    /// A line of code called from the lines above it.
    Line(LocationId),
    /// Code outside Python.
    Outside,
    /// Calls too small to be told apart.
    Small,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The caller's index; the root is its own.
    pub parent: usize,
    /// What it stands for.
    pub what: What,
    /// What it asked for itself, in each kind.
    pub own: [Measure; KINDS],
}

/// Memory that a node had in use from the end of one moment to that of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life {
    /// Whose.
    pub node: usize,
    /// As in [`Lived`].
    pub born: u16,
    /// As in [`Lived`].
    pub died: Option<u16>,
    /// Bytes.
    pub bytes: u64,
    /// Blocks; holes in mappings count less than none.
    pub blocks: i64,
}

/// Sites with their measures.
pub type Sited = [(Site, Measure)];

impl Tree {
    /// The tree of sites that were measured in several kinds, with a level of threads below the root if wanted.
    pub fn new(kinds: [&Sited; KINDS], symbols: &Symbols, threads: bool) -> Tree {
        let mut builder = Builder::new(symbols, threads);
        builder.measures(kinds);
        builder.tree
    }

    /// The same with a level of threads, and with what a timeline says of the sites.
    pub fn with_lives(kinds: [&Sited; KINDS], lives: &[Lived], sites: &[Site], symbols: &Symbols) -> Tree {
        let mut builder = Builder::new(symbols, true);
        builder.measures(kinds);
        let life = |&Lived { site, born, died, bytes, blocks }| {
            let node = builder.node(sites[site.index()]);
            Life { node, born, died, bytes, blocks }
        };
        let lives: Vec<Life> = lives.iter().map(life).collect();
        Tree { lives: summed(lives), ..builder.tree }
    }

    /// What each node asked for with all that it called.
    pub fn cumulative(&self, kind: usize) -> Vec<Measure> {
        let mut sums: Vec<Measure> = self.nodes.iter().map(|node| node.own[kind]).collect();
        for index in (1..sums.len()).rev() {
            let sum = sums[index];
            sums[self.nodes[index].parent] += sum;
        }
        sums
    }

    /// A tree of at most about `most` nodes: the largest stay, the others become one [`What::Small`] of each caller.
    #[must_use]
    pub fn bounded(self, most: usize) -> Tree {
        if self.nodes.len() <= most {
            return self;
        }
        let weights = self.weights();
        let mut by_weight: Vec<usize> = (0..self.nodes.len()).collect();
        // A caller weighs no less than what it calls and comes before it, so it stays if they do.
        by_weight.sort_by_key(|&index| (std::cmp::Reverse(weights[index]), index));
        let mut stays = vec![false; self.nodes.len()];
        by_weight.iter().take(most).for_each(|&index| stays[index] = true);

        let mut nodes: Vec<Node> = Vec::new();
        let mut places = vec![0; self.nodes.len()];
        let mut small: HashMap<usize, usize> = HashMap::new();
        for (index, node) in self.nodes.into_iter().enumerate() {
            let parent = places[node.parent];
            if stays[index] {
                places[index] = nodes.len();
                nodes.push(Node { parent, ..node });
                continue;
            }
            // Whatever is below a small one is counted with it.
            let inside = nodes[parent].what == What::Small;
            let place = if inside { parent } else { *small.entry(parent).or_insert(nodes.len()) };
            if place == nodes.len() {
                nodes.push(Node { parent, what: What::Small, own: NOTHING });
            }
            places[index] = place;
            for (sum, own) in nodes[place].own.iter_mut().zip(node.own) {
                *sum += own;
            }
        }
        let lives = self.lives.into_iter().map(|life| Life { node: places[life.node], ..life }).collect();
        Tree { nodes, lives: summed(lives) }
    }

    /// The largest share that each node with all below it has of any kind, in parts of 2^32.
    fn weights(&self) -> Vec<u64> {
        let share = |part: u64, whole: u64| {
            u64::try_from((u128::from(part) << 32) / u128::from(whole.max(1))).unwrap_or(u64::MAX)
        };
        let mut weights = vec![0; self.nodes.len()];
        let mut weigh = |sums: Vec<u64>| {
            let whole = sums.first().copied().unwrap_or(0);
            for (weight, sum) in weights.iter_mut().zip(sums) {
                *weight = share(sum, whole).max(*weight);
            }
        };
        for kind in 0..KINDS {
            weigh(self.cumulative(kind).into_iter().map(|measure| measure.bytes).collect());
        }
        let mut lived = vec![0_u64; self.nodes.len()];
        for life in &self.lives {
            lived[life.node] = lived[life.node].saturating_add(life.bytes);
        }
        for index in (1..lived.len()).rev() {
            let parent = self.nodes[index].parent;
            lived[parent] = lived[parent].saturating_add(lived[index]);
        }
        weigh(lived);
        weights
    }
}

/// Lives of the same node, birth and death as one.
fn summed(mut lives: Vec<Life>) -> Vec<Life> {
    lives.sort_unstable();
    lives.dedup_by(|next, sum| {
        let same = (next.node, next.born, next.died) == (sum.node, sum.born, sum.died);
        if same {
            sum.bytes = sum.bytes.saturating_add(next.bytes);
            sum.blocks += next.blocks;
        }
        same
    });
    lives
}

struct Builder<'a> {
    tree: Tree,
    /// The nodes of stacks, by thread; the thread is 0 where threads are not told apart.
    places: HashMap<(u32, StackId), usize>,
    /// The nodes for code outside Python.
    outside: HashMap<u32, usize>,
    symbols: &'a Symbols,
    threads: bool,
}

impl<'a> Builder<'a> {
    fn new(symbols: &'a Symbols, threads: bool) -> Self {
        let root = Node { parent: 0, what: What::Root, own: NOTHING };
        let mut places = HashMap::new();
        if !threads {
            places.insert((0, StackId::EMPTY), 0);
        }
        let tree = Tree { nodes: vec![root], lives: Vec::new() };
        Builder { tree, places, outside: HashMap::new(), symbols, threads }
    }

    fn measures(&mut self, kinds: [&Sited; KINDS]) {
        for (kind, sites) in kinds.into_iter().enumerate() {
            for &(site, measure) in sites {
                let node = self.node(site);
                self.tree.nodes[node].own[kind] += measure;
            }
        }
    }

    /// The node of a site, made with all its callers where it is new.
    fn node(&mut self, site: Site) -> usize {
        let thread = if self.threads { site.thread } else { 0 };
        if site.stack == StackId::EMPTY {
            let above = self.stack(thread, site.stack);
            if let Some(&node) = self.outside.get(&thread) {
                return node;
            }
            let node = self.push(above, What::Outside);
            self.outside.insert(thread, node);
            return node;
        }
        self.stack(thread, site.stack)
    }

    fn stack(&mut self, thread: u32, stack: StackId) -> usize {
        let mut new = Vec::new();
        let mut known = stack;
        let mut at = loop {
            if let Some(&node) = self.places.get(&(thread, known)) {
                break node;
            }
            let Some((caller, location)) = self.symbols.call(known) else {
                let node = self.push(0, What::Thread(thread));
                self.places.insert((thread, known), node);
                break node;
            };
            new.push((known, location));
            known = caller;
        };
        for (stack, location) in new.into_iter().rev() {
            at = self.push(at, What::Line(location));
            self.places.insert((thread, stack), at);
        }
        at
    }

    fn push(&mut self, parent: usize, what: What) -> usize {
        self.tree.nodes.push(Node { parent, what, own: NOTHING });
        self.tree.nodes.len() - 1
    }
}
