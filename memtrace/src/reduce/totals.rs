//! How much was given out in all: by allocator, by size, by thread.

use std::collections::HashSet;

use crate::events::{Event, SizeClass};
use crate::reduce::Measure;

/// Counts every event.
#[derive(Debug)]
pub struct Totals {
    given: Measure,
    frees: u64,
    allocators: Vec<Measure>,
    /// By the number of bits of the size.
    sizes: [u64; 65],
    threads: HashSet<u32>,
    last_thread: Option<u32>,
}

impl Default for Totals {
    fn default() -> Self {
        Totals {
            given: Measure::default(),
            frees: 0,
            allocators: Vec::new(),
            sizes: [0; 65],
            threads: HashSet::new(),
            last_thread: None,
        }
    }
}

impl Totals {
    /// Counts one event.
    #[inline]
    pub fn apply(&mut self, event: &Event) {
        let (size, allocator, thread) = match *event {
            Event::Allocated { size, allocator, thread, .. } => (size, allocator, thread),
            Event::Freed { .. } | Event::Unmapped { .. } => {
                self.frees += 1;
                return;
            }
            Event::Ended { .. } | Event::ThreadNamed { .. } | Event::Sampled { .. } => return,
        };
        let measure = Measure { bytes: size, allocations: 1 };
        self.given += measure;
        if self.allocators.len() <= allocator.index() {
            self.allocators.resize(allocator.index() + 1, Measure::default());
        }
        self.allocators[allocator.index()] += measure;
        self.sizes[bits(size)] += 1;
        if self.last_thread != Some(thread) {
            self.last_thread = Some(thread);
            self.threads.insert(thread);
        }
    }

    /// All that was given out.
    pub fn given(&self) -> Measure {
        self.given
    }

    /// How often memory was given back.
    pub fn frees(&self) -> u64 {
        self.frees
    }

    /// How many threads allocated.
    pub fn threads(&self) -> u64 {
        self.threads.len() as u64
    }

    /// By allocator, in the order of their numbers.
    pub fn by_allocator(&self) -> &[Measure] {
        &self.allocators
    }

    /// By size, smallest first, without empty classes.
    pub fn by_size(&self) -> Vec<SizeClass> {
        let classes = self.sizes.iter().enumerate().filter(|(_, allocations)| **allocations > 0);
        let largest = |bits: usize| if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
        classes.map(|(bits, &allocations)| SizeClass { up_to_bytes: largest(bits), allocations }).collect()
    }
}

/// The number of bits that a size takes, from 0 to 64.
#[inline]
fn bits(size: u64) -> usize {
    (u64::BITS - size.leading_zeros()) as usize
}
