//! Cuts a suite into runs of consecutive items, the unit in which work is planned.
//! Must not know about workers beyond their number.

use std::collections::{BTreeMap, VecDeque};

/// What is known of an item before it runs.
#[derive(Clone, Debug)]
pub struct Item {
    /// Items of one scope have the same number: they share fixtures, or must share a worker.
    pub scope: usize,
    /// How long it took last time, in microseconds.
    pub duration_us: Option<u64>,
}

/// For an item never seen before in a suite never seen before.
pub const UNKNOWN_US: u64 = 5_000;

/// Chunks to cut for each worker: more balance better, fewer set up module fixtures less often.
const CHUNKS_PER_WORKER: u64 = 4;

/// Consecutive items of one scope, none longer than a fraction of a worker's share of the suite.
///
/// With `slowest_first`, where durations are known, the slowest chunk comes first, so that none is left
/// over at the end; else the order is kept.
pub fn cut(items: &[Item], workers: usize, slowest_first: bool) -> VecDeque<VecDeque<usize>> {
    let estimates = estimates(items);
    let total: u64 = estimates.iter().sum();
    let limit = total / (CHUNKS_PER_WORKER * workers.max(1) as u64);
    let mut chunks: Vec<(u64, VecDeque<usize>)> = Vec::new();
    let mut scope = None;
    for (index, item) in items.iter().enumerate() {
        match chunks.last_mut() {
            Some((sum, chunk)) if scope == Some(item.scope) && *sum + estimates[index] <= limit => {
                *sum += estimates[index];
                chunk.push_back(index);
            }
            _ => chunks.push((estimates[index], VecDeque::from([index]))),
        }
        scope = Some(item.scope);
    }
    if slowest_first && items.iter().any(|item| item.duration_us.is_some()) {
        chunks.sort_by_key(|(sum, _)| std::cmp::Reverse(*sum));
    }
    chunks.into_iter().map(|(_, chunk)| chunk).collect()
}

/// All items of a scope in one chunk; with `slowest_first` the slowest scope first, else in their order.
pub fn gather(items: &[Item], slowest_first: bool) -> VecDeque<VecDeque<usize>> {
    let estimates = estimates(items);
    let mut at: BTreeMap<usize, usize> = BTreeMap::new();
    let mut chunks: Vec<(u64, VecDeque<usize>)> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = *at.entry(item.scope).or_insert(chunks.len());
        if place == chunks.len() {
            chunks.push((0, VecDeque::new()));
        }
        chunks[place].0 += estimates[index];
        chunks[place].1.push_back(index);
    }
    if slowest_first {
        chunks.sort_by_key(|(sum, _)| std::cmp::Reverse(*sum));
    }
    chunks.into_iter().map(|(_, chunk)| chunk).collect()
}

/// How long each item should take: as last time, or as the others did on average.
pub fn estimates(items: &[Item]) -> Vec<u64> {
    let known: Vec<u64> = items.iter().filter_map(|item| item.duration_us).collect();
    let mean = known.iter().sum::<u64>().checked_div(known.len() as u64).unwrap_or(UNKNOWN_US);
    items.iter().map(|item| item.duration_us.unwrap_or(mean).max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_keep_scopes_apart_and_put_the_slowest_first() {
        let item = |scope, duration_us| Item { scope, duration_us };
        let items = [item(0, Some(10)), item(0, Some(10)), item(1, Some(900)), item(1, Some(50))];
        let chunks = cut(&items, 1, true);
        assert_eq!(chunks, [vec![2], vec![3], vec![0, 1]]);
    }

    #[test]
    fn a_new_suite_keeps_its_order() {
        let items = vec![Item { scope: 0, duration_us: None }; 8];
        let order: Vec<usize> = cut(&items, 2, true).into_iter().flatten().collect();
        assert_eq!(order, (0..8).collect::<Vec<_>>());
    }
}
