//! Items on their way from some threads to others, with as few wake-ups as may be: to wake a thread takes longer than
//! most of what is passed on here. Must not know what the items are.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A bounded queue that can be closed from either end, so that nobody waits for a reader that hangs.
///
/// Those who take from it do so in one way at a time, by [`Queue::pop`] or by [`Queue::take`].
#[derive(Debug)]
pub struct Queue<T> {
    state: Mutex<State<T>>,
    /// An item came, or none will come any more.
    filled: Condvar,
    /// Items were taken, or none is wanted any more.
    emptied: Condvar,
    room: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    /// How many wait for any item.
    eager: usize,
    /// How many wait for one that is worth it, or for so much time.
    patient: usize,
    /// How many wait for room.
    blocked: usize,
}

impl<T> Queue<T> {
    /// A queue for up to `room` items.
    pub fn new(room: usize) -> Queue<T> {
        let state = State { items: VecDeque::new(), closed: false, eager: 0, patient: 0, blocked: 0 };
        Queue { state: Mutex::new(state), filled: Condvar::new(), emptied: Condvar::new(), room }
    }

    /// Adds an item once there is room; false when the queue was closed.
    pub fn push(&self, item: T) -> bool {
        self.add(item, true)
    }

    /// The same for an item that [`Queue::take`] need not be woken for.
    pub fn push_quietly(&self, item: T) -> bool {
        self.add(item, false)
    }

    fn add(&self, item: T, urgent: bool) -> bool {
        let mut state = self.lock();
        while !state.closed && state.items.len() >= self.room {
            state.blocked += 1;
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.blocked -= 1;
        }
        if state.closed {
            return false;
        }
        state.items.push_back(item);
        let urgent = urgent || state.items.len() >= self.room;
        let awaited = state.eager > 0 || urgent && state.patient > 0;
        drop(state);
        if awaited {
            self.filled.notify_one();
        }
        true
    }

    /// The next item once there is one; nothing when the queue was closed and is empty.
    pub fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        while !state.closed && state.items.is_empty() {
            state.eager += 1;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.eager -= 1;
        }
        let item = state.items.pop_front();
        self.make_room(state);
        item
    }

    /// Moves all items into `taken`, which is empty, once there is an urgent one or `patience` is at its end; false when
    /// the queue was closed and is empty.
    pub fn take(&self, taken: &mut VecDeque<T>, patience: Duration) -> bool {
        let mut state = self.lock();
        if state.items.is_empty() && !state.closed {
            state.patient += 1;
            let waited = self.filled.wait_timeout(state, patience);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.patient -= 1;
        }
        std::mem::swap(&mut state.items, taken);
        let open = !state.closed || !taken.is_empty();
        self.make_room(state);
        open
    }

    /// Who waits for room goes on when there is much of it.
    fn make_room(&self, state: MutexGuard<'_, State<T>>) {
        let awaited = state.blocked > 0 && state.items.len() <= self.room / 2;
        drop(state);
        if awaited {
            self.emptied.notify_all();
        }
    }

    /// No item comes any more; what is in the queue may still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// No item comes any more, and those in the queue are dropped.
    pub fn abandon(&self) {
        self.lock().items.clear();
        self.close();
    }

    /// Abandons the queue when what is given is dropped: who takes from it may panic, and then nobody waits for room.
    pub fn closing(&self) -> Closing<'_, T> {
        Closing { queue: self }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Queue::closing`].
#[derive(Debug)]
pub struct Closing<'a, T> {
    queue: &'a Queue<T>,
}

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn all_items_arrive_in_order_through_little_room() {
        for room in [1, 2, 7] {
            let queue = Queue::new(room);
            thread::scope(|scope| {
                scope.spawn(|| {
                    (0..1000).for_each(|at| {
                        assert!(if at % 3 == 0 { queue.push(at) } else { queue.push_quietly(at) });
                    });
                    queue.close();
                });
                let (mut all, mut taken) = (Vec::new(), VecDeque::new());
                all.extend(queue.pop());
                while queue.take(&mut taken, Duration::from_millis(1)) {
                    all.extend(taken.drain(..));
                }
                assert_eq!(all, (0..1000).collect::<Vec<_>>());
                assert!(queue.pop().is_none() && !queue.push(0));
            });
        }
    }

    #[test]
    fn who_waits_for_room_goes_on_when_the_queue_is_abandoned() {
        let queue = Queue::new(1);
        assert!(queue.push(0));
        thread::scope(|scope| {
            let pushing = scope.spawn(|| queue.push(1));
            queue.abandon();
            assert!(pushing.join().is_ok_and(|pushed| !pushed));
        });
        assert_eq!(queue.pop(), None);
    }
}
