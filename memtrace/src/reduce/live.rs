//! Which memory is in use, and so what each event takes away from or adds to which owner. Must not know
//! what an owner is.

use std::collections::BTreeMap;

use crate::events::Event;
use crate::reduce::Measure;
use crate::reduce::blocks::Blocks;

/// The blocks and pages in use, each with its owner.
#[derive(Debug)]
pub struct LiveSet<O> {
    blocks: Blocks<Block<O>>,
    /// Mapped ranges by their first byte; they never overlap.
    pages: BTreeMap<u64, Range<O>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block<O> {
    size: u64,
    owner: O,
}

#[derive(Clone, Copy, Debug)]
struct Range<O> {
    end: u64,
    owner: O,
}

/// What an event changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<O> {
    /// The owner has a block more.
    Given {
        /// Who.
        owner: O,
        /// The size of the block.
        bytes: u64,
    },
    /// The owner has less.
    Taken {
        /// Who.
        owner: O,
        /// By how much.
        bytes: u64,
        /// How many blocks are gone, which is -1 where a hole makes two ranges of one.
        blocks: i64,
    },
    /// A block of the owner is in use no longer, because its process ended; it was never given back.
    Left {
        /// Who.
        owner: O,
        /// The size of the block.
        bytes: u64,
    },
}

/// The upper bits of an address say in which process it is.
const PROCESS_SHIFT: u32 = 48;

impl<O: Copy> Change<O> {
    /// Whose memory it is.
    #[inline]
    pub fn owner(&self) -> O {
        match *self {
            Change::Given { owner, .. } | Change::Taken { owner, .. } | Change::Left { owner, .. } => owner,
        }
    }

    /// The same change for whom `to` makes of the owner.
    #[inline]
    pub fn map<P>(self, to: impl FnOnce(O) -> P) -> Change<P> {
        match self {
            Change::Given { owner, bytes } => Change::Given { owner: to(owner), bytes },
            Change::Taken { owner, bytes, blocks } => Change::Taken { owner: to(owner), bytes, blocks },
            Change::Left { owner, bytes } => Change::Left { owner: to(owner), bytes },
        }
    }
}

impl<O: Copy + Default> Default for LiveSet<O> {
    fn default() -> Self {
        LiveSet { blocks: Blocks::default(), pages: BTreeMap::new() }
    }
}

impl<O: Copy + Default> LiveSet<O> {
    /// Prepares for events that come next; changes nothing.
    #[inline]
    pub fn look_ahead(&self, events: &[Event]) {
        self.blocks.look_ahead(events.iter().filter_map(|event| match *event {
            Event::Allocated { address, .. } | Event::Freed { address } => Some(address),
            _ => None,
        }));
    }

    /// Does what [`LiveSet::apply`] does for nearly all events, which change one thing only: a block is given where none
    /// was, or taken. None means that nothing was done.
    #[inline]
    pub fn apply_one(&mut self, event: &Event, owner: O) -> Option<Change<O>> {
        match *event {
            Event::Allocated { address, size, allocator, .. } if !allocator.maps_pages() => {
                let new = self.blocks.insert_new(address, Block { size, owner });
                new.then_some(Change::Given { owner, bytes: size })
            }
            Event::Freed { address } => {
                let Block { size, owner } = self.blocks.remove(address)?;
                Some(Change::Taken { owner, bytes: size, blocks: 1 })
            }
            _ => None,
        }
    }

    /// Brings the set up to `event`, whose memory becomes `owner`'s, and hands over the changes.
    #[inline]
    pub fn apply(&mut self, event: &Event, owner: O, mut on_change: impl FnMut(Change<O>)) {
        match *event {
            Event::Allocated { address, size, allocator, .. } => {
                if allocator.maps_pages() {
                    self.unmap(address, size, &mut on_change);
                    if size > 0 {
                        self.pages.insert(address, Range { end: address.saturating_add(size), owner });
                    }
                } else if let Some(lost) = self.blocks.insert(address, Block { size, owner }) {
                    // It was freed in a way that was not seen.
                    on_change(Change::Taken { owner: lost.owner, bytes: lost.size, blocks: 1 });
                }
                on_change(Change::Given { owner, bytes: size });
            }
            Event::Freed { address } => {
                if let Some(block) = self.blocks.remove(address) {
                    on_change(Change::Taken { owner: block.owner, bytes: block.size, blocks: 1 });
                } else if let Some(range) = self.pages.get(&address) {
                    // Records on standard input may free a mapping as they free a block.
                    self.unmap(address, range.end - address, &mut on_change);
                }
            }
            Event::Unmapped { address, size } => self.unmap(address, size, &mut on_change),
            Event::Ended { process } => self.end(process, &mut on_change),
            Event::ThreadNamed { .. } | Event::Sampled { .. } => {}
        }
    }

    fn end(&mut self, process: u16, on_change: &mut impl FnMut(Change<O>)) {
        let first = u64::from(process) << PROCESS_SHIFT;
        let addresses = first..=first | !(!0 << PROCESS_SHIFT);
        for Block { size, owner } in self.blocks.take_all(&addresses) {
            on_change(Change::Left { owner, bytes: size });
        }
        let gone: Vec<u64> = self.pages.range(addresses).map(|(&address, _)| address).collect();
        for address in gone {
            if let Some(Range { end, owner }) = self.pages.remove(&address) {
                on_change(Change::Left { owner, bytes: end - address });
            }
        }
    }

    /// What is in use now, in no particular order.
    pub fn in_use(&self) -> impl Iterator<Item = (O, Measure)> {
        let one = |owner, bytes| (owner, Measure { bytes, allocations: 1 });
        let blocks = self.blocks.values().map(move |block| one(block.owner, block.size));
        blocks.chain(self.pages.iter().map(move |(start, range)| one(range.owner, range.end - start)))
    }

    fn unmap(&mut self, address: u64, size: u64, on_change: &mut impl FnMut(Change<O>)) {
        let end = address.saturating_add(size);
        // Ranges do not overlap, so the newest that begins before `end` also ends last.
        while let Some((&start, &Range { end: old_end, owner })) = self.pages.range(..end).next_back() {
            if old_end <= address {
                break;
            }
            self.pages.remove(&start);
            let (keeps_front, keeps_back) = (start < address, old_end > end);
            if keeps_back {
                self.pages.insert(end, Range { end: old_end, owner });
            }
            if keeps_front {
                self.pages.insert(start, Range { end: address, owner });
            }
            let bytes = old_end.min(end) - start.max(address);
            let blocks = 1 - i64::from(keeps_front) - i64::from(keeps_back);
            on_change(Change::Taken { owner, bytes, blocks });
            if keeps_front {
                break;
            }
        }
    }
}
