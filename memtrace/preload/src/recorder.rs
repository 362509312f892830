//! Gives events their place among all threads' events and hands them to the thread's log.
//!
//! A free is recorded before the block is really freed and an allocation after it was really made, so
//! that another thread that gets the same address always comes later. What can fail to free (realloc,
//! munmap, mremap) reserves its place first and is recorded once it is known to have worked.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

use memtrace_wire::Allocator;
use memtrace_wire::entry::Entry;

use crate::alone::alone;
use crate::clock;
use crate::guard::Inside;
use crate::log::Log;
use crate::pool::with_log;

static SEQUENCE: AtomicU64 = AtomicU64::new(1);
static UNMAPS: AtomicU64 = AtomicU64::new(1);

/// A place among the events, taken before it is known whether the event will happen.
pub struct Reserved {
    inside: Inside,
    seq: u64,
}

/// What is given back.
#[derive(Clone, Copy)]
pub enum Gone {
    /// Nothing: it was null.
    Nothing,
    /// The block at this address.
    Block(*mut c_void),
    /// This range of pages.
    Range(*mut c_void, usize),
}

/// Begins to count anew, in another capture.
pub fn reset() {
    SEQUENCE.store(1, Ordering::Relaxed);
}

/// How often pages were unmapped: while this stands still, no mapping has gone.
#[inline]
pub fn unmaps() -> u64 {
    UNMAPS.load(Ordering::Relaxed)
}

/// Says that pages are about to be unmapped.
pub fn about_to_unmap() {
    UNMAPS.fetch_add(1, Ordering::SeqCst);
}

/// Records memory that was given out; null was not.
#[inline]
pub fn allocated(allocator: Allocator, address: *mut c_void, size: usize) {
    if !address.is_null()
        && let Some(mut inside) = Inside::enter()
    {
        allocate(&mut inside, allocator, address, size);
    }
}

/// Records a block that is about to be freed.
#[inline]
pub fn about_to_free(address: *mut c_void) {
    if let Some(mut inside) = Inside::enter() {
        let seq = next();
        give_back(&mut inside, seq, Gone::Block(address));
    }
}

/// Records what `give` gives out. What that itself asks for is not recorded.
#[inline]
pub fn allocating(allocator: Allocator, size: usize, give: impl FnOnce() -> *mut c_void) -> *mut c_void {
    let Some(mut inside) = Inside::enter() else { return give() };
    let address = give();
    if !address.is_null() {
        allocate(&mut inside, allocator, address, size);
    }
    address
}

/// Records a block that `take` then frees. What that itself gives back is not recorded.
#[inline]
pub fn freeing(address: *mut c_void, take: impl FnOnce()) {
    let mut inside = Inside::enter();
    if let Some(inside) = &mut inside {
        let seq = next();
        give_back(inside, seq, Gone::Block(address));
    }
    take();
}

/// Reserves a place for something that may or may not be given back; none while nothing is recorded.
pub fn reserve() -> Option<Reserved> {
    Inside::enter().map(|inside| Reserved { inside, seq: next() })
}

impl Reserved {
    /// It worked: `gone` is given back, at the place that was reserved.
    pub fn gave_back(mut self, gone: Gone) {
        give_back(&mut self.inside, self.seq, gone);
    }

    /// It worked: `gone` is given back, and the memory at `address` given out instead, unless null.
    pub fn exchanged(mut self, gone: Gone, allocator: Allocator, address: *mut c_void, size: usize) {
        give_back(&mut self.inside, self.seq, gone);
        if !address.is_null() {
            allocate(&mut self.inside, allocator, address, size);
        }
    }
}

/// The next place. Only who is inside asks for one, so no signal handler does in between.
#[inline]
fn next() -> u64 {
    if !alone() {
        return SEQUENCE.fetch_add(1, Ordering::Relaxed);
    }
    let seq = SEQUENCE.load(Ordering::Relaxed);
    SEQUENCE.store(seq + 1, Ordering::Relaxed);
    seq
}

#[inline]
fn allocate(inside: &mut Inside, allocator: Allocator, address: *mut c_void, size: usize) {
    with_log(inside, |log| {
        if !(is_small(allocator, size) && log.passes_clock()) {
            sample_if_due(log);
        }
        log.allocation(next, allocator, address as u64, size as u64);
    });
}

#[inline]
fn give_back(inside: &mut Inside, seq: u64, gone: Gone) {
    with_log(inside, |log| match gone {
        Gone::Nothing => {}
        Gone::Block(address) => log.free(seq, address as u64),
        Gone::Range(address, size) => {
            log.write(Entry::Unmap { seq, address: address as u64, size: size as u64 });
        }
    });
}

/// Whether it is one of Python's small blocks (`SMALL_REQUEST_THRESHOLD`). They come so fast that reading the
/// processor's counter for each would be a good part of what they cost.
#[inline]
fn is_small(allocator: Allocator, size: usize) -> bool {
    allocator.is_pythons() && size <= 512
}

#[inline]
fn sample_if_due(log: &mut Log) {
    if clock::due()
        && let Some(sample) = clock::sample()
    {
        log.sample(next(), &sample);
    }
}

/// Takes the last sample. It may be called by a signal handler that interrupted the allocator, so it must
/// not allocate: a thread that has no log writes none.
pub fn last_sample() {
    if let Some(mut inside) = Inside::enter()
        && let Some(log) = inside.log()
    {
        let clock::Sample { ms, resident } = clock::last_sample();
        log.write(Entry::Sample { seq: next(), ms, resident });
    }
}

/// Says that this thread may have got another name.
pub fn thread_renamed() {
    if let Some(mut inside) = Inside::enter() {
        with_log(&mut inside, Log::note_name);
    }
}
