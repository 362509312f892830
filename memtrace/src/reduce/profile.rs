//! All answers about one stream of events, from one pass over it.

use std::collections::{BTreeMap, HashMap};

use crate::events::{AllocatorUse, At, Event, StackId, Stats, Symbols};
use crate::reduce::Measure;
use crate::reduce::high_water::HighWater;
use crate::reduce::lifetimes::Lifetimes;
use crate::reduce::live::{Change, LiveSet};
use crate::reduce::sites::{Site, SiteId, Sites};
use crate::reduce::timeline::{History, Moment, Timeline};
use crate::reduce::totals::{Totals, add};

/// The reducers, side by side.
#[derive(Debug, Default)]
pub struct Profile {
    sites: Sites,
    live: LiveSet<Origin>,
    high_water: HighWater,
    totals: Totals,
    /// Memory that was given back early, by site: work that could be spared.
    temporary: Vec<Measure>,
    /// How many allocations of the same thread may come before that.
    threshold: u32,
    timeline: Option<Timeline>,
    lifetimes: Option<Lifetimes>,
}

/// All that is known of one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Which.
    pub site: Site,
    /// All that it was ever given.
    pub given: Measure,
    /// What it had when the most memory was in use.
    pub peak: Measure,
    /// What it never gave back.
    pub leaked: Measure,
    /// What it gave back early.
    pub temporary: Measure,
    /// The most that it had at once; nothing where lifetimes were not asked for.
    pub most: Measure,
    /// How long its blocks together lived, in ticks of the timeline; those not given back live to its end.
    pub lived_ticks: u64,
}

/// Where a block in use comes from.
#[derive(Clone, Copy, Debug, Default)]
struct Origin {
    site: SiteId,
    /// Among the allocations of its thread.
    nth: u32,
    /// The timeline's.
    tick: u32,
}

impl Profile {
    /// A profile that has memory for temporary when its thread has allocated at most `threshold` times before it
    /// was given back.
    #[must_use]
    pub fn with_threshold(self, threshold: u32) -> Profile {
        Profile { threshold, ..self }
    }

    /// A profile that also has a [`Profile::history`].
    #[must_use]
    pub fn with_timeline(self) -> Profile {
        Profile { timeline: Some(Timeline::default()), ..self }
    }

    /// A profile that also knows how long memory lived: see [`Usage`].
    #[must_use]
    pub fn with_lifetimes(self) -> Profile {
        Profile { lifetimes: Some(Lifetimes::default()), ..self.with_timeline() }
    }

    /// Takes events into account, in their order.
    pub fn apply_all(&mut self, events: &[Event]) {
        // As many as a processor has loads under way.
        for events in events.chunks(16) {
            self.live.look_ahead(events);
            for event in events {
                self.apply(event);
            }
        }
    }

    /// Takes one event into account.
    #[inline]
    pub fn apply(&mut self, event: &Event) {
        let mut origin = Origin::default();
        if let Some(timeline) = &mut self.timeline {
            match *event {
                Event::Sampled { ms, resident } => timeline.sample(ms, resident),
                Event::ThreadNamed { .. } => {}
                _ => timeline.event(),
            }
            origin.tick = timeline.now();
        }
        let mut given_back = true;
        match *event {
            Event::Allocated { size, allocator, thread, stack, .. } => {
                (origin.site, origin.nth) = self.sites.allocation(Site { stack, thread, allocator });
                self.totals.given(origin.site, size);
                given_back = false;
            }
            Event::Freed { .. } | Event::Unmapped { .. } => self.totals.freed(),
            Event::Ended { .. } => given_back = false,
            Event::ThreadNamed { .. } | Event::Sampled { .. } => return,
        }
        self.live.apply(event, origin, |change| {
            let owner = change.owner();
            // What another block lies upon was freed in a way that was not seen, nobody knows when.
            if let Change::Taken { bytes, blocks: 1, .. } = change
                && given_back
                && self.sites.since(owner.site, owner.nth) <= self.threshold
            {
                add(&mut self.temporary, owner.site, Measure { bytes, allocations: 1 });
            }
            if let Some(timeline) = &mut self.timeline {
                match change {
                    Change::Given { bytes, .. } => timeline.given(bytes),
                    Change::Taken { bytes, blocks, .. } => {
                        timeline.taken(owner.site, owner.tick, bytes, blocks);
                    }
                    Change::Left { bytes, .. } => timeline.taken(owner.site, owner.tick, bytes, 1),
                }
            }
            if let Some(lifetimes) = &mut self.lifetimes {
                lifetimes.apply(change.map(|owner| owner.site), owner.tick, origin.tick);
            }
            self.high_water.apply(change.map(|owner| owner.site));
        });
    }

    /// What each site asked for; sites without any are left out.
    pub fn by_site(&self, at: At) -> Vec<(Site, Measure)> {
        let measures: Vec<Measure> = match at {
            At::Peak => self.high_water.at_peak().collect(),
            At::Leaked => self.high_water.leaked_by_site().collect(),
            At::Temporary => self.temporary.clone(),
        };
        self.sited(&measures)
    }

    /// What each site has in use now; sites without any are left out.
    pub fn in_use_by_site(&self) -> Vec<(Site, Measure)> {
        self.sited(&self.high_water.now().collect::<Vec<_>>())
    }

    /// The moments of the timeline so far.
    pub fn moments(&self) -> Vec<Moment> {
        self.timeline.as_ref().map(|timeline| timeline.moments().collect()).unwrap_or_default()
    }

    /// How long the program has run, in ticks of the timeline.
    pub fn ticks(&self) -> u64 {
        self.timeline.as_ref().map_or(0, Timeline::ticks)
    }

    /// All that each site was ever given.
    pub fn given_by_site(&self) -> Vec<(Site, Measure)> {
        self.sited(self.totals.by_site())
    }

    fn sited(&self, measures: &[Measure]) -> Vec<(Site, Measure)> {
        let sited = self.sites.all().iter().copied().zip(measures.iter().copied());
        sited.filter(|(_, measure)| *measure != Measure::default()).collect()
    }

    /// What each stack itself asked for; stacks without any are left out.
    pub fn by_stack(&self, at: At) -> Vec<(StackId, Measure)> {
        let mut stacks: HashMap<StackId, Measure> = HashMap::new();
        for (site, measure) in self.by_site(at) {
            *stacks.entry(site.stack).or_default() += measure;
        }
        let mut stacks: Vec<(StackId, Measure)> = stacks.into_iter().collect();
        stacks.sort_unstable_by_key(|(stack, _)| *stack);
        stacks
    }

    /// All that is known of each site, largest at the peak first.
    pub fn usage(&self) -> Vec<Usage> {
        let none = std::iter::repeat(Measure::default());
        let peak = self.high_water.at_peak().chain(none.clone());
        let leaked = self.high_water.leaked_by_site().chain(none.clone());
        let temporary = self.temporary.iter().copied().chain(none);
        let measures = self.totals.by_site().iter().zip(peak).zip(leaked).zip(temporary);
        let usage = self.sites.all().iter().zip(measures).zip(0..).map(|((&site, measures), number)| {
            let (((&given, peak), leaked), temporary) = measures;
            let lifetimes = self.lifetimes.as_ref();
            let lifetime = lifetimes.map(|lifetimes| lifetimes.of(SiteId::at(number))).unwrap_or_default();
            let (most, lived_ticks) = (lifetime.most, lifetime.ticks);
            Usage { site, given, peak, leaked, temporary, most, lived_ticks }
        });
        let mut usage: Vec<Usage> = usage.collect();
        if let (Some(_), Some(timeline)) = (&self.lifetimes, &self.timeline) {
            for (owner, _) in self.live.in_use() {
                usage[owner.site.index()].lived_ticks += timeline.ticks() - u64::from(owner.tick);
            }
        }
        usage.sort_by_key(|usage| (std::cmp::Reverse((usage.peak.bytes, usage.given.bytes)), usage.site));
        usage
    }

    /// All sites, in the order of their numbers.
    pub fn sites(&self) -> &[Site] {
        self.sites.all()
    }

    /// How memory went up and down; empty where no timeline was asked for.
    pub fn history(&self) -> History {
        let in_use = self.live.in_use().map(|(owner, measure)| (owner.site, owner.tick, measure));
        self.timeline.as_ref().map(|timeline| timeline.finish(in_use)).unwrap_or_default()
    }

    /// The whole in numbers.
    pub fn stats(&self, symbols: &Symbols, incomplete_because: Option<String>) -> Stats {
        let (peak, leaked) = (self.high_water.peak(), self.high_water.leaked());
        let sum = |measures: &[Measure]| {
            measures.iter().fold(Measure::default(), |mut sum, &measure| {
                sum += measure;
                sum
            })
        };
        let (given, temporary) = (sum(self.totals.by_site()), sum(&self.temporary));
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
            threads: self.sites.threads() as u64,
            allocators: self.allocators(symbols),
            sizes: self.totals.by_size(),
            complete: incomplete_because.is_none(),
            incomplete_because,
        }
    }

    fn allocators(&self, symbols: &Symbols) -> BTreeMap<String, AllocatorUse> {
        let mut allocators: BTreeMap<String, AllocatorUse> = BTreeMap::new();
        for (site, Measure { bytes, allocations }) in self.given_by_site() {
            let name = symbols.allocator_name(site.allocator.index()).to_owned();
            let used = allocators.entry(name).or_default();
            used.bytes += bytes;
            used.allocations += allocations;
        }
        allocators
    }
}
