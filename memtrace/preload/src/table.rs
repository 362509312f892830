//! A hash table from two words to a small number: open addressing, no removal. Must not know what the
//! words mean.

use crate::buffer;

/// Numbers from 1; 0 marks a free place.
pub struct Table {
    places: Vec<Place>,
    used: usize,
}

#[derive(Clone, Copy, Default)]
struct Place {
    key: (u64, u64),
    value: u32,
}

const SMALLEST: usize = 1024;

impl Table {
    pub fn new() -> Table {
        Table { places: vec![Place::default(); SMALLEST], used: 0 }
    }

    /// The value of `key`.
    #[inline]
    pub fn get(&self, key: (u64, u64)) -> Option<u32> {
        let place = self.places[self.place(key)];
        (place.value != 0).then_some(place.value)
    }

    /// Gives `key`, which has no value yet, one that is not 0.
    pub fn insert(&mut self, key: (u64, u64), value: u32) {
        if (self.used + 1) * 2 > self.places.len() {
            self.grow();
        }
        let place = self.place(key);
        self.places[place] = Place { key, value };
        self.used += 1;
    }

    #[cold]
    fn grow(&mut self) {
        let mut grown = Vec::new();
        let length = self.places.len() * 2;
        if grown.try_reserve_exact(length).is_err() {
            // The program may live on without memory, but nothing is recorded any more.
            buffer::stop(libc::ENOMEM);
            return self.clear();
        }
        grown.resize(length, Place::default());
        for old in std::mem::replace(&mut self.places, grown) {
            if old.value != 0 {
                let place = self.place(old.key);
                self.places[place] = old;
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        if self.used > 0 {
            self.places.fill(Place::default());
            self.used = 0;
        }
    }

    /// Where `key` is, or would be.
    #[inline]
    fn place(&self, key: (u64, u64)) -> usize {
        let mask = self.places.len() - 1;
        let mixed = (key.0 ^ key.1.rotate_left(29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        #[expect(clippy::cast_possible_truncation, reason = "x86-64: usize is 64 bits")]
        let mut index = (mixed ^ mixed >> 29) as usize & mask;
        while self.places[index].value != 0 && self.places[index].key != key {
            index = (index + 1) & mask;
        }
        index
    }
}
