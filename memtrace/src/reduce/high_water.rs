//! The moment when the most memory was in use, and what was in use then: the first such moment, if there
//! are several. What is in use at the end is what leaked.

use crate::reduce::Measure;
use crate::reduce::live::Change;

/// Follows the memory of each stack up to the peak.
///
/// At a new peak nothing is copied: each stack keeps what it had then in its own slot, and writes it down
/// only when it changes for the first time after.
#[derive(Debug, Default)]
pub struct HighWater {
    slots: Vec<Slot>,
    current: Measure,
    peak: Measure,
    /// Never given back by processes that have ended.
    left: Measure,
    /// Rises with each peak that memory went down from.
    peaks: u64,
    at_peak: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    current: Measure,
    peak: Measure,
    left: Measure,
    /// The peak that `peak` belongs to.
    peaks: u64,
}

impl HighWater {
    /// Follows one change.
    #[inline]
    pub fn apply(&mut self, change: Change) {
        let (stack, bytes) = match change {
            Change::Given { stack, bytes }
            | Change::Taken { stack, bytes, .. }
            | Change::Left { stack, bytes } => (stack, bytes),
        };
        // A block without bytes does not raise the mark, and must not change what was in use at it.
        let leaves_peak = self.at_peak && !matches!(change, Change::Given { bytes: 1.., .. });
        if leaves_peak {
            self.peaks += 1;
            self.at_peak = false;
        }
        if self.slots.len() <= stack.index() {
            self.slots.resize(stack.index() + 1, Slot::default());
        }
        let slot = &mut self.slots[stack.index()];
        if slot.peaks != self.peaks {
            (slot.peak, slot.peaks) = (slot.current, self.peaks);
        }
        let places = [(&mut slot.current, &mut slot.left), (&mut self.current, &mut self.left)];
        for (measure, left) in places {
            let block = Measure { bytes, allocations: 1 };
            let gone = match change {
                Change::Given { .. } => {
                    *measure += block;
                    continue;
                }
                Change::Taken { blocks, .. } => blocks,
                Change::Left { .. } => {
                    *left += block;
                    1
                }
            };
            measure.bytes = measure.bytes.saturating_sub(bytes);
            measure.allocations = measure.allocations.saturating_add_signed(-gone);
        }
        if self.current.bytes > self.peak.bytes {
            self.peak = self.current;
            self.at_peak = true;
        }
    }

    /// All that was in use at the peak.
    pub fn peak(&self) -> Measure {
        self.peak
    }

    /// All that was never given back: what is in use now, and what was when its process ended.
    pub fn leaked(&self) -> Measure {
        sum(self.current, self.left)
    }

    /// What each stack had at the peak.
    pub fn at_peak(&self) -> impl Iterator<Item = Measure> {
        let peaks = self.peaks;
        let peak_is_now = self.at_peak;
        self.slots.iter().map(move |slot| {
            let unchanged_since = peak_is_now || slot.peaks != peaks;
            if unchanged_since { slot.current } else { slot.peak }
        })
    }

    /// What each stack never gave back.
    pub fn leaked_by_stack(&self) -> impl Iterator<Item = Measure> {
        self.slots.iter().map(|slot| sum(slot.current, slot.left))
    }
}

fn sum(mut one: Measure, other: Measure) -> Measure {
    one += other;
    one
}
