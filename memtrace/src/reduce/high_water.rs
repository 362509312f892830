//! The moment when the most memory was in use, and what was in use then: the first such moment, if there
//! are several. What is in use at the end is what leaked.

use crate::reduce::Measure;
use crate::reduce::live::Change;
use crate::reduce::sites::SiteId;

/// Follows the memory of each site up to the peak.
///
/// At a new peak nothing is copied: each site keeps what it had then in its own slot, and writes it down
/// only when it changes for the first time after.
#[derive(Debug, Default)]
pub struct HighWater {
    slots: Vec<Slot>,
    /// Bytes in use now, and the most that ever were.
    current: u64,
    peak: u64,
    /// Rises with each peak that memory went down from.
    peaks: u64,
    at_peak: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    current: Measure,
    /// Never given back by processes that have ended.
    left: Measure,
    peak: Measure,
    /// The peak that `peak` belongs to.
    peaks: u64,
}

impl Slot {
    #[inline]
    fn lose(&mut self, bytes: u64, blocks: i64) {
        self.current.bytes = self.current.bytes.saturating_sub(bytes);
        self.current.allocations = self.current.allocations.saturating_add_signed(-blocks);
    }
}

impl HighWater {
    /// Follows one change.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "nearly all changes come from one place, millions of them")]
    pub fn apply(&mut self, change: Change<SiteId>) {
        let site = change.owner();
        // A block without bytes does not raise the mark, and must not change what was in use at it.
        let leaves_peak = self.at_peak && !matches!(change, Change::Given { bytes: 1.., .. });
        if leaves_peak {
            self.peaks += 1;
            self.at_peak = false;
        }
        if self.slots.len() <= site.index() {
            self.slots.resize(site.index() + 1, Slot::default());
        }
        let slot = &mut self.slots[site.index()];
        if slot.peaks != self.peaks {
            (slot.peak, slot.peaks) = (slot.current, self.peaks);
        }
        match change {
            Change::Given { bytes, .. } => {
                slot.current += Measure { bytes, allocations: 1 };
                self.current += bytes;
            }
            Change::Taken { bytes, blocks, .. } => {
                slot.lose(bytes, blocks);
                self.current = self.current.saturating_sub(bytes);
            }
            Change::Left { bytes, .. } => {
                slot.left += Measure { bytes, allocations: 1 };
                slot.lose(bytes, 1);
                self.current = self.current.saturating_sub(bytes);
            }
        }
        if self.current > self.peak {
            self.peak = self.current;
            self.at_peak = true;
        }
    }

    /// What each site had at the peak.
    pub fn at_peak(&self) -> impl Iterator<Item = Measure> {
        let peaks = self.peaks;
        let peak_is_now = self.at_peak;
        self.slots.iter().map(move |slot| {
            let unchanged_since = peak_is_now || slot.peaks != peaks;
            if unchanged_since { slot.current } else { slot.peak }
        })
    }

    /// What each site never gave back.
    pub fn leaked_by_site(&self) -> impl Iterator<Item = Measure> {
        self.slots.iter().map(|slot| sum(slot.current, slot.left))
    }

    /// What each site has in use now.
    pub fn now(&self) -> impl Iterator<Item = Measure> {
        self.slots.iter().map(|slot| slot.current)
    }
}

fn sum(mut one: Measure, other: Measure) -> Measure {
    one += other;
    one
}
