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
    current: Measure,
    peak: Measure,
    /// Rises with each peak that memory went down from.
    peaks: u64,
    at_peak: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    current: Measure,
    peak: Measure,
    /// The peak that `peak` belongs to.
    peaks: u64,
}

impl HighWater {
    /// Follows one change.
    #[inline]
    pub fn apply(&mut self, change: Change<SiteId>) {
        let (site, bytes) = match change {
            Change::Given { owner, bytes } | Change::Taken { owner, bytes, .. } => (owner, bytes),
        };
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
        for measure in [&mut slot.current, &mut self.current] {
            match change {
                Change::Given { .. } => *measure += Measure { bytes, allocations: 1 },
                Change::Taken { blocks, .. } => {
                    measure.bytes = measure.bytes.saturating_sub(bytes);
                    measure.allocations = measure.allocations.saturating_add_signed(-blocks);
                }
            }
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

    /// All that is in use now.
    pub fn current(&self) -> Measure {
        self.current
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

    /// What each site has now.
    pub fn now(&self) -> impl Iterator<Item = Measure> {
        self.slots.iter().map(|slot| slot.current)
    }
}
