//! Which failed tests run again, and which of them turned out flaky. Must not know where they run.

use std::collections::BTreeMap;

/// The failures that were not taken as final.
#[derive(Clone, Debug, Default)]
pub struct Retries {
    limit: usize,
    failed: BTreeMap<usize, usize>,
    flaky: usize,
}

impl Retries {
    /// Each item runs again at most so many times.
    pub fn new(limit: usize) -> Self {
        Retries { limit, ..Retries::default() }
    }

    /// An item failed: which attempt that was, from 1, when it is to run again; none when the failure is final.
    pub fn failed(&mut self, item: usize) -> Option<usize> {
        let failed = self.failed.entry(item).or_default();
        (*failed < self.limit).then(|| {
            *failed += 1;
            *failed
        })
    }

    /// An item failed and somebody else wants it to run again: which attempt that was.
    pub fn granted(&mut self, item: usize) -> usize {
        let failed = self.failed.entry(item).or_default();
        *failed += 1;
        *failed
    }

    /// An item ended for good: how many attempts it took.
    pub fn ended(&mut self, item: usize, bad: bool) -> usize {
        let failed = self.failed.get(&item).copied().unwrap_or(0);
        self.flaky += usize::from(failed > 0 && !bad);
        failed + 1
    }

    /// How many items did not fail in the end, but did before.
    pub fn flaky(&self) -> usize {
        self.flaky
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_runs_again_so_many_times_and_is_flaky_when_it_then_passes() {
        let mut retries = Retries::new(2);
        assert_eq!((retries.failed(7), retries.failed(7), retries.failed(7)), (Some(1), Some(2), None));
        assert_eq!((retries.ended(7, true), retries.flaky()), (3, 0));
        assert_eq!((retries.failed(8), retries.ended(8, false), retries.flaky()), (Some(1), 2, 1));
        assert_eq!((retries.ended(9, false), retries.flaky()), (1, 1));
        assert_eq!(Retries::new(0).failed(1), None);
    }
}
