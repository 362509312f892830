//! Which memory is in use, and so what each event takes away from or adds to which stack.

use std::collections::BTreeMap;

use crate::events::{Event, StackId};
use crate::reduce::blocks::Blocks;

/// The blocks and pages in use.
#[derive(Debug, Default)]
pub struct LiveSet {
    blocks: Blocks<Block>,
    /// Mapped ranges by their first byte; they never overlap.
    pages: BTreeMap<u64, Range>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    size: u64,
    stack: StackId,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    end: u64,
    stack: StackId,
}

/// What an event changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// This stack has a block more.
    Given {
        /// Which stack.
        stack: StackId,
        /// The size of the block.
        bytes: u64,
    },
    /// This stack has less.
    Taken {
        /// Which stack.
        stack: StackId,
        /// By how much.
        bytes: u64,
        /// How many blocks are gone, which is -1 where a hole makes two ranges of one.
        blocks: i64,
    },
    /// A block of this stack is in use no longer, because its process ended; it was never given back.
    Left {
        /// Which stack.
        stack: StackId,
        /// The size of the block.
        bytes: u64,
    },
}

/// The upper bits of an address say in which process it is.
const PROCESS_SHIFT: u32 = 48;
const PROCESS: u64 = !0 << PROCESS_SHIFT;

impl LiveSet {
    /// Brings the set up to `event` and hands over the changes.
    #[inline]
    pub fn apply(&mut self, event: &Event, mut on_change: impl FnMut(Change)) {
        match *event {
            Event::Allocated { address, size, allocator, stack, .. } => {
                if allocator.maps_pages() {
                    self.unmap(address, size, &mut on_change);
                    if size > 0 {
                        self.pages.insert(address, Range { end: address.saturating_add(size), stack });
                    }
                } else if let Some(lost) = self.blocks.insert(address, Block { size, stack }) {
                    // It was freed in a way that was not seen.
                    on_change(Change::Taken { stack: lost.stack, bytes: lost.size, blocks: 1 });
                }
                on_change(Change::Given { stack, bytes: size });
            }
            Event::Freed { address } => {
                if let Some(block) = self.blocks.remove(address) {
                    on_change(Change::Taken { stack: block.stack, bytes: block.size, blocks: 1 });
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

    fn end(&mut self, process: u16, on_change: &mut impl FnMut(Change)) {
        let addresses = u64::from(process) << PROCESS_SHIFT..=u64::from(process) << PROCESS_SHIFT | !PROCESS;
        for block in self.blocks.take_all(&addresses) {
            on_change(Change::Left { stack: block.stack, bytes: block.size });
        }
        let gone: Vec<u64> = self.pages.range(addresses).map(|(&address, _)| address).collect();
        for address in gone {
            if let Some(Range { end, stack }) = self.pages.remove(&address) {
                on_change(Change::Left { stack, bytes: end - address });
            }
        }
    }

    fn unmap(&mut self, address: u64, size: u64, on_change: &mut impl FnMut(Change)) {
        let end = address.saturating_add(size);
        // Ranges do not overlap, so the newest that begins before `end` also ends last.
        while let Some((&start, &Range { end: old_end, stack })) = self.pages.range(..end).next_back() {
            if old_end <= address {
                break;
            }
            self.pages.remove(&start);
            let (keeps_front, keeps_back) = (start < address, old_end > end);
            if keeps_back {
                self.pages.insert(end, Range { end: old_end, stack });
            }
            if keeps_front {
                self.pages.insert(start, Range { end: address, stack });
            }
            let bytes = old_end.min(end) - start.max(address);
            let blocks = 1 - i64::from(keeps_front) - i64::from(keeps_back);
            on_change(Change::Taken { stack, bytes, blocks });
            if keeps_front {
                break;
            }
        }
    }
}
