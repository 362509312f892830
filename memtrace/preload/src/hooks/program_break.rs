//! `brk` and `sbrk`, as programs with an allocator of their own call them; libc's own heap does not come
//! this way. The range between two breaks is like a mapping.

use std::ffi::{c_int, c_void};

use memtrace_wire::Allocator;

use crate::real;
use crate::recorder::{self, Gone, Reserved, allocated};

/// What `sbrk` answers when it fails.
const FAILED: *mut c_void = usize::MAX as *mut c_void;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn sbrk(increment: libc::intptr_t) -> *mut c_void {
    let reserved = before(increment < 0);
    // SAFETY: the caller answers for what lies between the old break and the new one.
    let old = unsafe { real::sbrk(increment) };
    if old != FAILED {
        moved(reserved, old, old.wrapping_byte_offset(increment));
    }
    old
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn brk(new: *mut c_void) -> c_int {
    // SAFETY: asking for no bytes only tells where the break is.
    let old = unsafe { real::sbrk(0) };
    let reserved = before(new < old);
    // SAFETY: as in `sbrk`.
    let failed = unsafe { real::brk(new) };
    if failed == 0 {
        moved(reserved, old, new);
    }
    failed
}

/// What goes is given a place among the events before it goes.
fn before(shrinks: bool) -> Option<Reserved> {
    if shrinks { recorder::reserve() } else { None }
}

fn moved(reserved: Option<Reserved>, old: *mut c_void, new: *mut c_void) {
    let grown = (new as usize).wrapping_sub(old as usize);
    if let Some(reserved) = reserved {
        reserved.gave_back(Gone::Range(new, grown.wrapping_neg()));
    } else if new > old {
        allocated(Allocator::Brk, old, grown);
    }
}
