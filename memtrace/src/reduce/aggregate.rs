//! All answers about a run as plain numbers, whatever they were computed from. Must not know how.

pub mod tables;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use crate::events::{AllocatorUse, At, SizeClass, StackId, Stats, Symbols};
use crate::reduce::Measure;
use crate::reduce::sites::Site;
use crate::reduce::timeline::History;

/// The sums of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// What is known of each site, by their numbers.
    pub sites: Vec<Usage>,
    /// How often memory was given back.
    pub frees: u64,
    /// By size, smallest first; empty classes are left out.
    pub sizes: Vec<SizeClass>,
    /// How many threads allocated.
    pub threads: u64,
    /// How memory went up and down; empty where no timeline was asked for.
    pub history: History,
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

impl Usage {
    /// One of its measures.
    pub fn at(&self, at: At) -> Measure {
        match at {
            At::Peak => self.peak,
            At::Leaked => self.leaked,
            At::Temporary => self.temporary,
        }
    }
}

impl Aggregate {
    /// What each site asked for; sites without any are left out.
    pub fn by_site(&self, at: At) -> Vec<(Site, Measure)> {
        let sited = self.sites.iter().map(|usage| (usage.site, usage.at(at)));
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
        let mut usage = self.sites.clone();
        usage.sort_by_key(|usage| (Reverse((usage.peak.bytes, usage.given.bytes)), usage.site));
        usage
    }

    /// All sites, in the order of their numbers.
    pub fn sites(&self) -> Vec<Site> {
        self.sites.iter().map(|usage| usage.site).collect()
    }

    /// The whole in numbers.
    pub fn stats(&self, symbols: &Symbols, incomplete_because: Option<String>) -> Stats {
        let sum = |measure: fn(&Usage) -> Measure| {
            self.sites.iter().map(measure).fold(Measure::default(), |mut sum, measure| {
                sum += measure;
                sum
            })
        };
        let (peak, leaked) = (sum(|site| site.peak), sum(|site| site.leaked));
        let (given, temporary) = (sum(|site| site.given), sum(|site| site.temporary));
        Stats {
            peak_bytes: peak.bytes,
            peak_allocations: peak.allocations,
            total_bytes: given.bytes,
            allocations: given.allocations,
            frees: self.frees,
            leaked_bytes: leaked.bytes,
            leaked_allocations: leaked.allocations,
            temporary_bytes: temporary.bytes,
            temporary_allocations: temporary.allocations,
            threads: self.threads,
            allocators: self.allocators(symbols),
            sizes: self.sizes.clone(),
            complete: incomplete_because.is_none(),
            incomplete_because,
        }
    }

    fn allocators(&self, symbols: &Symbols) -> BTreeMap<String, AllocatorUse> {
        let mut allocators: BTreeMap<String, AllocatorUse> = BTreeMap::new();
        for Usage { site, given, .. } in &self.sites {
            let name = symbols.allocator_name(site.allocator.index()).to_owned();
            let used = allocators.entry(name).or_default();
            used.bytes += given.bytes;
            used.allocations += given.allocations;
        }
        allocators
    }
}
