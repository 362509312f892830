//! Workers that stand in each other's way: one waits for what another keeps, which may be idle until the first gives
//! it some of its tests.

use std::time::{Duration, Instant};

use common::Failure;

use super::Run;
use super::workers::Worker;
use crate::protocol::{WorkerId, worker_name};

/// How long idle workers wait for the answer of one that is at a test. It may be held up by what they keep: a lock, a
/// file, a table.
const PATIENCE: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// A worker waits for a port that another has: nothing is to be expected of it until then.
    pub(super) fn worker_waits(&mut self, id: WorkerId, port: u16) -> Result<(), Failure> {
        let (Some(worker), Some(suite)) = (self.workers.get_mut(&id), &mut self.suite) else { return Ok(()) };
        worker.waits = Some(Instant::now());
        let orders = suite.scheduler.held_up(&[id]);
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
        if let (Some(since), Some((_, began))) = (worker.waits.take(), &mut worker.running) {
            *began += since.elapsed();
        }
    }

    /// When idle workers have waited long enough for an answer.
    pub(super) fn patience_ends(&self) -> Option<Instant> {
        self.awaits_answer().then(|| self.asked_at + PATIENCE)
    }

    fn awaits_answer(&self) -> bool {
        self.suite.as_ref().is_some_and(|suite| suite.scheduler.awaits_answer())
    }

    /// Has idle workers end rather than wait on and on for those that have been at a test for as long.
    pub(super) fn wait_no_longer(&mut self) -> Result<(), Failure> {
        if !self.awaits_answer() || self.asked_at.elapsed() < PATIENCE {
            return Ok(());
        }
        let long = |worker: &Worker| worker.running.is_some_and(|(_, since)| since.elapsed() >= PATIENCE);
        let long: Vec<WorkerId> =
            self.workers.iter().filter(|(_, worker)| long(worker)).map(|(id, _)| *id).collect();
        self.asked_at = Instant::now();
        let orders = self.suite.as_mut().map(|suite| suite.scheduler.held_up(&long)).unwrap_or_default();
        self.give(orders)
    }
}
