//! All answers about one stream of events, from one pass over it.

use std::collections::BTreeMap;

use crate::events::{AllocatorUse, At, Event, StackId, Stats, Symbols};
use crate::reduce::Measure;
use crate::reduce::high_water::HighWater;
use crate::reduce::live::LiveSet;
use crate::reduce::temporary::Temporary;
use crate::reduce::totals::Totals;

/// The reducers, side by side.
#[derive(Debug, Default)]
pub struct Profile {
    live: LiveSet,
    high_water: HighWater,
    temporary: Temporary,
    totals: Totals,
}

impl Profile {
    /// Takes one event into account.
    pub fn apply(&mut self, event: &Event) {
        self.live.apply(event, |change| self.high_water.apply(change));
        self.temporary.apply(event);
        self.totals.apply(event);
    }

    /// What each stack itself asked for; stacks without any are left out.
    pub fn by_stack(&self, at: At) -> Vec<(StackId, Measure)> {
        let measures: Vec<Measure> = match at {
            At::Peak => self.high_water.at_peak().collect(),
            At::Leaked => self.high_water.leaked_by_stack().collect(),
            At::Temporary => self.temporary.by_stack().collect(),
        };
        let numbered = measures.into_iter().enumerate().map(|(index, measure)| (StackId::at(index), measure));
        numbered.filter(|(_, measure)| *measure != Measure::default()).collect()
    }

    /// The whole in numbers.
    pub fn stats(&self, symbols: &Symbols, incomplete_because: Option<String>) -> Stats {
        let (peak, leaked) = (self.high_water.peak(), self.high_water.leaked());
        let (given, temporary) = (self.totals.given(), self.temporary.total());
        Stats {
            peak_bytes: peak.bytes,
            peak_allocations: peak.allocations,
            total_bytes: given.bytes,
            allocations: given.allocations,
            frees: self.totals.frees(),
            leaked_bytes: leaked.bytes,
            leaked_allocations: leaked.allocations,
            temporary_bytes: temporary.bytes,
            temporary_allocations: temporary.allocations,
            threads: self.totals.threads(),
            allocators: self.allocators(symbols),
            sizes: self.totals.by_size(),
            complete: incomplete_because.is_none(),
            incomplete_because,
        }
    }

    fn allocators(&self, symbols: &Symbols) -> BTreeMap<String, AllocatorUse> {
        let used = self.totals.by_allocator().iter().enumerate();
        used.filter(|(_, measure)| measure.allocations > 0)
            .map(|(index, &Measure { bytes, allocations })| {
                (symbols.allocator_name(index).to_owned(), AllocatorUse { allocations, bytes })
            })
            .collect()
    }
}
