//! `Atomics.wait` and `Atomics.notify` (<https://tc39.es/ecma262/#sec-atomics.wait>), which the engine has too, but
//! in a way that nothing can interrupt. Must not know what the memory means.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// Somebody notified it.
    Notified,
    /// The memory had another value to begin with.
    NotEqual,
    TimedOut,
    /// The thread must come to an end.
    Stopped,
}

/// Who waits, in the order they came: a ticket, the thread's number and the address it waits for.
#[derive(Debug, Default)]
struct State {
    last_ticket: u64,
    waiting: Vec<(u64, usize, usize)>,
    /// Where a waiter found the change that a notification was still to come for.
    owed: HashSet<usize>,
    /// Where a notification came while nobody waited.
    spent: HashSet<usize>,
}

/// The waiting threads of a group. There are few, so one bell rings for all.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    state: Mutex<State>,
    bell: Condvar,
}

impl Waiters {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the thread `number` wait for a notification at `address`, unless `as_expected` denies, for at most `limit`.
    pub(super) fn wait(
        &self,
        number: usize,
        address: usize,
        as_expected: impl Fn() -> bool,
        limit: Option<Duration>,
        is_stopped: impl Fn() -> bool,
    ) -> Waited {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.state();
        // Under the lock: who changes the value and then notifies cannot be missed.
        let spent = state.spent.remove(&address);
        if !as_expected() {
            if !spent {
                state.owed.insert(address);
            }
            return Waited::NotEqual;
        }
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        state.waiting.push((ticket, number, address));
        loop {
            if !state.waiting.iter().any(|(own, ..)| *own == ticket) {
                // Whoever changes a value and then notifies may come to the second so late that this thread has
                // seen the change, done what follows and waits anew: that notification is not this wait's.
                if state.owed.remove(&address) && as_expected() {
                    state.waiting.push((ticket, number, address));
                    continue;
                }
                return Waited::Notified;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let over = match left {
                _ if is_stopped() => Some(Waited::Stopped),
                Some(Duration::ZERO) => Some(Waited::TimedOut),
                _ => None,
            };
            if let Some(over) = over {
                state.waiting.retain(|(own, ..)| *own != ticket);
                return over;
            }
            state = match left {
                Some(left) => self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.bell.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Wakes up to `count` of those that wait for `address`, first come, first served; the threads' numbers.
    pub(super) fn notify(&self, address: usize, count: usize) -> Vec<usize> {
        let mut state = self.state();
        let mut woken = Vec::new();
        state.waiting.retain(|(_, number, waited)| {
            let wakes = *waited == address && woken.len() < count;
            woken.extend(wakes.then_some(*number));
            !wakes
        });
        if woken.is_empty() && !state.owed.remove(&address) {
            state.spent.insert(address);
        }
        self.bell.notify_all();
        woken
    }

    /// Has every waiting thread look whether it must stop.
    pub(super) fn look(&self) {
        let _state = self.state();
        self.bell.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const FOREVER: Option<Duration> = None;

    #[test]
    fn nobody_waits_for_another_value_or_for_no_time() {
        let waiters = Waiters::default();
        assert_eq!(waiters.wait(1, 8, || false, FOREVER, || false), Waited::NotEqual);
        assert_eq!(waiters.wait(1, 8, || true, Some(Duration::ZERO), || false), Waited::TimedOut);
        assert_eq!(waiters.wait(1, 8, || true, FOREVER, || true), Waited::Stopped);
        assert!(waiters.notify(8, usize::MAX).is_empty());
    }

    #[test]
    fn a_notification_of_a_change_seen_before_ends_no_later_wait() {
        let waiters = Waiters::default();
        let changed = AtomicBool::new(true);
        let unchanged = || !changed.load(Ordering::SeqCst);
        assert_eq!(waiters.wait(1, 8, unchanged, FOREVER, || false), Waited::NotEqual);
        changed.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| waiters.wait(1, 8, unchanged, FOREVER, || false));
            while waiters.notify(8, 1).is_empty() {
                // Taken for the late one if nobody waited yet.
                waiters.state().owed.insert(8);
                waiters.state().spent.clear();
            }
            assert!(!second.is_finished());
            changed.store(true, Ordering::SeqCst);
            while !second.is_finished() {
                waiters.notify(8, 1);
            }
            assert_eq!(second.join().map_err(drop), Ok(Waited::Notified));
        });
    }

    #[test]
    fn those_at_the_address_are_woken_and_no_others() {
        let waiters = Waiters::default();
        std::thread::scope(|scope| {
            let waiters = &waiters;
            let wait =
                |address| scope.spawn(move || waiters.wait(address, address, || true, FOREVER, || false));
            let (first, second, other) = (wait(8), wait(8), wait(16));
            let mut woken = 0;
            while woken < 2 {
                woken += waiters.notify(8, 1).len();
            }
            let ended = [first, second].map(|thread| thread.join().map_err(drop));
            assert_eq!(ended, [Ok(Waited::Notified), Ok(Waited::Notified)]);
            assert!(waiters.notify(8, 1).is_empty());
            while waiters.notify(16, 5) != [16] {}
            assert_eq!(other.join().map_err(drop), Ok(Waited::Notified));
        });
    }
}
