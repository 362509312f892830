//! Workers that run several tests at a time: how many there are beside those that run one, and what becomes of
//! tests that fail there. Such a failure may be the threads', so it is not final: the test runs again, alone.

use std::time::Instant;

use common::Failure;
use common::outcome::Outcome;

use super::workers::Worker;
use super::{Run, Suite};
use crate::error::Error;
use crate::events::Record;
use crate::protocol::{Collected, Done, Order, ToWorker, WorkerId, worker_name};
use crate::reduce::{self, Dist, Item, Plan, Scheduler};

/// What a worker is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One test after the other.
    Plain,
    /// Several tests at a time.
    Threaded,
}

/// The tests that may run beside others in one process.
pub(super) struct Beside {
    /// Hands them to threads.
    pub(super) scheduler: Scheduler,
    /// How many of them a worker runs at a time, 2 or more.
    pub(super) threads: usize,
    /// Where scopes stay together: the tests that run again once no other of their scope can run.
    held: Option<Vec<usize>>,
}

impl Suite {
    /// How many tests a worker runs at a time.
    pub(super) fn threads(&self) -> usize {
        self.beside.as_ref().map_or(1, |beside| beside.threads)
    }

    /// Who gives work to a worker of a kind.
    pub(super) fn scheduler_of(&mut self, threaded: bool) -> &mut Scheduler {
        match &mut self.beside {
            Some(beside) if threaded => &mut beside.scheduler,
            _ => &mut self.scheduler,
        }
    }

    /// Those that give out work.
    pub(super) fn schedulers(&self) -> impl Iterator<Item = &Scheduler> {
        std::iter::once(&self.scheduler).chain(self.beside.as_ref().map(|beside| &beside.scheduler))
    }

    /// The same.
    pub(super) fn schedulers_mut(&mut self) -> impl Iterator<Item = &mut Scheduler> {
        std::iter::once(&mut self.scheduler).chain(self.beside.as_mut().map(|beside| &mut beside.scheduler))
    }

    /// A worker is gone, in good order or not.
    pub(super) fn left(&mut self, worker: &Worker) -> Vec<reduce::Order> {
        let scheduler = self.scheduler_of(worker.is_threaded());
        worker.lanes.keys().flat_map(|lane| scheduler.left(*lane).1).collect()
    }

    /// Whether items wait that no worker has.
    pub(super) fn has_unclaimed(&self) -> bool {
        let held = |beside: &Beside| beside.held.as_ref().is_some_and(|held| !held.is_empty());
        let waits = |beside: &Beside| beside.scheduler.has_unclaimed() || held(beside);
        self.scheduler.has_unclaimed() || self.beside.as_ref().is_some_and(waits)
    }

    /// Nothing more is to be begun.
    pub(super) fn cancel(&mut self) -> Vec<reduce::Order> {
        self.schedulers_mut().flat_map(Scheduler::cancel).collect()
    }
}

/// How many tests workers run at a time, where that makes sense.
pub(super) fn threads(wanted: usize, collected: &Collected, dist: Dist) -> Result<usize, Error> {
    match dist {
        Dist::Each if wanted > 1 => Err(Error::Threads("--dist each")),
        Dist::No if wanted > 1 => Err(Error::Threads("-n 0 or --dist no")),
        _ if collected.order == Order::OneByOne => Ok(1),
        _ => Ok(wanted),
    }
}

/// What the tests are divided by.
pub(super) struct Division {
    pub(super) items: Vec<Item>,
    pub(super) plan: Plan,
    pub(super) slowest_first: bool,
    pub(super) workers: usize,
    pub(super) threads: usize,
}

impl Division {
    /// For some of the items.
    fn scheduler(&self, workers: usize, only: Option<&[usize]>) -> Scheduler {
        let mut scheduler = Scheduler::new(self.items.clone(), workers, self.plan, self.slowest_first);
        if let Some(only) = only {
            scheduler.keep_only(only);
        }
        scheduler
    }
}

impl Run<'_> {
    /// Who hands out the tests, all or the chosen; where there are threads, those that may run beside others apart.
    pub(super) fn divide(
        &mut self,
        division: &Division,
        collected: &Collected,
        chosen: Option<&[usize]>,
    ) -> Result<(Scheduler, Option<Beside>), Failure> {
        let Division { items, plan, workers, threads, .. } = division;
        if *threads == 1 {
            return Ok((division.scheduler(*workers, chosen), None));
        }
        let (beside, others) = reduce::beside(items, &collected.apart, *plan == Plan::Scopes, chosen);
        let alone = reduce::reasons(&collected.apart, &collected.ids, chosen);
        let counts = (*threads as u64, beside.len() as u64);
        self.show(&Record::ThreadsPlanned { threads: counts.0, beside: counts.1, alone })?;
        let threaded = division.scheduler(workers * threads, Some(&beside));
        // Workers that begin with threads come later to the others' tests, if at all.
        let plain = workers.saturating_sub(threaded.unclaimed().div_ceil(*threads));
        let scheduler = division.scheduler(*workers, Some(&others)).awaiting(plain);
        let held = (*plan == Plan::Scopes).then(Vec::new);
        Ok((scheduler, Some(Beside { scheduler: threaded, threads: *threads, held })))
    }

    /// Makes workers for what nobody has been given, as long as there are fewer than were asked for.
    pub(super) fn fill(&mut self) -> Result<(), Failure> {
        while self.halt.is_none()
            && let Some(kind) = self.wanted()
        {
            self.make_worker(kind)?;
        }
        Ok(())
    }

    fn wanted(&self) -> Option<Kind> {
        let suite = self.suite.as_ref().filter(|suite| self.workers.len() < suite.workers)?;
        let threaded = self.workers.values().filter(|worker| worker.is_threaded()).count();
        let few = |beside: &Beside| threaded * beside.threads < beside.scheduler.unclaimed();
        if suite.beside.as_ref().is_some_and(few) {
            return Some(Kind::Threaded);
        }
        // Those that are still to join will find something to do, too.
        let new = self.workers.values().filter(|worker| !worker.is_threaded() && !worker.joined).count();
        let plain = suite.scheduler.has_unclaimed() && new < suite.scheduler.unclaimed();
        plain.then_some(Kind::Plain)
    }

    /// Lets the tests that were held run again, when no others of their scopes are left.
    pub(super) fn release(&mut self) -> Result<(), Failure> {
        let threaded = self.workers.values().any(Worker::is_threaded);
        let Some(suite) = &mut self.suite else { return Ok(()) };
        let beside = suite.beside.as_mut().filter(|beside| !threaded && !beside.scheduler.has_unclaimed());
        let Some(held) = beside.and_then(|beside| beside.held.as_mut()) else { return Ok(()) };
        let orders = suite.scheduler.add(std::mem::take(held));
        self.give(orders)
    }

    /// A thread has nothing more to do; its worker ends with the last of them.
    pub(super) fn lane_left(&mut self, id: WorkerId, lane: WorkerId) -> Result<(), Failure> {
        let (Some(worker), Some(suite)) = (self.workers.get_mut(&id), &mut self.suite) else { return Ok(()) };
        if let Some(state) = worker.lanes.get_mut(&lane) {
            state.left = true;
        }
        let (_, orders) = suite.scheduler_of(true).left(lane);
        if worker.lanes.values().all(|lane| lane.left) {
            worker.peer.send(&ToWorker::Stop).map_err(Error::Channel)?;
        }
        self.give(orders)
    }

    /// Whether a test failed beside others; then it is to run again, alone.
    pub(super) fn test_isolated(
        &mut self,
        id: WorkerId,
        lane: WorkerId,
        done: &Done,
    ) -> Result<bool, Failure> {
        let Some(worker) = self.workers.get(&id).filter(|worker| worker.is_threaded()) else {
            return Ok(false);
        };
        if !done.outcome.is_bad() || self.halt.is_some() {
            return Ok(false);
        }
        let others = worker.running().filter(|(other, ..)| *other != lane).map(|(_, item, _)| item);
        let others: Vec<usize> = others.collect();
        self.isolate(lane, done.clone(), &others)?;
        Ok(true)
    }

    /// A worker is lost, nobody knows by which of its tests.
    pub(super) fn lost_beside(&mut self, worker: &Worker, reason: &str) -> Result<(), Failure> {
        let running: Vec<(WorkerId, usize, Instant)> = worker.running().collect();
        if running.is_empty() {
            // Each other loss takes tests from the threads, so that there is an end to them.
            self.lost_workers += 1;
        }
        let orders = self.suite.as_mut().map(|suite| suite.left(worker)).unwrap_or_default();
        self.give(orders)?;
        for (lane, item, since) in &running {
            let others: Vec<usize> =
                running.iter().filter(|(other, ..)| other != lane).map(|(_, item, _)| *item).collect();
            let message = format!("worker {} {reason}{}", worker_name(*lane), worker.stacks_text());
            let duration_us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
            let done =
                Done { i: *item, outcome: Outcome::Failed, duration_us, message, output: String::new() };
            self.isolate(*lane, done, &others)?;
        }
        Ok(())
    }

    fn isolate(&mut self, lane: WorkerId, done: Done, others: &[usize]) -> Result<(), Failure> {
        let Some(suite) = &mut self.suite else { return Ok(()) };
        let beside = others.iter().filter_map(|item| suite.collected.ids.get(*item).cloned()).collect();
        let orders = match suite.beside.as_mut().and_then(|beside| beside.held.as_mut()) {
            Some(held) => {
                held.push(done.i);
                Vec::new()
            }
            None => suite.scheduler.again(lane, done.i),
        };
        let failure = self.record_of(lane, done);
        self.show(&Record::TestIsolated { beside, failure })?;
        self.give(orders)
    }
}
