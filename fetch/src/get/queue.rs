//! Requests on their way from the one thread that reads them to the workers. Must not know what is in them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A bounded queue that can be closed from either end, so that nobody waits for a reader that hangs.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    /// An item came, or none will come any more.
    filled: Condvar,
    /// An item was taken, or none is wanted any more.
    emptied: Condvar,
    room: usize,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    /// A queue for up to `room` items.
    pub fn new(room: usize) -> Queue<T> {
        let state = State { items: VecDeque::new(), closed: false };
        Queue { state: Mutex::new(state), filled: Condvar::new(), emptied: Condvar::new(), room }
    }

    /// Adds an item once there is room; false when the queue was closed.
    pub fn push(&self, item: T) -> bool {
        let full = |state: &mut State<T>| !state.closed && state.items.len() >= self.room;
        let mut state = self.emptied.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return false;
        }
        state.items.push_back(item);
        self.filled.notify_one();
        true
    }

    /// The next item once there is one; nothing when the queue was closed and is empty.
    pub fn pop(&self) -> Option<T> {
        let empty = |state: &mut State<T>| !state.closed && state.items.is_empty();
        let mut state = self.filled.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner);
        let item = state.items.pop_front();
        self.emptied.notify_one();
        item
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

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
