//! What workers say of the tests they run, and what follows from it.

use std::time::Instant;

use common::Failure;
use common::outcome::TestStarted;

use super::Run;
use super::workers::End;
use crate::error::Error;
use crate::events::Record;
use crate::protocol::{FromWorker, ToZygote, WorkerId, worker_name};

impl Run<'_> {
    pub(super) fn worker_says(&mut self, id: WorkerId, message: FromWorker) -> Result<(), Failure> {
        let (Some(worker), Some(suite)) = (self.workers.get_mut(&id), &mut self.suite) else { return Ok(()) };
        let name = worker_name(id);
        match message {
            FromWorker::Hello(_) => {}
            FromWorker::CollectedAgain { digest } => {
                if digest != suite.collected.digest {
                    return Err(Error::DifferentTests { worker: name }.into());
                }
                worker.ready = true;
                self.worker_ready(id)?;
            }
            FromWorker::Start { i } => {
                worker.running = Some((i, Instant::now()));
                worker.waits = None;
                worker.reports = None;
                suite.scheduler.started(id, i);
                let id = suite.collected.ids.get(i).cloned().unwrap_or_default();
                self.show(&Record::TestStarted(TestStarted { id, worker: name }))?;
            }
            FromWorker::Report { data, .. } => worker.reports = Some(data),
            FromWorker::Done(done) => {
                worker.running = None;
                let reports = worker.reports.take();
                let duration_us = done.duration_us;
                // The verdict comes first, for it may end the run.
                if !self.test_retried(id, &done)? {
                    self.test_done(id, done, reports)?;
                }
                let orders = self
                    .suite
                    .as_mut()
                    .map(|suite| suite.scheduler.finished(id, duration_us))
                    .unwrap_or_default();
                self.give(orders)?;
            }
            FromWorker::Returned { items } => {
                let orders = suite.scheduler.returned(id, &items);
                let another = self.halt.is_none() && suite.scheduler.wants_another();
                self.give(orders)?;
                if another {
                    self.make_worker()?;
                }
            }
            FromWorker::Waits { port } => self.worker_waits(id, port)?,
            FromWorker::GoesOn => self.worker_goes_on(id),
            FromWorker::Warning(warning) => self.zygote.ask(&ToZygote::Warning(warning))?,
            FromWorker::Halted(halt) => {
                self.test_interrupted(id)?;
                self.halt(halt.kind, halt.reason, halt.code)?;
            }
            FromWorker::Exit { output } => worker.end = End::Announced { output },
        }
        Ok(())
    }
}
