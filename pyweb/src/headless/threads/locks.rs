//! Who may use what the threads of a page have in common, by name: many at once, or one alone; first come, first
//! served. Must not know what the names are, nor how a notice gets to whom it is for.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

/// A wish for some names, granted or not yet.
#[derive(Debug)]
pub(super) struct Claim {
    /// By which it is known.
    pub(super) ticket: u32,
    /// Whose thread it is.
    pub(super) seat: usize,
    /// Where its notices go.
    pub(super) port: u32,
    pub(super) names: Vec<String>,
    /// Whether nobody else may have any of the names meanwhile.
    pub(super) exclusive: bool,
    /// What those who stand in the way are told; with none, they are not told.
    pub(super) note: Option<Value>,
}

/// Something to tell.
#[derive(Debug, PartialEq)]
pub(super) struct Notice {
    pub(super) port: u32,
    /// `{"granted": ticket}`, `{"wanted": ticket of who has it, "by": ticket, "note": …}` or `{"refused": ticket}`
    pub(super) content: Value,
}

#[derive(Debug)]
struct Known {
    claim: Claim,
    held: bool,
    /// Whether those who stand in the way have been told.
    asked: bool,
}

/// All claims.
#[derive(Debug, Default)]
pub(super) struct Locks {
    known: HashMap<u32, Known>,
    /// The claims of each name, in the order they were made.
    queues: HashMap<String, VecDeque<u32>>,
}

impl Locks {
    /// Whether `claim` is granted at once, and whom to tell of it otherwise.
    pub(super) fn claim(&mut self, claim: Claim) -> (bool, Vec<Notice>) {
        let (ticket, names) = (claim.ticket, claim.names.clone());
        for name in &names {
            self.queues.entry(name.clone()).or_default().push_back(ticket);
        }
        self.known.insert(ticket, Known { claim, held: false, asked: false });
        let granted = self.grant(ticket).is_some();
        (granted, names.iter().flat_map(|name| self.ask(name)).collect())
    }

    /// From now on others may have the names of `ticket`, too.
    pub(super) fn share(&mut self, ticket: u32) -> Vec<Notice> {
        let Some(known) = self.known.get_mut(&ticket) else { return Vec::new() };
        known.claim.exclusive = false;
        let names = known.claim.names.clone();
        self.look(&names)
    }

    /// Gives up what `ticket` has, or waits for.
    pub(super) fn release(&mut self, ticket: u32) -> Vec<Notice> {
        let Some(Known { claim: Claim { names, .. }, .. }) = self.known.remove(&ticket) else {
            return Vec::new();
        };
        for name in &names {
            if let Some(queue) = self.queues.get_mut(name) {
                queue.retain(|other| *other != ticket);
                if queue.is_empty() {
                    self.queues.remove(name);
                }
            }
        }
        self.look(&names)
    }

    /// Tells who waits with `ticket` that it will take longer.
    pub(super) fn refuse(&self, ticket: u32) -> Option<Notice> {
        let waiting = self.known.get(&ticket).filter(|known| !known.held)?;
        Some(Notice { port: waiting.claim.port, content: json!({"refused": ticket}) })
    }

    /// The claims of a thread.
    pub(super) fn of(&self, seat: usize) -> Vec<u32> {
        self.known.values().filter(|known| known.claim.seat == seat).map(|known| known.claim.ticket).collect()
    }

    /// Grants what can be granted now that something about `names` has changed.
    fn look(&mut self, names: &[String]) -> Vec<Notice> {
        let mut notices = Vec::new();
        for name in names {
            let queue: Vec<u32> = self.queues.get(name).into_iter().flatten().copied().collect();
            for ticket in queue {
                notices.extend(self.grant(ticket));
                let goes_on = self.known.get(&ticket).is_some_and(|known| !known.claim.exclusive);
                if !goes_on {
                    break;
                }
            }
            notices.extend(self.ask(name));
        }
        notices
    }

    /// Grants `ticket` if nothing stands in its way, and says so.
    fn grant(&mut self, ticket: u32) -> Option<Notice> {
        let known = self.known.get(&ticket)?;
        if known.held || known.claim.names.iter().any(|name| self.is_blocked(ticket, name)) {
            return None;
        }
        let known = self.known.get_mut(&ticket)?;
        known.held = true;
        Some(Notice { port: known.claim.port, content: json!({"granted": ticket}) })
    }

    /// Whether an earlier claim stands in the way of `ticket`.
    fn is_blocked(&self, ticket: u32, name: &str) -> bool {
        let is_exclusive = |ticket: &u32| self.known.get(ticket).is_some_and(|known| known.claim.exclusive);
        let mut earlier = self.queues.get(name).into_iter().flatten().take_while(|other| **other != ticket);
        if is_exclusive(&ticket) { earlier.next().is_some() } else { earlier.any(is_exclusive) }
    }

    /// Tells those who have `name` in common who waits to have it alone.
    fn ask(&mut self, name: &str) -> Vec<Notice> {
        let queue = self.queues.get(name).into_iter().flatten();
        let claims: Vec<u32> = queue.copied().collect();
        let held = claims.iter().take_while(|ticket| self.known.get(ticket).is_some_and(|known| known.held));
        let (count, shared) = held.fold((0, true), |(count, shared), ticket| {
            (count + 1, shared && self.known.get(ticket).is_some_and(|known| !known.claim.exclusive))
        });
        let Some(waiting) = claims.get(count).filter(|_| shared && count > 0) else { return Vec::new() };
        let Some(known) = self.known.get_mut(waiting).filter(|known| !known.asked) else { return Vec::new() };
        let Some(note) = known.claim.note.clone() else { return Vec::new() };
        known.asked = true;
        let holders = claims[..count].iter().filter_map(|ticket| self.known.get(ticket));
        let wanted = |holder: &Known| {
            let content = json!({"wanted": holder.claim.ticket, "by": waiting, "note": note});
            Notice { port: holder.claim.port, content }
        };
        holders.map(wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A claim of thread 0 whose notices go to the port of its ticket's number.
    fn claim(locks: &mut Locks, ticket: u32, names: &[&str], exclusive: bool) -> (bool, Vec<(u32, Value)>) {
        let names = names.iter().map(ToString::to_string).collect();
        let note = exclusive.then(|| json!("please"));
        let (granted, notices) = locks.claim(Claim { ticket, seat: 0, port: ticket, names, exclusive, note });
        (granted, told(notices))
    }

    fn told(notices: impl IntoIterator<Item = Notice>) -> Vec<(u32, Value)> {
        notices.into_iter().map(|notice| (notice.port, notice.content)).collect()
    }

    #[test]
    fn many_read_and_one_writes_alone_in_the_order_they_came() {
        let mut locks = Locks::default();
        assert!(claim(&mut locks, 1, &["a", "b"], false).0);
        assert!(claim(&mut locks, 2, &["a"], false).0);
        assert!(!claim(&mut locks, 3, &["a"], true).0);
        // After the writer, though it could have been granted with the readers.
        assert!(!claim(&mut locks, 4, &["a"], false).0);
        assert!(claim(&mut locks, 5, &["b"], false).0);
        assert_eq!(locks.release(1), []);
        assert_eq!(told(locks.release(2)), [(3, json!({"granted":3}))]);
        assert_eq!(told(locks.release(3)), [(4, json!({"granted":4}))]);
    }

    #[test]
    fn a_claim_of_two_names_waits_for_both() {
        let mut locks = Locks::default();
        assert!(claim(&mut locks, 1, &["a"], true).0);
        assert!(claim(&mut locks, 2, &["b"], true).0);
        assert!(!claim(&mut locks, 3, &["a", "b"], true).0);
        assert_eq!(locks.release(1), []);
        assert_eq!(told(locks.release(2)), [(3, json!({"granted":3}))]);
    }

    #[test]
    fn those_who_share_hear_once_of_who_wants_it_alone() {
        let mut locks = Locks::default();
        assert!(claim(&mut locks, 1, &["a"], true).0);
        assert_eq!(claim(&mut locks, 2, &["a"], true), (false, vec![]));
        assert_eq!(told(locks.share(1)), [(1, json!({"by":2,"note":"please","wanted":1}))]);
        assert_eq!(claim(&mut locks, 3, &["a"], true), (false, vec![]));
        assert_eq!(told(locks.refuse(2)), [(2, json!({"refused":2}))]);
        assert_eq!(told(locks.release(1)), [(2, json!({"granted":2}))]);
        assert_eq!(locks.refuse(2), None);
        assert_eq!(told(locks.share(2)), [(2, json!({"by":3,"note":"please","wanted":2}))]);
    }

    #[test]
    fn who_waits_may_give_up() {
        let mut locks = Locks::default();
        assert!(claim(&mut locks, 1, &["a"], false).0);
        assert!(!claim(&mut locks, 2, &["a"], true).0);
        assert!(!claim(&mut locks, 3, &["a"], false).0);
        assert_eq!(told(locks.release(2)), [(3, json!({"granted":3}))]);
        assert_eq!(locks.of(0).len(), 2);
        assert!(locks.of(1).is_empty());
        assert_eq!((locks.release(1), locks.release(3)), (vec![], vec![]));
        assert!(locks.queues.is_empty() && locks.known.is_empty());
    }
}
