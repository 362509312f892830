//! Memory that was given back before its thread allocated anything else: work that could be spared.

use crate::events::{Event, StackId};
use crate::reduce::Measure;
use crate::reduce::numbers::NumberMap;

/// Counts it by stack.
#[derive(Debug)]
pub struct Temporary {
    /// The last block of each thread, while it lives.
    last: Vec<Option<Last>>,
    /// The threads' places in `last`.
    threads: NumberMap<u32, usize>,
    /// The thread of the last event and its place: mostly it is the next one's too.
    current: Option<(u32, usize)>,
    /// How many of `last` have an address with this mark. Nearly all that is freed is nobody's last block,
    /// and is known not to be by its mark alone.
    marks: Vec<u32>,
    stacks: Vec<Measure>,
    total: Measure,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    address: u64,
    size: u64,
    stack: StackId,
}

const MARK_BITS: u32 = 12;

impl Default for Temporary {
    fn default() -> Self {
        Temporary {
            last: Vec::new(),
            threads: NumberMap::default(),
            current: None,
            marks: vec![0; 1 << MARK_BITS],
            stacks: Vec::new(),
            total: Measure::default(),
        }
    }
}

impl Temporary {
    /// Follows one event.
    #[inline]
    pub fn apply(&mut self, event: &Event) {
        match *event {
            Event::Allocated { address, size, thread, stack, .. } => {
                // It was somebody's last block, and freed in a way that was not seen.
                let _ = self.take(address);
                let place = self.place(thread);
                if let Some(before) = self.last[place].replace(Last { address, size, stack }) {
                    self.marks[mark(before.address)] -= 1;
                }
                self.marks[mark(address)] += 1;
            }
            Event::Freed { address } => self.give_back(address, u64::MAX),
            Event::Unmapped { address, size } => self.give_back(address, size),
            Event::Ended { .. } | Event::ThreadNamed { .. } | Event::Sampled { .. } => {}
        }
    }

    #[inline]
    fn place(&mut self, thread: u32) -> usize {
        match self.current {
            Some((current, place)) if current == thread => place,
            _ => {
                let place = *self.threads.entry(thread).or_insert(self.last.len());
                if place == self.last.len() {
                    self.last.push(None);
                }
                self.current = Some((thread, place));
                place
            }
        }
    }

    /// Takes away the last block of a thread that has this address, if there is one.
    #[inline]
    fn take(&mut self, address: u64) -> Option<Last> {
        if self.marks[mark(address)] == 0 {
            return None;
        }
        let is_it = |last: &&mut Option<Last>| last.is_some_and(|last| last.address == address);
        let taken = self.last.iter_mut().find(is_it)?.take();
        self.marks[mark(address)] -= 1;
        taken
    }

    #[inline]
    fn give_back(&mut self, address: u64, size: u64) {
        let Some(last) = self.take(address).filter(|last| last.size <= size) else { return };
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

#[inline]
fn mark(address: u64) -> usize {
    (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - MARK_BITS)) as usize
}
