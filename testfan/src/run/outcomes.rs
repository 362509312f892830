//! What workers say of the tests they run, and what follows from it.

use std::path::Path;
use std::time::Instant;

use common::Failure;
use common::outcome::TestStarted;

use super::lanes::Kind;
use super::workers::End;
use super::{Run, printed};
use crate::error::Error;
use crate::events::{Measured, Record, TextSource};
use crate::protocol::{FromWorker, ToZygote, WorkerId, worker_name};
use crate::source::memory::Numbers;

impl Run<'_> {
    pub(super) fn worker_says(&mut self, id: WorkerId, message: FromWorker) -> Result<(), Failure> {
        let (Some(worker), Some(suite)) = (self.workers.get_mut(&id), &self.suite) else { return Ok(()) };
        match message {
            FromWorker::Hello(_) => {}
            FromWorker::CollectedAgain { digest } => {
                if digest != suite.collected.digest {
                    return Err(Error::DifferentTests { worker: worker_name(id) }.into());
                }
                worker.ready = true;
                self.worker_ready(id)?;
            }
            FromWorker::Exit { output } => worker.end = End::Announced { output },
            FromWorker::Waits { port } => self.worker_waits(id, port)?,
            FromWorker::GoesOn => self.worker_goes_on(id),
            FromWorker::Lane { lane, says } => self.lane_says(id, id + lane, *says)?,
            message => self.lane_says(id, id, message)?,
        }
        Ok(())
    }

    /// What one thread of a worker says, which may be its only one.
    fn lane_says(&mut self, id: WorkerId, lane: WorkerId, message: FromWorker) -> Result<(), Failure> {
        let (Some(worker), Some(suite)) = (self.workers.get_mut(&id), &mut self.suite) else { return Ok(()) };
        let threaded = worker.is_threaded();
        let Some(state) = worker.lanes.get_mut(&lane) else { return Ok(()) };
        match message {
            FromWorker::Start { i } => {
                state.running = Some((i, Instant::now()));
                state.reports = None;
                if !threaded {
                    worker.waits = None;
                }
                suite.scheduler_of(threaded).started(lane, i);
                let id = suite.collected.ids.get(i).cloned().unwrap_or_default();
                self.show(&Record::TestStarted(TestStarted { id, worker: worker_name(lane) }))?;
            }
            FromWorker::Report { data, .. } => state.reports = Some(data),
            FromWorker::Measured { i, capture } => self.test_measured(lane, i, &capture)?,
            FromWorker::Done(done) => {
                state.running = None;
                let reports = state.reports.take();
                let duration_us = done.duration_us;
                // The verdict comes first, for it may end the run.
                if !self.test_isolated(id, lane, &done)? && !self.test_retried(lane, &done)? {
                    self.test_done(lane, done, reports)?;
                }
                let suite = self.suite.as_mut();
                let orders = suite.map(|suite| suite.scheduler_of(threaded).finished(lane, duration_us));
                self.give(orders.unwrap_or_default())?;
            }
            FromWorker::Returned { items } => {
                let orders = suite.scheduler_of(threaded).returned(lane, &items);
                let another = !threaded && self.halt.is_none() && suite.scheduler.wants_another();
                self.give(orders)?;
                if another {
                    self.make_worker(Kind::Plain)?;
                }
            }
            FromWorker::Warning(warning) => self.zygote.ask(&ToZygote::Warning(warning))?,
            FromWorker::Halted(halt) => {
                self.test_interrupted(id, lane)?;
                self.halt(halt.kind, halt.reason, halt.code)?;
            }
            FromWorker::Printed { error, text } => {
                let source = if error { TextSource::Stderr } else { TextSource::Stdout };
                self.show(&printed(Some(lane), source, text))?;
            }
            FromWorker::Left => self.lane_left(id, lane)?,
            // These are for the whole of a worker.
            FromWorker::Hello(_)
            | FromWorker::CollectedAgain { .. }
            | FromWorker::Exit { .. }
            | FromWorker::Waits { .. }
            | FromWorker::GoesOn
            | FromWorker::Lane { .. } => {}
        }
        Ok(())
    }

    /// What was recorded of a test is told; where it cannot be read, the test counts all the same.
    fn test_measured(&mut self, lane: WorkerId, item: usize, capture: &Path) -> Result<(), Failure> {
        let (Some(id), Some(memtrace)) = (self.id_of(item), &mut self.memtrace) else { return Ok(()) };
        match memtrace.measure(capture) {
            Ok(Numbers { peak_bytes, leaked_bytes, total_bytes, allocations }) => {
                let worker = worker_name(lane);
                let measured = Measured { id, worker, peak_bytes, leaked_bytes, total_bytes, allocations };
                self.show(&Record::TestMeasured(measured))
            }
            Err(reason) => {
                self.session.warn(&format!("the memory of {id} is not known: {reason}"));
                Ok(())
            }
        }
    }
}
