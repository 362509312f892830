//! A hash table from a word and a small number to a small number: open addressing, no removal. Must not know what
//! they mean.

use crate::buffer;

/// What a number belongs to. Keys that differ in their second part alone lie near each other.
pub type Key = (u64, u32);

/// Numbers from 1; 0 marks a free place.
pub struct Table {
    places: Vec<Place>,
    used: usize,
}

/// Sixteen bytes, so that none lies in two lines of the processor's cache.
#[derive(Clone, Copy, Default)]
struct Place {
    word: u64,
    number: u32,
    value: u32,
}

const SMALLEST: usize = 1024;

impl Table {
    pub fn new() -> Table {
        Table { places: vec![Place::default(); SMALLEST], used: 0 }
    }

    /// The value of `key`.
    #[inline]
    pub fn get(&self, key: Key) -> Option<u32> {
        let place = self.places[self.place(key)];
        (place.value != 0).then_some(place.value)
    }

    /// Gives `key`, which has no value yet, one that is not 0.
    pub fn insert(&mut self, key: Key, value: u32) {
        if (self.used + 1) * 2 > self.places.len() {
            self.grow();
        }
        let place = self.place(key);
        self.places[place] = Place { word: key.0, number: key.1, value };
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
                let place = self.place((old.word, old.number));
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

    /// Where a key is, or would be.
    #[inline]
    fn place(&self, (word, number): Key) -> usize {
        let mask = self.places.len() - 1;
        let mixed = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        #[expect(clippy::cast_possible_truncation, reason = "x86-64: usize is 64 bits")]
        let begin = (mixed ^ mixed >> 29) as usize;
        let mut index = begin.wrapping_add(number as usize >> 1) & mask;
        loop {
            let place = &self.places[index];
            if place.value == 0 || (place.word, place.number) == (word, number) {
                return index;
            }
            index = (index + 1) & mask;
        }
    }
}
