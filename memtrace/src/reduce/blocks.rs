//! The blocks in use by their addresses: a table that every single event goes through. Open addressing with
//! linear probing; what is removed leaves no trace, so it stays as small as what is in use. Must not know
//! what a block is.

use std::ops::RangeInclusive;

/// Values by address.
#[derive(Debug)]
pub struct Blocks<V> {
    places: Vec<Place<V>>,
    used: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place<V> {
    address: u64,
    value: V,
}

/// A power of two, as every size is.
const SMALLEST: usize = 16;

/// No block begins at the last byte there is: this marks a free place. Whatever claims to lie there is taken
/// to lie a byte before.
const NOWHERE: u64 = u64::MAX;

impl<V: Copy + Default> Default for Blocks<V> {
    fn default() -> Self {
        Blocks { places: free_places(SMALLEST), used: 0 }
    }
}

fn free_places<V: Copy + Default>(count: usize) -> Vec<Place<V>> {
    vec![Place { address: NOWHERE, value: V::default() }; count]
}

impl<V: Copy + Default> Blocks<V> {
    /// Sets the value at `address` and returns the one that was there.
    #[inline]
    pub fn insert(&mut self, address: u64, value: V) -> Option<V> {
        let address = address.min(NOWHERE - 1);
        if self.used * 3 >= self.places.len() * 2 {
            self.grow();
        }
        let at = self.place(address);
        let before = std::mem::replace(&mut self.places[at], Place { address, value });
        if before.address == NOWHERE {
            self.used += 1;
            return None;
        }
        Some(before.value)
    }

    /// Sets the value at `address`, if there is none.
    #[inline]
    pub fn insert_new(&mut self, address: u64, value: V) -> bool {
        let address = address.min(NOWHERE - 1);
        if self.used * 3 >= self.places.len() * 2 {
            self.grow();
        }
        let at = self.place(address);
        let is_new = self.places[at].address == NOWHERE;
        if is_new {
            self.places[at] = Place { address, value };
            self.used += 1;
        }
        is_new
    }

    /// Takes the value at `address` away.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "half of all events come this way, from one place")]
    pub fn remove(&mut self, address: u64) -> Option<V> {
        let mut hole = self.place(address.min(NOWHERE - 1));
        let removed = self.places[hole];
        if removed.address == NOWHERE {
            return None;
        }
        self.used -= 1;
        // Whatever was pushed beyond the hole moves up, so that no search ends there too early.
        let mask = self.places.len() - 1;
        let mut at = (hole + 1) & mask;
        while self.places[at].address != NOWHERE {
            let from_home = at.wrapping_sub(self.home(self.places[at].address)) & mask;
            if from_home >= at.wrapping_sub(hole) & mask {
                self.places[hole] = self.places[at];
                hole = at;
            }
            at = (at + 1) & mask;
        }
        self.places[hole].address = NOWHERE;
        Some(removed.value)
    }

    /// Looks where these addresses are, all at once, so that they are in the processor's cache when they are asked
    /// for one by one: with hundreds of thousands of blocks in use, waiting for memory is most of the work.
    #[inline]
    pub fn look_ahead(&self, addresses: impl Iterator<Item = u64>) {
        /// A table of so many places is in the cache anyway.
        const CACHED: usize = 1 << 13;
        if self.places.len() <= CACHED {
            return;
        }
        let seen = addresses.fold(0, |seen, address| seen ^ self.places[self.home(address)].address);
        std::hint::black_box(seen);
    }

    /// Takes all values away whose addresses are in a range.
    pub fn take_all(&mut self, addresses: &RangeInclusive<u64>) -> Vec<V> {
        let of_range = |place: &&Place<V>| place.address != NOWHERE && addresses.contains(&place.address);
        let taken: Vec<u64> = self.places.iter().filter(of_range).map(|place| place.address).collect();
        taken.into_iter().filter_map(|address| self.remove(address)).collect()
    }

    /// All values, in no particular order.
    pub fn values(&self) -> impl Iterator<Item = V> {
        self.places.iter().filter(|place| place.address != NOWHERE).map(|place| place.value)
    }

    /// Where `address` is, or would be.
    #[inline]
    fn place(&self, address: u64) -> usize {
        let mask = self.places.len() - 1;
        let mut at = self.home(address);
        while self.places[at].address != address && self.places[at].address != NOWHERE {
            at = (at + 1) & mask;
        }
        at
    }

    /// Where the search for `address` begins: the upper bits of a product, which spread best.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "as many bits as the table has are left")]
    fn home(&self, address: u64) -> usize {
        let bits = self.places.len().trailing_zeros();
        (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - bits)) as usize
    }

    #[cold]
    fn grow(&mut self) {
        let grown = free_places(self.places.len() * 2);
        for old in std::mem::replace(&mut self.places, grown) {
            if old.address != NOWHERE {
                let at = self.place(old.address);
                self.places[at] = old;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn like_a_map(steps in prop::collection::vec((0..60_u64, any::<Option<u32>>()), 0..400)) {
            let (mut blocks, mut map) = (Blocks::default(), HashMap::new());
            for (address, value) in steps {
                let is_new = value.is_some_and(|value| blocks.insert_new(address, value));
                prop_assert_eq!(is_new, value.is_some() && !map.contains_key(&address));
                let (ours, theirs) = if let Some(value) = value {
                    if is_new {
                        map.insert(address, value);
                    }
                    (blocks.insert(address, value), map.insert(address, value))
                } else {
                    (blocks.remove(address), map.remove(&address))
                };
                prop_assert_eq!(ours, theirs);
                prop_assert_eq!(blocks.used, map.len());
            }
            for (address, value) in map {
                prop_assert_eq!(blocks.remove(address), Some(value));
            }
        }
    }
}
