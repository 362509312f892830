//! Memory that was given back before its thread allocated anything else: work that could be spared.

use crate::events::{Event, StackId};
use crate::reduce::Measure;
use crate::reduce::numbers::NumberMap;

/// Counts it by stack.
#[derive(Debug, Default)]
pub struct Temporary {
    /// The last block of each thread, while it lives.
    last: NumberMap<u32, Last>,
    /// Whose last block an address is.
    threads: NumberMap<u64, u32>,
    stacks: Vec<Measure>,
    total: Measure,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    address: u64,
    size: u64,
    stack: StackId,
}

impl Temporary {
    /// Follows one event.
    pub fn apply(&mut self, event: &Event) {
        match *event {
            Event::Allocated { address, size, thread, stack, .. } => {
                if let Some(before) = self.last.insert(thread, Last { address, size, stack }) {
                    self.threads.remove(&before.address);
                }
                self.threads.insert(address, thread);
            }
            Event::Freed { address } => self.give_back(address, u64::MAX),
            Event::Unmapped { address, size } => self.give_back(address, size),
        }
    }

    fn give_back(&mut self, address: u64, size: u64) {
        let Some(thread) = self.threads.remove(&address) else { return };
        let Some(last) = self.last.remove(&thread) else { return };
        if last.size > size {
            return;
        }
        let index = last.stack.index();
        if self.stacks.len() <= index {
            self.stacks.resize(index + 1, Measure::default());
        }
        let measure = Measure { bytes: last.size, allocations: 1 };
        self.stacks[index] += measure;
        self.total += measure;
    }

    /// All of it.
    pub fn total(&self) -> Measure {
        self.total
    }

    /// By stack.
    pub fn by_stack(&self) -> impl Iterator<Item = Measure> {
        self.stacks.iter().copied()
    }
}
