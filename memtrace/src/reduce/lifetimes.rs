//! How long the memory of each site lived, and the most that each had at once, as DHAT asks it.

use crate::reduce::Measure;
use crate::reduce::live::Change;
use crate::reduce::sites::SiteId;

/// Follows every site by itself.
#[derive(Debug, Default)]
pub struct Lifetimes {
    sites: Vec<Lifetime>,
}

/// What became of the memory of one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// The most it had at once.
    pub most: Measure,
    /// How long all its blocks together lived, in the timeline's ticks.
    pub ticks: u64,
    current: Measure,
}

impl Lifetimes {
    /// Follows one change at the tick `now` of memory that came at the tick `born`.
    pub fn apply(&mut self, change: Change<SiteId>, born: u32, now: u32) {
        let owner = change.owner();
        if self.sites.len() <= owner.index() {
            self.sites.resize(owner.index() + 1, Lifetime::default());
        }
        let site = &mut self.sites[owner.index()];
        match change {
            Change::Given { bytes, .. } => {
                site.current += Measure { bytes, allocations: 1 };
                if site.current.bytes > site.most.bytes {
                    site.most = site.current;
                }
            }
            Change::Taken { bytes, blocks, .. } => site.lose(bytes, blocks, born, now),
            Change::Left { bytes, .. } => site.lose(bytes, 1, born, now),
        }
    }

    /// What became of a site's memory so far.
    pub fn of(&self, site: SiteId) -> Lifetime {
        self.sites.get(site.index()).copied().unwrap_or_default()
    }
}

impl Lifetime {
    fn lose(&mut self, bytes: u64, blocks: i64, born: u32, now: u32) {
        self.current.bytes = self.current.bytes.saturating_sub(bytes);
        self.current.allocations = self.current.allocations.saturating_add_signed(-blocks);
        if blocks > 0 {
            self.ticks += u64::from(now.saturating_sub(born));
        }
    }
}
