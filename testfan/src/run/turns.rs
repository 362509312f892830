//! Workers that stand in each other's way: one waits for what another keeps, which may be idle until the first gives
//! it some of its tests.

use std::time::{Duration, Instant};

use common::Failure;

use super::Run;
use super::workers::Worker;
use crate::protocol::{WorkerId, worker_name};
use crate::reduce::Scheduler;

/// How long idle workers wait for the answer of one that is at a test. It may be held up by what they keep: a lock, a
/// file, a table.
const PATIENCE: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// A worker waits for a port that another has: nothing is to be expected of it until then.
    pub(super) fn worker_waits(&mut self, id: WorkerId, port: u16) -> Result<(), Failure> {
        let (Some(worker), Some(suite)) = (self.workers.get_mut(&id), &mut self.suite) else { return Ok(()) };
        worker.waits = Some(Instant::now());
        let lanes: Vec<WorkerId> = worker.lanes.keys().copied().collect();
        let orders = suite.scheduler_of(worker.is_threaded()).held_up(&lanes);
        if self.contested_ports.insert(port) {
            let name = worker_name(id);
            self.session.warn(&format!(
                "port {port} is used by tests of several workers, which take turns: {name} waits"
            ));
        }
        self.give(orders)
    }

    /// It waits no longer, and that it waited is not held against its test.
    pub(super) fn worker_goes_on(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let waited = worker.waits.take().map(|since| since.elapsed()).unwrap_or_default();
        for (_, began) in worker.lanes.values_mut().filter_map(|lane| lane.running.as_mut()) {
            *began += waited;
        }
    }

    /// When idle workers have waited long enough for an answer.
    pub(super) fn patience_ends(&self) -> Option<Instant> {
        self.awaits_answer().then(|| self.asked_at + PATIENCE)
    }

    fn awaits_answer(&self) -> bool {
        self.suite.as_ref().is_some_and(|suite| suite.schedulers().any(Scheduler::awaits_answer))
    }

    /// Has idle workers end rather than wait on and on for those that have been at a test for as long.
    pub(super) fn wait_no_longer(&mut self) -> Result<(), Failure> {
        if !self.awaits_answer() || self.asked_at.elapsed() < PATIENCE {
            return Ok(());
        }
        let running = self.workers.values().flat_map(Worker::running);
        let long = running.filter(|(.., since)| since.elapsed() >= PATIENCE);
        let long: Vec<WorkerId> = long.map(|(lane, ..)| lane).collect();
        self.asked_at = Instant::now();
        let Some(suite) = &mut self.suite else { return Ok(()) };
        let waited_for = suite.schedulers_mut().filter(|scheduler| scheduler.awaits_answer());
        let orders = waited_for.flat_map(|scheduler| scheduler.held_up(&long)).collect();
        self.give(orders)
    }
}
