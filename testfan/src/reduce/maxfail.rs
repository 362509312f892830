//! How many tests may still fail, and who may go on after a failure. Must not know how workers are told.
//!
//! A worker whose test failed waits until it is let on; one whose test passed never does. It is let on
//! at once while all tests now running may fail without one failure too many; else when one of them
//! ends. So a suite that fails all over stops at exactly the number asked for, and one with a few
//! failures hardly waits. Only tests that ran side by side before the first failure can be too many.

use std::collections::BTreeSet;

use crate::protocol::WorkerId;

/// The failures of a run, against `--maxfail`.
#[derive(Clone, Debug, Default)]
pub struct Maxfail {
    /// 0: as many as there are.
    limit: usize,
    failed: usize,
    running: BTreeSet<WorkerId>,
    held: BTreeSet<WorkerId>,
}

impl Maxfail {
    /// At most so many failures; 0: as many as there are.
    pub fn new(limit: usize) -> Self {
        Maxfail { limit, ..Maxfail::default() }
    }

    /// A worker's test begins; until one fails or the worker is gone, others may follow at any time.
    pub fn started(&mut self, worker: WorkerId) {
        self.running.insert(worker);
    }

    /// A worker's test ended: the workers that may go on.
    pub fn finished(&mut self, worker: WorkerId, failed: bool) -> Vec<WorkerId> {
        if failed {
            self.failed += 1;
            self.running.remove(&worker);
            self.held.insert(worker);
            return self.let_on();
        }
        let held = std::mem::take(&mut self.held);
        self.running.extend(&held);
        held.into_iter().collect()
    }

    /// A worker is gone: the workers that may go on.
    pub fn left(&mut self, worker: WorkerId) -> Vec<WorkerId> {
        self.held.remove(&worker);
        self.running.remove(&worker);
        self.let_on()
    }

    /// Whether as many failed as may.
    pub fn reached(&self) -> bool {
        self.limit > 0 && self.failed >= self.limit
    }

    /// Those of the held that may fail too; each counts as running from here on.
    fn let_on(&mut self) -> Vec<WorkerId> {
        let left = if self.limit == 0 { usize::MAX } else { self.limit.saturating_sub(self.failed) };
        let mut on = Vec::new();
        while self.running.len() < left
            && let Some(worker) = self.held.pop_first()
        {
            self.running.insert(worker);
            on.push(worker);
        }
        on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_failed_waits_while_one_failure_could_be_too_many() {
        let mut maxfail = Maxfail::new(3);
        maxfail.started(0);
        maxfail.started(1);
        assert_eq!(maxfail.finished(0, true), [0]);
        assert!(maxfail.finished(1, true).is_empty());
        assert_eq!(maxfail.finished(0, false), [1]);
        maxfail.started(1);
        assert!(maxfail.finished(1, true).is_empty());
        assert!(maxfail.reached());
    }

    #[test]
    fn nobody_waits_for_a_worker_that_is_gone() {
        let mut maxfail = Maxfail::new(2);
        maxfail.started(0);
        maxfail.started(1);
        assert!(maxfail.finished(0, true).is_empty());
        assert_eq!(maxfail.left(1), [0]);
        assert_eq!(Maxfail::new(0).finished(0, true), [0]);
    }
}
