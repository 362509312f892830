//! Cuts a suite into parts for several machines. Each finds its own part alone, so nothing but the suite, the numbers
//! and durations that all of them were given may count: no clock, and not what one machine remembers.

use std::cmp::Reverse;
use std::collections::VecDeque;

use super::chunks::{self, Item};

/// One part of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

/// The items of one part, in order. All parts together are the suite, and no two share an item.
///
/// Parts take about as long as each other as far as durations are known; an item without one counts as the mean of
/// the others. With `whole` no scope is in two parts.
pub fn partition(items: &[Item], part: Part, whole: bool) -> Vec<usize> {
    let estimates = chunks::estimates(items);
    let chunks = if whole { chunks::gather(items, false) } else { chunks::cut(items, part.of, false) };
    let cost = |chunk: &VecDeque<usize>| chunk.iter().map(|item| estimates[*item]).sum::<u64>();
    let mut chunks: Vec<(u64, VecDeque<usize>)> =
        chunks.into_iter().map(|chunk| (cost(&chunk), chunk)).collect();
    // The largest first, each to the part that has least; of equals the first, so that all agree.
    chunks.sort_by_key(|(cost, _)| Reverse(*cost));
    let mut parts = vec![(0, Vec::new()); part.of];
    for (cost, chunk) in chunks {
        if let Some((sum, least)) = parts.iter_mut().min_by_key(|(sum, _)| *sum) {
            *sum += cost;
            least.extend(chunk);
        }
    }
    let ours = part.number.checked_sub(1).and_then(|at| parts.get_mut(at));
    let mut ours = ours.map(|(_, items)| std::mem::take(items)).unwrap_or_default();
    ours.sort_unstable();
    ours
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_are_the_suite_and_share_nothing(
            scopes in prop::collection::vec((0usize..9, prop::option::of(1u64..99)), 0..80),
            of in 1usize..7, whole: bool, timed: bool,
        ) {
            let item = |(scope, us): &(usize, Option<u64>)| Item { scope: *scope, duration_us: us.filter(|_| timed) };
            let items: Vec<Item> = scopes.iter().map(item).collect();
            let parts: Vec<Vec<usize>> =
                (1..=of).map(|number| partition(&items, Part { number, of }, whole)).collect();
            let mut all = parts.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..items.len()).collect::<Vec<_>>());
            if whole {
                for scope in 0..9 {
                    let of_scope = |part: &&Vec<usize>| part.iter().any(|item| items[*item].scope == scope);
                    prop_assert!(parts.iter().filter(of_scope).count() <= 1);
                }
            } else {
                // The parts differ by no more than one chunk, which is one long item or a fraction of a part.
                let estimates = chunks::estimates(&items);
                let sums = parts.iter().map(|part| part.iter().map(|item| estimates[*item]).sum::<u64>());
                let most = sums.clone().max().unwrap_or(0) - sums.min().unwrap_or(0);
                let chunk = estimates.iter().sum::<u64>() / (4 * of as u64);
                let longest = estimates.iter().max().copied().unwrap_or(0);
                prop_assert!(most <= chunk.max(longest), "unequal: {:?}", parts);
            }
        }
    }
}
