//! How much was given out in all: by site, by size.

use crate::events::SizeClass;
use crate::reduce::Measure;
use crate::reduce::sites::SiteId;

/// Counts every event.
#[derive(Debug)]
pub struct Totals {
    by_site: Vec<Measure>,
    frees: u64,
    /// By the number of bits of the size.
    sizes: [u64; 65],
}

impl Default for Totals {
    fn default() -> Self {
        Totals { by_site: Vec::new(), frees: 0, sizes: [0; 65] }
    }
}

impl Totals {
    /// Counts an allocation.
    #[inline]
    pub fn given(&mut self, site: SiteId, bytes: u64) {
        add(&mut self.by_site, site, Measure { bytes, allocations: 1 });
        self.sizes[bits(bytes)] += 1;
    }

    /// Counts a free or an unmapping.
    #[inline]
    pub fn freed(&mut self) {
        self.frees += 1;
    }

    /// How often memory was given back.
    pub fn frees(&self) -> u64 {
        self.frees
    }

    /// All that was given out, by site.
    pub fn by_site(&self) -> &[Measure] {
        &self.by_site
    }

    /// By size, smallest first, without empty classes.
    pub fn by_size(&self) -> Vec<SizeClass> {
        let classes = self.sizes.iter().enumerate().filter(|(_, allocations)| **allocations > 0);
        let largest = |bits: usize| if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
        classes.map(|(bits, &allocations)| SizeClass { up_to_bytes: largest(bits), allocations }).collect()
    }
}

/// Adds to a site's place in a table, which grows as sites are met.
#[inline]
pub fn add(table: &mut Vec<Measure>, site: SiteId, measure: Measure) {
    let index = site.index();
    if table.len() <= index {
        table.resize(index + 1, Measure::default());
    }
    table[index] += measure;
}

/// The number of bits that a size takes, from 0 to 64.
#[inline]
fn bits(size: u64) -> usize {
    (u64::BITS - size.leading_zeros()) as usize
}
