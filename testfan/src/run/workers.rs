//! The workers of a run: made, given orders, lost, replaced.

use std::collections::BTreeMap;
use std::time::Instant;

use common::Failure;
use common::outcome::{Outcome, TestFinished};
use serde_json::Value;

use super::lanes::Kind;
use super::{RESTARTS_PER_WORKER, Run};
use crate::error::Error;
use crate::events::{Record, StartedBy};
use crate::protocol::{Begin, Done, HaltKind, NewWorker, ToWorker, ToZygote, WorkerId, worker_name};
use crate::reduce::Order;
use crate::source::{Closed, Event, InMemory, Peer, STREAMS_PER_WORKER, Streams};

/// How long a worker may take to end once it closed its channel, in milliseconds.
const GRACE_MS: u64 = 5_000;

/// One worker, from the order to make it until it is waited for.
pub(super) struct Worker {
    pub(super) peer: Peer,
    /// Whether it has, or will by itself have, the same tests.
    pub(super) ready: bool,
    /// Where it writes its stacks when it is told to, if it ever is.
    stacks: Option<InMemory>,
    /// Its threads by number; the first has its own, and is the only one where it runs one test after the other.
    pub(super) lanes: BTreeMap<WorkerId, Lane>,
    /// Whether it was given work, or will be when it asks for it.
    pub(super) joined: bool,
    /// Since when it has waited for a port that another worker has.
    pub(super) waits: Option<Instant>,
    /// How far it is with ending.
    pub(super) end: End,
    /// Why it is being ended, where testfan does it.
    pub(super) ending: Option<String>,
}

/// A thread of a worker that runs tests.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The item it is at, and since when.
    pub(super) running: Option<(usize, Instant)>,
    /// The reports of that item, for pytest's plugins once it ended for good.
    pub(super) reports: Option<Vec<Value>>,
    /// Whether it is done.
    pub(super) left: bool,
}

/// How far a worker is with ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing is known of an end.
    NotYet,
    /// It said goodbye, and this of itself.
    Announced {
        /// Its `config.workeroutput`, packed.
        output: String,
    },
    /// The zygote was asked to wait for it, or to bring it about.
    Awaited,
}

impl Worker {
    fn new(peer: Peer, ready: bool, stacks: Option<InMemory>, lanes: impl Iterator<Item = WorkerId>) -> Self {
        let lanes = lanes.map(|lane| (lane, Lane::default())).collect();
        Worker { peer, ready, stacks, lanes, joined: false, waits: None, end: End::NotYet, ending: None }
    }

    /// What its threads were at, where it wrote that down.
    pub(super) fn stacks_text(&self) -> String {
        self.stacks.as_ref().map(InMemory::text).unwrap_or_default()
    }

    /// Whether it runs several tests at a time.
    pub(super) fn is_threaded(&self) -> bool {
        self.lanes.len() > 1
    }

    /// The items it is at, by thread, and since when.
    pub(super) fn running(&self) -> impl Iterator<Item = (WorkerId, usize, Instant)> {
        self.lanes.iter().filter_map(|(id, lane)| lane.running.map(|(item, since)| (*id, item, since)))
    }
}

impl Run<'_> {
    pub(super) fn make_worker(&mut self, kind: Kind) -> Result<(), Failure> {
        let Some(suite) = &self.suite else { return Ok(()) };
        let id = self.next_worker;
        let worker = worker_name(id);
        let lanes = id..id + if kind == Kind::Threaded { suite.threads() } else { 1 };
        let stacks = self.config.timeout.map(|_| InMemory::new()).transpose().map_err(Error::Channel)?;
        let begin = Begin {
            worker: worker.clone(),
            stack_file: stacks.as_ref().map(InMemory::path),
            lanes: lanes.clone().map(worker_name).filter(|_| kind == Kind::Threaded).collect(),
            ..self.begin.clone()
        };
        let new = NewWorker { worker, workers: self.begin.workers, alone: suite.alone };
        let order = match suite.start {
            StartedBy::Fork => ToZygote::Fork(new),
            StartedBy::Spawn => ToZygote::Spawn(new),
        };
        let streams = Streams::of(id, &self.sender).map_err(Error::Channel)?;
        let peer = self.zygote.make_worker(&order, &begin, &streams)?;
        self.open_streams += STREAMS_PER_WORKER;
        self.next_worker = lanes.end;
        self.workers.insert(id, Worker::new(peer, suite.start == StartedBy::Fork, stacks, lanes));
        Ok(())
    }

    pub(super) fn worker_started(&mut self, worker: &str, pid: i32) -> Result<(), Failure> {
        let Some(id) = self.worker_id(worker) else { return Ok(()) };
        let Some(state) = self.workers.get(&id) else { return Ok(()) };
        let (ready, lanes) = (state.ready, state.lanes.keys().copied().map(worker_name).collect::<Vec<_>>());
        let message = move |message| Event::Worker(id, message);
        let closed = move |why| Event::WorkerClosed(id, why);
        state.peer.listen(Some(pid), self.sender.clone(), message, closed).map_err(Error::Channel)?;
        for worker in lanes {
            self.show(&Record::WorkerStarted { worker, pid })?;
        }
        if ready { self.worker_ready(id) } else { Ok(()) }
    }

    /// From here on the worker gets work; or none, when the run is being ended.
    pub(super) fn worker_ready(&mut self, id: WorkerId) -> Result<(), Failure> {
        let (Some(suite), Some(worker)) = (&mut self.suite, self.workers.get_mut(&id)) else { return Ok(()) };
        worker.joined = true;
        let scheduler = suite.scheduler_of(worker.is_threaded());
        let mut orders: Vec<Order> = worker.lanes.keys().flat_map(|lane| scheduler.joined(*lane)).collect();
        if self.halt.is_some() {
            orders = scheduler.cancel();
        }
        self.give(orders)
    }

    pub(super) fn give(&mut self, orders: Vec<Order>) -> Result<(), Failure> {
        for (id, order) in orders {
            if matches!(order, ToWorker::Steal { .. }) {
                self.asked_at = Instant::now();
            }
            let Some((first, worker)) = self.workers.range(..=id).next_back() else { continue };
            if !worker.lanes.contains_key(&id) {
                continue;
            }
            let order = if worker.is_threaded() {
                ToWorker::Lane { lane: id - first, order: Box::new(order) }
            } else {
                order
            };
            worker.peer.send(&order).map_err(Error::Channel)?;
        }
        Ok(())
    }

    /// Nothing more comes from a worker. Its end is waited for, and tells why.
    pub(super) fn worker_closed(&mut self, id: WorkerId, why: &Closed) -> Result<(), Failure> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        if matches!(worker.end, End::Announced { .. }) {
            self.reap(id, GRACE_MS, false)?;
            return self.worker_finished(id);
        }
        if worker.end == End::Awaited {
            return Ok(());
        }
        let mut grace_ms = GRACE_MS / 5;
        if let Closed::Garbage(text) = why {
            grace_ms = 0;
            worker.ending = Some(format!("wrote garbage on its channel to testfan ({text})"));
        }
        self.reap(id, grace_ms, false)
    }

    /// Has the zygote wait for a worker's end, once, so long before it kills it.
    fn reap(&mut self, id: WorkerId, grace_ms: u64, dump: bool) -> Result<(), Failure> {
        let Some(worker) = self.workers.get_mut(&id).filter(|worker| worker.end != End::Awaited) else {
            return Ok(());
        };
        let output = match std::mem::replace(&mut worker.end, End::Awaited) {
            End::Announced { output } => Some(output),
            _ => None,
        };
        Ok(self.zygote.ask(&ToZygote::Reap { worker: worker_name(id), grace_ms, dump, output })?)
    }

    /// Ends every worker at once.
    pub(super) fn end_all(&mut self) -> Result<(), Failure> {
        let all: Vec<WorkerId> = self.workers.keys().copied().collect();
        all.into_iter().try_for_each(|id| self.reap(id, 0, false))
    }

    fn worker_finished(&mut self, id: WorkerId) -> Result<(), Failure> {
        self.tests_interrupted(id)?;
        let (Some(worker), Some(suite)) = (self.workers.remove(&id), &mut self.suite) else { return Ok(()) };
        let orders = suite.left(&worker);
        for lane in worker.lanes.into_keys() {
            self.show(&Record::WorkerFinished { worker: worker_name(lane) })?;
        }
        self.give(orders)?;
        self.release()?;
        self.fill()?;
        self.finish_if_done()
    }

    /// A lost worker's end is known: the test it was at failed, and another takes its place.
    pub(super) fn worker_reaped(&mut self, name: &str, status: i32, killed: bool) -> Result<(), Failure> {
        let Some(id) = self.worker_id(name) else { return Ok(()) };
        let threaded = self.workers.get(&id).is_some_and(Worker::is_threaded);
        if self.interrupts > 0 || (threaded && self.halt.is_some()) {
            self.tests_interrupted(id)?;
        }
        let Some(worker) = self.workers.remove(&id) else { return Ok(()) };
        let reason = worker.ending.clone().unwrap_or_else(|| how_it_ended(status, killed));
        for (lane, state) in &worker.lanes {
            let at = state.running.and_then(|(item, _)| self.id_of(item));
            self.show(&Record::WorkerLost { worker: worker_name(*lane), reason: reason.clone(), id: at })?;
        }
        if !worker.ready {
            return Err(Error::WorkerFailed { worker: name.to_owned(), how: reason }.into());
        }
        if worker.running().next().is_none() && self.halt.is_none() {
            self.session.warn(&format!("worker {name} {reason} between tests"));
        }
        if threaded {
            self.lost_beside(&worker, &reason)?;
        } else {
            self.lost_alone(id, &worker, &reason)?;
        }
        let limit = self.restarts();
        if self.lost_workers > limit {
            self.halt(HaltKind::Stopped, format!("maximum crashed workers reached: {limit}"), None)?;
        }
        self.release()?;
        self.fill()?;
        self.finish_if_done()
    }

    /// How many lost workers are replaced.
    fn restarts(&self) -> usize {
        let suite = self.suite.as_ref();
        let asked = self.config.restarts.or(suite.and_then(|suite| suite.collected.wanted.restarts));
        asked.unwrap_or(suite.map_or(0, |suite| suite.workers) * RESTARTS_PER_WORKER)
    }

    /// A lost worker's test failed, if it was at one.
    fn lost_alone(&mut self, id: WorkerId, worker: &Worker, reason: &str) -> Result<(), Failure> {
        self.lost_workers += 1;
        let Some(suite) = &mut self.suite else { return Ok(()) };
        let running = worker.running().next();
        let again = running.filter(|_| self.halt.is_none());
        let attempt = again.and_then(|(_, item, _)| self.retries.failed(item));
        let mut orders = match (attempt, running) {
            (Some(_), Some((_, item, _))) => suite.scheduler.again(id, item),
            _ => Vec::new(),
        };
        orders.extend(suite.left(worker));
        self.give(orders)?;
        let Some((_, item, since)) = running else { return Ok(()) };
        let test = self.id_of(item).unwrap_or_default();
        let message =
            format!("worker {} {reason} while running {test}{}", worker_name(id), worker.stacks_text());
        let duration_us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let done = Done { i: item, outcome: Outcome::Failed, duration_us, message, output: String::new() };
        match attempt {
            Some(attempt) => self.show_retried(id, attempt, &done),
            None => self.test_lost(id, done),
        }
    }

    /// A test's node id.
    pub(super) fn id_of(&self, item: usize) -> Option<String> {
        self.suite.as_ref().and_then(|suite| suite.collected.ids.get(item)).cloned()
    }

    fn test_lost(&mut self, id: WorkerId, done: Done) -> Result<(), Failure> {
        let (worker, i, message) = (worker_name(id), done.i, done.message.clone());
        self.unjudged.push((id, done));
        Ok(self.zygote.ask(&ToZygote::Lost { worker, i, message })?)
    }

    /// A lost worker's test failed, or a hook wants it to run again.
    pub(super) fn test_judged(&mut self, item: usize, again: bool) -> Result<(), Failure> {
        let Some(at) = self.unjudged.iter().position(|(_, done)| done.i == item) else { return Ok(()) };
        let (id, done) = self.unjudged.remove(at);
        if again && self.halt.is_none() {
            let attempt = self.retries.granted(item);
            self.show_retried(id, attempt, &done)?;
            let orders = self.suite.as_mut().map(|suite| suite.scheduler.again(id, item)).unwrap_or_default();
            self.give(orders)?;
        } else {
            self.tally.done(&done, true);
            self.attempts(&done);
            self.test_ended(id, done)?;
        }
        self.finish_if_done()
    }

    /// How many attempts a test took that ended for good, which is remembered.
    fn attempts(&mut self, done: &Done) -> usize {
        let attempts = self.retries.ended(done.i, done.outcome.is_bad());
        if let Some(id) = self.suite.as_ref().and_then(|suite| suite.collected.ids.get(done.i)) {
            self.flakiness.ended(id, attempts, done.outcome);
        }
        attempts
    }

    /// Whether a test failed and is to run again; then that is under way.
    pub(super) fn test_retried(&mut self, id: WorkerId, done: &Done) -> Result<bool, Failure> {
        if !done.outcome.is_bad() || self.halt.is_some() {
            return Ok(false);
        }
        let Some(attempt) = self.retries.failed(done.i) else { return Ok(false) };
        self.show_retried(id, attempt, done)?;
        let mut orders =
            self.suite.as_mut().map(|suite| suite.scheduler.again(id, done.i)).unwrap_or_default();
        if self.begin.hold_after_failure {
            orders.push((id, ToWorker::GoOn));
        }
        self.give(orders)?;
        Ok(true)
    }

    fn show_retried(&mut self, id: WorkerId, attempt: usize, done: &Done) -> Result<(), Failure> {
        let failure = self.record_of(id, done.clone());
        self.show(&Record::TestRetried { attempt, failure })
    }

    pub(super) fn record_of(&self, id: WorkerId, done: Done) -> TestFinished {
        let Done { i, outcome, duration_us, message, output } = done;
        let test = self.id_of(i).unwrap_or_default();
        TestFinished { id: test, outcome, duration_us, worker: worker_name(id), message, output }
    }

    /// The tests that a worker is at, if it is at any, will have no outcome.
    pub(super) fn tests_interrupted(&mut self, id: WorkerId) -> Result<(), Failure> {
        let lanes = self.workers.get(&id).map(|worker| worker.lanes.keys().copied().collect::<Vec<_>>());
        lanes.unwrap_or_default().into_iter().try_for_each(|lane| self.test_interrupted(id, lane))
    }

    /// The same for one of its threads.
    pub(super) fn test_interrupted(&mut self, id: WorkerId, lane: WorkerId) -> Result<(), Failure> {
        let lanes = self.workers.get_mut(&id).map(|worker| &mut worker.lanes);
        let running = lanes.and_then(|lanes| lanes.get_mut(&lane)?.running.take());
        let Some((item, _)) = running else { return Ok(()) };
        let test = self.id_of(item).unwrap_or_default();
        self.show(&Record::TestInterrupted { id: test, worker: worker_name(lane) })
    }

    /// One test ended for good; pytest's plugins get its reports, if it has any.
    pub(super) fn test_done(
        &mut self,
        id: WorkerId,
        done: Done,
        reports: Option<Vec<Value>>,
    ) -> Result<(), Failure> {
        self.tally.done(&done, reports.is_some());
        let attempts = self.attempts(&done);
        if let Some(data) = reports {
            self.zygote.ask(&ToZygote::Report { worker: worker_name(id), i: done.i, data, attempts })?;
        }
        self.test_ended(id, done)
    }

    fn test_ended(&mut self, id: WorkerId, done: Done) -> Result<(), Failure> {
        let Some(suite) = &mut self.suite else { return Ok(()) };
        let bad = done.outcome.is_bad();
        if bad {
            suite.maxfail.failed();
        }
        let (reached, maxfail) = (suite.maxfail.reached(), suite.collected.maxfail);
        let record = Record::TestFinished(self.record_of(id, done));
        self.show(&record)?;
        if reached {
            self.halt(HaltKind::Failed, format!("stopping after {maxfail} failures"), None)?;
        }
        // Even then: a worker that was told to cancel while its test ran waits all the same.
        let held = bad && self.begin.hold_after_failure;
        if held { self.give(vec![(id, ToWorker::GoOn)]) } else { Ok(()) }
    }

    /// When the first of the running tests has run too long, or idle workers have waited long enough.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let overdue = self.config.timeout.and_then(|limit| {
            let counted = |worker: &&Worker| worker.end != End::Awaited && worker.waits.is_none();
            let running = self.workers.values().filter(counted);
            running.flat_map(Worker::running).map(|(_, _, since)| since + limit).min()
        });
        self.patience_ends().into_iter().chain(overdue).min()
    }

    /// Ends the workers whose test has run too long, having them write down where they are.
    pub(super) fn end_overdue(&mut self) -> Result<(), Failure> {
        let Some(limit) = self.config.timeout else { return Ok(()) };
        let mut overdue = Vec::new();
        for (id, worker) in &mut self.workers {
            if worker.end != End::Awaited
                && worker.waits.is_none()
                && worker.running().any(|(_, _, since)| since.elapsed() >= limit)
            {
                worker.ending = Some(format!("was ended after {} s", limit.as_secs_f64()));
                overdue.push(*id);
            }
        }
        overdue.into_iter().try_for_each(|id| self.reap(id, 0, true))
    }

    fn worker_id(&self, name: &str) -> Option<WorkerId> {
        self.workers.keys().copied().find(|id| worker_name(*id) == name)
    }
}

/// A wait status in words.
fn how_it_ended(status: i32, killed: bool) -> String {
    let signal = status & 0x7f;
    if killed {
        "closed its channel to testfan".to_owned()
    } else if signal == 0 {
        format!("ended with exit code {}", status >> 8 & 0xff)
    } else {
        let name = signal_hook::low_level::signal_name(signal).unwrap_or("a signal");
        format!("was killed by {name} (signal {signal})")
    }
}
