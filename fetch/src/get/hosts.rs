//! How many connections of a run each host has to bear. Must not know what they bring.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How soon somebody who waits hears that the run is to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// The connections of a run, by the host that they were asked of.
#[derive(Clone, Debug)]
pub struct Hosts {
    shared: Arc<Shared>,
    most: usize,
    /// Whether files wait, too.
    strict: bool,
}

#[derive(Debug, Default)]
struct Shared {
    open: Mutex<HashMap<String, Host>>,
    /// A connection was closed.
    left: Condvar,
}

#[derive(Debug, Default)]
struct Host {
    seats: usize,
    /// How many files wait for one.
    waiting: usize,
}

/// One connection, until it is dropped.
#[derive(Debug)]
pub struct Seat {
    hosts: Hosts,
    host: String,
}

impl Hosts {
    /// No host gets more than `most` connections beyond those that [`Hosts::enter`] gives to every file.
    pub fn new(most: usize) -> Hosts {
        Hosts { shared: Arc::default(), most, strict: false }
    }

    /// No host gets more than `most` connections: files wait.
    pub fn at_most(most: usize) -> Hosts {
        Hosts { strict: true, ..Hosts::new(most) }
    }

    /// The one connection that every file has, once the host may have it; nothing once `stopped`.
    pub fn enter(&self, host: &str, stopped: impl Fn() -> bool) -> Option<Seat> {
        let mut open = self.lock();
        let full = |open: &HashMap<String, Host>| {
            self.strict && open.get(host).is_some_and(|host| host.seats >= self.most)
        };
        while full(&open) {
            if stopped() {
                return None;
            }
            open.entry(host.to_owned()).or_default().waiting += 1;
            open = self.shared.left.wait_timeout(open, GLANCE).unwrap_or_else(PoisonError::into_inner).0;
            change(&mut open, host, |host| host.waiting -= 1);
        }
        Some(self.seat(&mut open, host))
    }

    /// A further one, when the host has few enough, and no file waits for it.
    pub fn try_enter(&self, host: &str) -> Option<Seat> {
        let mut open = self.lock();
        let few = open.get(host).is_none_or(|host| host.seats < self.most && host.waiting == 0);
        few.then(|| self.seat(&mut open, host))
    }

    fn seat(&self, open: &mut HashMap<String, Host>, host: &str) -> Seat {
        open.entry(host.to_owned()).or_default().seats += 1;
        Seat { hosts: self.clone(), host: host.to_owned() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.shared.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whether a file waits for it.
    pub fn is_wanted(&self) -> bool {
        self.hosts.lock().get(&self.host).is_some_and(|host| host.waiting > 0)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        change(&mut self.hosts.lock(), &self.host, |host| host.seats -= 1);
        self.hosts.shared.left.notify_all();
    }
}

/// Changes what is known of a host, and forgets one that is of no more concern.
fn change(open: &mut HashMap<String, Host>, name: &str, change: impl FnOnce(&mut Host)) {
    if let Some(host) = open.get_mut(name) {
        change(host);
        if host.seats == 0 && host.waiting == 0 {
            open.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_gets_so_many_and_no_more() {
        let hosts = Hosts::new(2);
        let file = hosts.enter("a", || false);
        let further = hosts.try_enter("a");
        assert!(further.is_some() && hosts.try_enter("a").is_none());
        assert!(hosts.try_enter("b").is_some());
        let another_file = hosts.enter("a", || true);
        assert!(another_file.is_some());
        drop((file, further));
        assert!(hosts.try_enter("a").is_some());
        drop(another_file);
        assert!(hosts.lock().is_empty());
    }

    #[test]
    fn files_wait_for_a_host_that_has_its_most_and_go_before_parts() {
        let hosts = Hosts::at_most(1);
        let first = hosts.enter("a", || false);
        assert!(hosts.enter("a", || true).is_none() && hosts.enter("b", || true).is_some());
        std::thread::scope(|scope| {
            let second = scope.spawn(|| hosts.enter("a", || false).is_some());
            while !first.as_ref().is_some_and(Seat::is_wanted) {
                std::thread::yield_now();
            }
            drop(first);
            assert!(second.join().is_ok_and(|entered| entered));
        });
        assert!(hosts.lock().is_empty());
    }
}
