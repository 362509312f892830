//! The scheduler held against workers that behave as the Python side does, and some that get stuck or crash.

use proptest::prelude::*;

use super::*;

/// A worker as the Python side behaves: runs in order, holds back the last until it is stopped.
#[derive(Default)]
struct Simulated {
    queue: VecDeque<usize>,
    running: Option<usize>,
    stopping: bool,
    steals: Vec<usize>,
}

struct World {
    scheduler: Scheduler,
    workers: BTreeMap<WorkerId, Simulated>,
    next: WorkerId,
    ended: Vec<(WorkerId, usize)>,
    lost: Vec<usize>,
    /// It cannot end a test before all others are gone.
    stuck: Option<WorkerId>,
}

impl World {
    fn obey(&mut self, orders: Vec<Order>) {
        for (id, order) in orders {
            let Some(worker) = self.workers.get_mut(&id) else { continue };
            match order {
                ToWorker::Run { items } => {
                    assert!(!worker.stopping, "work for a worker that was stopped");
                    worker.queue.extend(items);
                }
                ToWorker::Steal { count } => worker.steals.push(count),
                ToWorker::GoOn | ToWorker::Lane { .. } => {}
                ToWorker::Stop => worker.stopping = true,
                ToWorker::Cancel => {
                    worker.stopping = true;
                    worker.queue.clear();
                }
            }
        }
    }

    fn join(&mut self) {
        let id = self.next;
        self.next += 1;
        self.workers.insert(id, Simulated::default());
        let orders = self.scheduler.joined(id);
        self.obey(orders);
    }

    /// One step of one worker; false when it cannot do anything.
    fn step(&mut self, id: WorkerId, duration_us: u64) -> bool {
        let others = self.workers.len() > 1;
        let Some(worker) = self.workers.get_mut(&id) else { return false };
        if worker.running.is_some() && self.stuck == Some(id) && others {
            return false;
        }
        if let Some(item) = worker.running.take() {
            self.ended.push((id, item));
            let orders = self.scheduler.finished(id, duration_us);
            self.obey(orders);
        } else if let Some(count) = worker.steals.pop() {
            let spare = count.min(worker.queue.len().saturating_sub(1));
            let back: Vec<usize> = worker.queue.split_off(worker.queue.len() - spare).into();
            let orders = self.scheduler.returned(id, &back);
            self.obey(orders);
            while self.scheduler.wants_another() {
                self.join();
            }
        } else if worker.queue.len() > 1 || (worker.stopping && !worker.queue.is_empty()) {
            worker.running = worker.queue.pop_front();
            self.scheduler.started(id, worker.running.unwrap_or_default());
        } else if worker.stopping {
            self.workers.remove(&id);
            let (running, orders) = self.scheduler.left(id);
            assert_eq!(running, None);
            self.obey(orders);
        } else {
            return false;
        }
        true
    }

    fn wait_no_longer(&mut self) {
        let running = self.workers.iter().filter(|(_, worker)| worker.running.is_some());
        let running: Vec<WorkerId> = running.map(|(id, _)| *id).collect();
        let orders = self.scheduler.held_up(&running);
        self.obey(orders);
    }

    fn crash(&mut self, id: WorkerId) {
        if self.workers.remove(&id).is_some() {
            let (running, orders) = self.scheduler.left(id);
            self.lost.extend(running);
            self.obey(orders);
        }
    }
}

proptest! {
    /// Whatever the order of events, the crashes and the wrong estimates: every item runs once, or once
    /// in each worker; scopes stay together where they must.
    #[test]
    fn every_item_is_run_exactly_once(
        durations in prop::collection::vec(prop::option::of(1u64..400_000), 0..120),
        workers in 1usize..5,
        moves in prop::collection::vec((0usize..6, 0u64..300_000, 0u8..12), 0..400),
        plan in 0u8..3, scopes in 1usize..20, crashes: bool, stuck in prop::option::of((0usize..4, 0usize..400)),
    ) {
        let (plan, copies) = match plan {
            0 => (Plan::Any, 1),
            1 => (Plan::Scopes, 1),
            _ => (Plan::Each(workers), workers),
        };
        let items: Vec<Item> = durations.iter().enumerate()
            .map(|(index, duration_us)| Item { scope: index * 5 % scopes, duration_us: *duration_us }).collect();
        let count = items.len();
        let mut world = World {
            scheduler: Scheduler::new(items, workers, plan, true), workers: BTreeMap::new(), next: 0,
            ended: Vec::new(), lost: Vec::new(), stuck: None,
        };
        for _ in 0..workers {
            world.join();
        }
        for (number, (pick, duration_us, luck)) in moves.into_iter().enumerate() {
            world.stuck = world.stuck.or(stuck.filter(|(_, at)| *at == number).map(|(id, _)| id));
            if luck == 1 {
                world.wait_no_longer();
            }
            let ids: Vec<WorkerId> = world.workers.keys().copied().collect();
            if let Some(id) = ids.get(pick % ids.len().max(1)).copied() {
                if luck == 0 && crashes { world.crash(id) } else { world.step(id, duration_us); }
            }
            if world.workers.is_empty() && world.scheduler.has_unclaimed() {
                world.join();
            }
        }
        loop {
            let ids: Vec<WorkerId> = world.workers.keys().copied().collect();
            let moved = ids.into_iter().filter(|id| world.step(*id, 10_000)).count() > 0;
            if world.workers.is_empty() && !world.scheduler.has_unclaimed() {
                break;
            }
            if world.workers.is_empty() {
                world.join();
            } else if !moved && world.scheduler.awaits_answer() {
                world.wait_no_longer();
            } else {
                prop_assert!(moved, "nobody can go on: {:?}", world.scheduler);
            }
        }
        if plan == Plan::Scopes && world.lost.is_empty() && !crashes {
            let homes: std::collections::BTreeSet<(usize, WorkerId)> =
                world.ended.iter().map(|(worker, item)| (item * 5 % scopes, *worker)).collect();
            prop_assert!(homes.len() <= scopes, "a scope in two workers: {homes:?}");
        }
        let mut all: Vec<usize> = world.ended.iter().map(|(_, item)| *item).chain(world.lost).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..count).flat_map(|item| vec![item; copies]).collect::<Vec<_>>());
        if !crashes {
            world.ended.sort_unstable();
            world.ended.dedup();
            prop_assert_eq!(world.ended.len(), count * copies, "an item came twice to a worker");
        }
    }
}

#[test]
fn as_many_tests_as_workers_run_side_by_side() {
    let mut scheduler = Scheduler::new(vec![Item { scope: 0, duration_us: None }; 2], 2, Plan::Any, true);
    assert_eq!(scheduler.joined(0), [(0, ToWorker::Run { items: vec![0] }), (0, ToWorker::Stop)]);
    assert_eq!(scheduler.joined(1), [(1, ToWorker::Run { items: vec![1] }), (1, ToWorker::Stop)]);
}

#[test]
fn scopes_that_come_later_stay_whole() {
    let items = [0, 1, 0, 1].map(|scope| Item { scope, duration_us: None }).into();
    let mut scheduler = Scheduler::new(items, 2, Plan::Scopes, true).awaiting(0);
    scheduler.keep_only(&[]);
    assert_eq!(scheduler.add(vec![3, 0, 2, 1]), []);
    assert_eq!(scheduler.unclaimed(), 2);
    let told = |items: &[usize]| ToWorker::Run { items: items.to_vec() };
    assert_eq!(scheduler.joined(5), [(5, told(&[0, 2]))]);
    assert_eq!(scheduler.joined(6), [(6, told(&[1, 3]))]);
}

#[test]
fn a_cancelled_run_begins_nothing_more() {
    let mut scheduler = Scheduler::new(vec![Item { scope: 0, duration_us: None }; 50], 2, Plan::Any, true);
    scheduler.joined(0);
    assert_eq!(scheduler.cancel(), [(0, ToWorker::Cancel)]);
    assert_eq!(scheduler.finished(0, 5), []);
    assert!(!scheduler.has_unclaimed());
}
