//! Which worker runs which item next. Must not know how workers are told, nor what items do.
//!
//! Items are planned in chunks ([`super::chunks`]). A worker takes a chunk as its reserve and is told
//! of it bit by bit, so that little has to be taken back when another falls idle: idle workers
//! first take chunks, then half of another's reserve, and at last what another has been told of
//! but not begun. A worker always knows the item after the one it runs, which pytest needs to
//! know which fixtures to keep.
//!
//! An idle worker keeps its fixtures, and another may be held up by just those: who is held up is asked
//! for nothing, and who would wait for its answer ends instead.

use std::collections::{BTreeMap, VecDeque};

use super::chunks::{self, Item};
use crate::protocol::{ToWorker, WorkerId};

/// Below this much work told, a worker is told of more.
const LOW_US: u64 = 50_000;
/// Up to this much.
const HIGH_US: u64 = 100_000;
/// So many measured items make a mean.
const MEASURED: u64 = 4;
/// An item and the one after it.
const AHEAD: usize = 2;

/// What a worker may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Any item.
    Any,
    /// Whole scopes.
    Scopes,
    /// Every item, once in each of so many workers.
    Each(usize),
}

/// An order and the worker it is for.
pub type Order = (WorkerId, ToWorker);

/// The state of a run: what is to do, and what each worker has.
#[derive(Debug)]
pub struct Scheduler {
    items: Vec<Item>,
    plan: Plan,
    mean_us: u64,
    pool: VecDeque<VecDeque<usize>>,
    workers: BTreeMap<WorkerId, Worker>,
    /// Workers still to join: each is to find something to do.
    awaited: usize,
    /// Workers that ended only because another was held up.
    let_go: usize,
    /// Sum and count of what this run measured, in microseconds.
    measured: (u64, u64),
    /// Whether an earlier run's durations are known.
    remembered: bool,
}

#[derive(Debug, Default)]
struct Worker {
    /// Planned for it, not told.
    reserve: VecDeque<usize>,
    /// Told, not begun.
    told: VecDeque<usize>,
    running: Option<usize>,
    giving: Giving,
    /// Told that nothing more will come.
    stopped: bool,
    /// Whether it has had a chunk.
    fed: bool,
}

/// Whether a worker may be asked to give back what it was told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Giving {
    #[default]
    Open,
    /// It was asked and has not answered.
    Asked,
    /// Nothing is to be expected of it before it speaks again.
    HeldUp,
}

impl Worker {
    fn is_held_up(&self) -> bool {
        self.giving == Giving::HeldUp
    }

    fn spoke(&mut self) {
        if self.is_held_up() {
            self.giving = Giving::Open;
        }
    }
}

impl Scheduler {
    /// A run of `items` on about so many workers.
    ///
    /// The slowest come first where that is free and durations are known.
    pub fn new(items: Vec<Item>, workers: usize, plan: Plan, slowest_first: bool) -> Self {
        let estimates = chunks::estimates(&items);
        let mean_us = estimates.iter().sum::<u64>().checked_div(items.len() as u64).unwrap_or(1);
        let pool = match plan {
            Plan::Any => chunks::cut(&items, workers, slowest_first),
            Plan::Scopes => chunks::gather(&items, slowest_first),
            Plan::Each(_) if items.is_empty() => VecDeque::new(),
            Plan::Each(copies) => std::iter::repeat_n((0..items.len()).collect(), copies).collect(),
        };
        let remembered = items.iter().any(|item| item.duration_us.is_some());
        let awaited = workers;
        Scheduler {
            items,
            plan,
            mean_us,
            pool,
            workers: BTreeMap::new(),
            awaited,
            let_go: 0,
            measured: (0, 0),
            remembered,
        }
    }

    /// Only so many workers will join at first, if others do later.
    #[must_use]
    pub fn awaiting(mut self, workers: usize) -> Self {
        self.awaited = workers;
        self
    }

    /// Leaves out all items but these, sorted; before any worker joins.
    pub fn keep_only(&mut self, items: &[usize]) {
        for chunk in &mut self.pool {
            chunk.retain(|item| items.binary_search(item).is_ok());
        }
        self.pool.retain(|chunk| !chunk.is_empty());
    }

    /// A worker is ready for work.
    pub fn joined(&mut self, worker: WorkerId) -> Vec<Order> {
        self.awaited = self.awaited.saturating_sub(1);
        self.workers.insert(worker, Worker::default());
        self.feed(worker)
    }

    /// A worker began an item.
    pub fn started(&mut self, worker: WorkerId, item: usize) {
        if let Some(state) = self.workers.get_mut(&worker) {
            state.told.retain(|told| *told != item);
            state.running = Some(item);
            state.spoke();
        }
    }

    /// A worker finished an item, which took so long.
    pub fn finished(&mut self, worker: WorkerId, duration_us: u64) -> Vec<Order> {
        self.measured = (self.measured.0 + duration_us, self.measured.1 + 1);
        if let Some(state) = self.workers.get_mut(&worker) {
            state.running = None;
            state.spoke();
        }
        self.feed(worker)
    }

    /// A worker gave these back.
    pub fn returned(&mut self, worker: WorkerId, items: &[usize]) -> Vec<Order> {
        if let Some(state) = self.workers.get_mut(&worker) {
            state.giving = Giving::Open;
            state.told.retain(|told| !items.contains(told));
        }
        self.put_back(items.iter().copied().collect());
        self.feed_all()
    }

    /// Whether a worker is idle until another answers.
    pub fn awaits_answer(&self) -> bool {
        self.workers.values().any(|worker| worker.giving == Giving::Asked)
    }

    /// These workers may be unable to go on while others keep what they have: whoever would be idle until they do
    /// ends.
    pub fn held_up(&mut self, workers: &[WorkerId]) -> Vec<Order> {
        for id in workers {
            if let Some(worker) = self.workers.get_mut(id) {
                worker.giving = Giving::HeldUp;
            }
        }
        let orders = self.feed_all();
        self.let_go += orders.iter().filter(|(_, order)| *order == ToWorker::Stop).count();
        orders
    }

    /// Whether a worker that joins now would make up for one that ended because another was held up; asked once
    /// for each that does join.
    pub fn wants_another(&mut self) -> bool {
        let wanted = self.let_go > 0 && self.unclaimed() > 0;
        self.let_go -= usize::from(wanted);
        wanted
    }

    /// An item that a worker ran is to run again: anywhere; where scopes stay together, not beside its scope.
    pub fn again(&mut self, worker: WorkerId, item: usize) -> Vec<Order> {
        match self.workers.get_mut(&worker).filter(|_| self.plan != Plan::Any) {
            // When it is stopped, this goes back to the pool with its end.
            Some(state) => state.reserve.push_front(item),
            None => self.put_back(VecDeque::from([item])),
        }
        self.feed_all()
    }

    /// More items, each scope for itself.
    pub fn add(&mut self, mut items: Vec<usize>) -> Vec<Order> {
        items.sort_unstable();
        items.sort_by_key(|item| self.items[*item].scope);
        for scope in items.chunk_by(|a, b| self.items[*a].scope == self.items[*b].scope) {
            self.pool.push_back(scope.iter().copied().collect());
        }
        self.feed_all()
    }

    /// A worker is gone, in good order or not: the item it was at, and orders for the others.
    pub fn left(&mut self, worker: WorkerId) -> (Option<usize>, Vec<Order>) {
        let Some(mut state) = self.workers.remove(&worker) else { return (None, Vec::new()) };
        state.told.append(&mut state.reserve);
        self.put_back(state.told);
        (state.running, self.feed_all())
    }

    /// Nothing more is to be begun.
    pub fn cancel(&mut self) -> Vec<Order> {
        self.pool.clear();
        let mut orders = Vec::new();
        for (id, worker) in &mut self.workers {
            worker.reserve.clear();
            worker.told.clear();
            worker.stopped = true;
            orders.push((*id, ToWorker::Cancel));
        }
        orders
    }

    /// Whether items wait that no worker has.
    pub fn has_unclaimed(&self) -> bool {
        !self.pool.is_empty()
    }

    /// How much a worker that joins may find: items, or chunks where they stay whole.
    pub fn unclaimed(&self) -> usize {
        if self.plan != Plan::Any {
            return self.pool.len();
        }
        let reserves = self.workers.values().map(|worker| worker.reserve.len());
        self.pool.iter().map(VecDeque::len).chain(reserves).sum()
    }

    fn put_back(&mut self, items: VecDeque<usize>) {
        if !items.is_empty() {
            self.pool.push_front(items);
        }
    }

    /// Those with least to do come first, else a worker could take back at once what it gave for another.
    fn feed_all(&mut self) -> Vec<Order> {
        let mut workers: Vec<WorkerId> = self.workers.keys().copied().collect();
        workers.sort_by_key(|id| self.workers.get(id).map_or(0, |worker| worker.told.len()));
        workers.into_iter().flat_map(|worker| self.feed(worker)).collect()
    }

    fn feed(&mut self, id: WorkerId) -> Vec<Order> {
        let takes = |worker: &&Worker| !worker.stopped && !worker.is_held_up();
        let Some(worker) = self.workers.get(&id).filter(takes) else { return Vec::new() };
        let mut ahead = worker.told.len();
        let mut work_us: u64 = worker.told.iter().map(|item| self.estimate(*item)).sum();
        // While nobody knows what a test takes, ten may be ten seconds: they are told of late.
        let (low_us, high_us) = if self.can_estimate() { (LOW_US, HIGH_US) } else { (0, 0) };
        if ahead >= AHEAD && work_us >= low_us {
            return Vec::new();
        }
        let mut items = Vec::new();
        while ahead < AHEAD || work_us < high_us {
            if ahead > 0 && self.awaited > 0 && self.unclaimed() <= self.awaited && !self.keeps_reserve(id) {
                break;
            }
            let Some(item) = self.claim(id) else { break };
            ahead += 1;
            work_us += self.estimate(item);
            items.push(item);
        }
        let mut orders = Vec::new();
        if !items.is_empty() {
            if let Some(worker) = self.workers.get_mut(&id) {
                worker.told.extend(&items);
            }
            orders.push((id, ToWorker::Run { items }));
        }
        if ahead < AHEAD {
            orders.extend(self.steal_or_stop(id));
        }
        orders
    }

    /// Whether what is planned for a worker is nobody else's, come what may.
    fn keeps_reserve(&self, id: WorkerId) -> bool {
        self.plan != Plan::Any && self.workers.get(&id).is_some_and(|worker| !worker.reserve.is_empty())
    }

    /// The next item for a worker: of its reserve, else of a new chunk, else of another's reserve.
    fn claim(&mut self, id: WorkerId) -> Option<usize> {
        let worker = self.workers.get_mut(&id)?;
        if worker.reserve.is_empty() {
            if matches!(self.plan, Plan::Each(_)) && std::mem::replace(&mut worker.fed, true) {
                return None;
            }
            let more = self.pool.pop_front().or_else(|| {
                if self.plan != Plan::Any {
                    return None;
                }
                let richest = self.workers.values_mut().max_by_key(|worker| worker.reserve.len())?;
                let half = richest.reserve.len() / 2;
                (!richest.reserve.is_empty()).then(|| richest.reserve.split_off(half))
            })?;
            self.workers.get_mut(&id)?.reserve = more;
        }
        self.workers.get_mut(&id)?.reserve.pop_front()
    }

    /// For a worker that there is nothing more for, unless another gives some back.
    fn steal_or_stop(&mut self, id: WorkerId) -> Option<Order> {
        if self.plan == Plan::Any {
            if self.awaits_answer() {
                return None;
            }
            if let Some(order) = self.steal(id) {
                return Some(order);
            }
        }
        self.workers.get_mut(&id)?.stopped = true;
        Some((id, ToWorker::Stop))
    }

    /// Has the worker with the longest queue give some of it back, where that is worth it.
    fn steal(&mut self, id: WorkerId) -> Option<Order> {
        let spare = |worker: &Worker| worker.told.len().saturating_sub(AHEAD);
        let mean_us = self.mean();
        let gives = |other: WorkerId, worker: &Worker| other != id && !worker.stopped && !worker.is_held_up();
        let victim = self.workers.iter_mut().filter(|(other, worker)| gives(**other, worker));
        if let Some((victim, worker)) = victim.max_by_key(|(_, worker)| spare(worker))
            && spare(worker) as u64 * mean_us >= LOW_US
        {
            worker.giving = Giving::Asked;
            return Some((*victim, ToWorker::Steal { count: spare(worker).div_ceil(2) }));
        }
        None
    }

    fn estimate(&self, item: usize) -> u64 {
        self.items[item].duration_us.unwrap_or_else(|| self.mean()).max(1)
    }

    /// Whether estimates rest on something: this run's tests, or an earlier run's.
    fn can_estimate(&self) -> bool {
        self.measured.1 >= MEASURED || self.remembered
    }

    /// What an item took on average: in this run, once a few are through.
    fn mean(&self) -> u64 {
        let (sum, count) = self.measured;
        if count < MEASURED { self.mean_us } else { sum / count }
    }
}

#[cfg(test)]
mod tests;
