//! Which tests may run beside others in one process, and why the rest may not.
//! Must not know how that is found out, nor where they run.

use std::collections::{BTreeMap, BTreeSet};

use super::Item;
use crate::events::Alone;

/// The items that may and those that may not, both sorted; only of those that are `chosen`, sorted, where not all are.
///
/// `apart` names those of which something is known. With `whole_scopes` they take their scope with them, for a scope
/// stays in one worker.
pub fn beside(
    items: &[Item],
    apart: &[(usize, String)],
    whole_scopes: bool,
    chosen: Option<&[usize]>,
) -> (Vec<usize>, Vec<usize>) {
    let apart: BTreeSet<usize> = apart.iter().map(|(item, _)| *item).collect();
    let scope = |item: usize| items.get(item).map(|item| item.scope);
    let scopes: BTreeSet<_> = apart.iter().map(|item| scope(*item)).filter(|_| whole_scopes).collect();
    let meant = (0..items.len()).filter(|item| is_chosen(*item, chosen));
    meant.partition(|item| !apart.contains(item) && !scopes.contains(&scope(*item)))
}

fn is_chosen(item: usize, chosen: Option<&[usize]>) -> bool {
    chosen.is_none_or(|chosen| chosen.binary_search(&item).is_ok())
}

/// The reasons, the most frequent first; only of those that are `chosen`.
pub fn reasons(apart: &[(usize, String)], ids: &[String], chosen: Option<&[usize]>) -> Vec<Alone> {
    let mut all: BTreeMap<&str, Alone> = BTreeMap::new();
    for (item, reason) in apart.iter().filter(|(item, _)| is_chosen(*item, chosen)) {
        let first = || {
            let id = ids.get(*item).cloned().unwrap_or_default();
            Alone { reason: reason.clone(), tests: 0, id }
        };
        all.entry(reason).or_insert_with(first).tests += 1;
    }
    let mut all: Vec<Alone> = all.into_values().collect();
    all.sort_by_key(|alone| std::cmp::Reverse(alone.tests));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(items: &[usize]) -> Vec<(usize, String)> {
        items.iter().map(|item| (*item, format!("reason {}", item % 2))).collect()
    }

    #[test]
    fn a_scope_that_must_stay_together_stays_together() {
        let items: Vec<Item> = [0, 0, 1, 1, 2].map(|scope| Item { scope, duration_us: None }).into();
        assert_eq!(beside(&items, &apart(&[1]), false, None), (vec![0, 2, 3, 4], vec![1]));
        assert_eq!(beside(&items, &apart(&[1]), true, Some(&[0, 3, 4])), (vec![3, 4], vec![0]));
        assert_eq!(beside(&items, &[], true, None), ((0..5).collect(), vec![]));
    }

    #[test]
    fn reasons_are_those_of_the_chosen_tests() {
        let ids: Vec<String> = (0..6).map(|item| format!("t{item}")).collect();
        let found = reasons(&apart(&[0, 1, 3, 5]), &ids, Some(&[0, 3, 4, 5]));
        let found: Vec<_> = found.iter().map(|alone| (&*alone.reason, alone.tests, &*alone.id)).collect();
        assert_eq!(found, [("reason 1", 2, "t3"), ("reason 0", 1, "t0")]);
    }
}
