//! Who asked for memory: a stack, in a thread, by an allocator. Each is numbered once, so that all else is
//! kept in tables by that number. Must not know what is kept.

use crate::events::{AllocatorId, FIRST_TASK, StackId};
use crate::reduce::numbers::NumberMap;

/// A site's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(u32);

impl SiteId {
    /// The site at a place in tables of sites.
    pub fn at(index: u32) -> SiteId {
        SiteId(index)
    }

    /// Its place in tables of sites.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// Where in the program.
    pub stack: StackId,
    /// The kernel's id of the thread, or a number from [`FIRST_TASK`] on for a task; 0 stands for all those beyond the
    /// first thousand.
    pub thread: u32,
    /// By which function.
    pub allocator: AllocatorId,
}

/// The sites met so far, and how often each thread has allocated.
#[derive(Debug, Default)]
pub struct Sites {
    all: Vec<Site>,
    /// The place in `threads` of each site's thread.
    threads_of: Vec<u32>,
    ids: NumberMap<u64, SiteId>,
    last: Option<(u64, SiteId)>,
    threads: Vec<u32>,
    places: NumberMap<u32, u32>,
    /// The thread of the last event and its place: mostly it is the next one's too.
    current: Option<(u32, u32)>,
}

/// Programs with a thread for each request must not need a table for each.
const MOST_THREADS: u32 = 1000;

impl Sites {
    /// The site's number, and the number of this allocation among those of its thread.
    #[inline]
    pub fn allocation(&mut self, site: Site) -> (SiteId, u32) {
        let place = self.place(site.thread);
        let nth = &mut self.threads[place as usize];
        *nth = nth.wrapping_add(1);
        let nth = *nth;
        let stack = site.stack.index() as u64;
        let key = stack | (site.allocator.index() as u64) << 32 | u64::from(place) << 48;
        if let Some((last, id)) = self.last
            && last == key
        {
            return (id, nth);
        }
        let id = *self.ids.entry(key).or_insert_with(|| {
            let thread = if place < MOST_THREADS { site.thread } else { 0 };
            self.all.push(Site { thread, ..site });
            self.threads_of.push(place);
            SiteId(u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX))
        });
        self.last = Some((key, id));
        (id, nth)
    }

    /// How often the site's thread has allocated since its allocation `nth`.
    #[inline]
    pub fn since(&self, site: SiteId, nth: u32) -> u32 {
        let place = self.threads_of[site.index()];
        self.threads[place as usize].wrapping_sub(nth)
    }

    #[inline]
    fn place(&mut self, thread: u32) -> u32 {
        match self.current {
            Some((current, place)) if current == thread => place,
            _ => {
                let next = u32::try_from(self.threads.len()).unwrap_or(MOST_THREADS).min(MOST_THREADS);
                let place = *self.places.entry(thread).or_insert(next);
                if place as usize == self.threads.len() {
                    self.threads.push(0);
                }
                self.current = Some((thread, place));
                place
            }
        }
    }

    /// All sites, by their numbers.
    pub fn all(&self) -> &[Site] {
        &self.all
    }

    /// How many threads allocated; their tasks do not count.
    pub fn threads(&self) -> usize {
        let threads = self.places.keys().filter(|thread| **thread < FIRST_TASK).count();
        threads.max(self.places.len().min(1))
    }
}
