//! How many connections of a run each host has to bear. Must not know what they bring.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The connections of a run, by the host that they were asked of.
#[derive(Clone, Debug)]
pub struct Hosts {
    open: Arc<Mutex<HashMap<String, usize>>>,
    most: usize,
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
        Hosts { open: Arc::default(), most }
    }

    /// The one connection that every file has.
    pub fn enter(&self, host: &str) -> Seat {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.seat(&mut open, host)
    }

    /// A further one, when the host has few enough.
    pub fn try_enter(&self, host: &str) -> Option<Seat> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let few = open.get(host).is_none_or(|count| *count < self.most);
        few.then(|| self.seat(&mut open, host))
    }

    fn seat(&self, open: &mut HashMap<String, usize>, host: &str) -> Seat {
        *open.entry(host.to_owned()).or_default() += 1;
        Seat { hosts: self.clone(), host: host.to_owned() }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.hosts.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.host) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_gets_so_many_and_no_more() {
        let hosts = Hosts::new(2);
        let file = hosts.enter("a");
        let further = hosts.try_enter("a");
        assert!(further.is_some() && hosts.try_enter("a").is_none());
        assert!(hosts.try_enter("b").is_some());
        let another_file = hosts.enter("a");
        drop((file, further));
        assert!(hosts.try_enter("a").is_some());
        drop(another_file);
        assert!(hosts.open.lock().is_ok_and(|open| open.is_empty()));
    }
}
