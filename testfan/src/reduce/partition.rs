//! Cuts a suite into parts for several machines. Each finds its own part alone, so nothing but the suite and the
//! numbers may count: no clock, and no durations, which differ from machine to machine.

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
/// With `whole` no scope is in two parts.
pub fn partition(items: &[Item], part: Part, whole: bool) -> Vec<usize> {
    let items: Vec<Item> = items.iter().map(|item| Item { scope: item.scope, duration_us: None }).collect();
    let mut chunks = if whole { chunks::gather(&items, false) } else { chunks::cut(&items, part.of, false) };
    // The largest first, each to the part that has least.
    chunks.make_contiguous().sort_by_key(|chunk| std::cmp::Reverse(chunk.len()));
    let mut parts = vec![Vec::new(); part.of];
    for chunk in chunks {
        if let Some(least) = parts.iter_mut().min_by_key(|part| part.len()) {
            least.extend(chunk);
        }
    }
    let mut ours =
        part.number.checked_sub(1).and_then(|at| parts.get_mut(at)).map(std::mem::take).unwrap_or_default();
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
            of in 1usize..7, whole: bool,
        ) {
            let items: Vec<Item> =
                scopes.iter().map(|(scope, duration_us)| Item { scope: *scope, duration_us: *duration_us }).collect();
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
                let sizes = parts.iter().map(Vec::len);
                let most = sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0);
                prop_assert!(most <= items.len() / (4 * of) + 1, "unequal: {:?}", parts);
            }
        }
    }
}
