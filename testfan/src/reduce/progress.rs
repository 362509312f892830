//! What somebody who watches a run wants to see: how far it is, what runs now, what was slow.
//! Must not know how it is drawn; times are those since the run began.

use std::collections::BTreeMap;
use std::time::Duration;

use common::outcome::Outcome;

use crate::events::Record;

/// How many of the slowest tests are kept.
const SLOWEST: usize = 5;
/// Before so many tests and so much time nothing is said of the time left.
const ESTIMATE_AFTER: (u64, Duration) = (5, Duration::from_secs(2));

/// The state of a run, as far as records tell.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// How many tests are to run.
    pub total: u64,
    /// How many ended for good.
    pub done: u64,
    /// How they ended.
    pub counts: BTreeMap<Outcome, u64>,
    /// How many attempts failed and were made again.
    pub retried: u64,
    /// Why the run ends early, when it does.
    pub halted: Option<String>,
    /// The slowest tests that ended, the slowest first: microseconds and id.
    pub slowest: Vec<(u64, String)>,
    workers: BTreeMap<(usize, String), Option<Running>>,
}

/// A test that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its id.
    pub id: String,
    /// When it began.
    pub since: Duration,
}

impl Progress {
    /// Takes one record, which came so long after the run began.
    pub fn see(&mut self, record: &Record, at: Duration) {
        match record {
            Record::Collected { tests, .. } => self.total = *tests,
            Record::WorkerStarted { worker, .. } => self.put(worker, None),
            Record::WorkerFinished { worker } | Record::WorkerLost { worker, .. } => {
                self.workers.remove(&key(worker));
            }
            Record::TestStarted(test) => {
                self.put(&test.worker, Some(Running { id: test.id.clone(), since: at }));
            }
            Record::TestInterrupted { worker, .. } => self.idle(worker),
            Record::TestRetried { failure, .. } => {
                self.retried += 1;
                self.idle(&failure.worker);
            }
            Record::TestIsolated { failure, .. } => self.idle(&failure.worker),
            Record::TestFinished(test) => {
                self.done += 1;
                *self.counts.entry(test.outcome).or_default() += 1;
                self.idle(&test.worker);
                self.rank(test.duration_us, &test.id);
            }
            Record::Halted { reason } => self.halted = Some(reason.clone()),
            _ => {}
        }
    }

    /// The workers in the order of their numbers, each with the test it runs.
    pub fn workers(&self) -> impl ExactSizeIterator<Item = (&str, Option<&Running>)> {
        self.workers.iter().map(|((_, name), running)| (name.as_str(), running.as_ref()))
    }

    /// How long the rest should take, where that can be said: as long for each test as until now.
    pub fn left(&self, now: Duration) -> Option<Duration> {
        let (tests, time) = ESTIMATE_AFTER;
        if self.done < tests || now < time || self.halted.is_some() {
            return None;
        }
        let rest = self.total.saturating_sub(self.done);
        u64::try_from(now.as_millis())
            .ok()
            .map(|ms| Duration::from_millis(ms.saturating_mul(rest) / self.done))
    }

    fn put(&mut self, worker: &str, running: Option<Running>) {
        self.workers.insert(key(worker), running);
    }

    /// A worker that was lost in between is not brought back.
    fn idle(&mut self, worker: &str) {
        if let Some(running) = self.workers.get_mut(&key(worker)) {
            *running = None;
        }
    }

    fn rank(&mut self, duration_us: u64, id: &str) {
        let at = self.slowest.partition_point(|(slower, _)| *slower >= duration_us);
        if at < SLOWEST {
            self.slowest.insert(at, (duration_us, id.to_owned()));
            self.slowest.truncate(SLOWEST);
        }
    }
}

/// `gw10` comes after `gw9`.
fn key(worker: &str) -> (usize, String) {
    (worker.len(), worker.to_owned())
}

#[cfg(test)]
mod tests {
    use common::outcome::{TestFinished, TestStarted};
    use proptest::prelude::*;

    use super::*;

    fn started(id: u64, worker: u64) -> Record {
        Record::TestStarted(TestStarted { id: format!("t{id}"), worker: format!("gw{worker}") })
    }

    fn finished(id: u64, worker: u64, duration_us: u64) -> Record {
        let (id, worker) = (format!("t{id}"), format!("gw{worker}"));
        let (message, output) = (String::new(), String::new());
        let outcome = if duration_us.is_multiple_of(7) { Outcome::Failed } else { Outcome::Passed };
        Record::TestFinished(TestFinished { id, outcome, duration_us, worker, message, output })
    }

    proptest! {
        #[test]
        fn the_slowest_are_the_slowest_and_every_test_counts_once(times in prop::collection::vec(0u64..50, 0..40)) {
            let mut progress = Progress::default();
            for (id, us) in (0..).zip(&times) {
                progress.see(&started(id, id % 12), Duration::ZERO);
                progress.see(&finished(id, id % 12, *us), Duration::ZERO);
            }
            let mut sorted = times.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            sorted.truncate(SLOWEST);
            prop_assert_eq!(progress.slowest.iter().map(|(us, _)| *us).collect::<Vec<_>>(), sorted);
            prop_assert_eq!(progress.counts.values().sum::<u64>(), times.len() as u64);
            prop_assert!(progress.workers().all(|(_, running)| running.is_none()));
        }
    }

    #[test]
    fn a_worker_shows_what_it_runs_until_it_is_gone() {
        let mut progress = Progress::default();
        for worker in [10, 9] {
            progress.see(&Record::WorkerStarted { worker: format!("gw{worker}"), pid: 1 }, Duration::ZERO);
        }
        progress.see(&started(1, 9), Duration::from_secs(3));
        let running = Running { id: "t1".into(), since: Duration::from_secs(3) };
        assert_eq!(progress.workers().collect::<Vec<_>>(), [("gw9", Some(&running)), ("gw10", None)]);
        let lost = Record::WorkerLost { worker: "gw9".into(), reason: String::new(), id: Some("t1".into()) };
        progress.see(&lost, Duration::from_secs(4));
        // Its failure is told of after its end.
        progress.see(&finished(1, 9, 1), Duration::from_secs(4));
        assert_eq!(progress.workers().collect::<Vec<_>>(), [("gw10", None)]);
    }

    #[test]
    fn the_time_left_is_only_said_once_it_means_something() {
        let mut progress = Progress { total: 20, ..Progress::default() };
        for id in 0..10 {
            assert_eq!(progress.left(Duration::from_secs(1)), None);
            progress.see(&finished(id, 0, 1), Duration::ZERO);
        }
        assert_eq!(progress.left(Duration::from_secs(4)), Some(Duration::from_secs(4)));
    }
}
