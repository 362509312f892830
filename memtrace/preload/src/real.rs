//! libc's allocator beneath the hooks, under the names that cannot be interposed, so that nothing has to
//! be looked up first. Must not know that anything is recorded.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;

unsafe extern "C" {
    pub fn __libc_malloc(size: usize) -> *mut c_void;
    pub fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    pub fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    pub fn __libc_free(block: *mut c_void);
    pub fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    pub fn __libc_valloc(size: usize) -> *mut c_void;
    pub fn __libc_pvalloc(size: usize) -> *mut c_void;
}

/// What this library itself allocates with: never through its own hooks.
struct Libc;

#[global_allocator]
static LIBC: Libc = Libc;

/// What `malloc` aligns to anyway.
const MALLOC_ALIGNMENT: usize = 16;

// SAFETY: libc's allocator keeps the promises of GlobalAlloc, given the alignment it is asked for.
unsafe impl GlobalAlloc for Libc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: both take any size; the alignment of a Layout is a power of two.
        unsafe {
            if layout.align() <= MALLOC_ALIGNMENT {
                __libc_malloc(layout.size()).cast()
            } else {
                __libc_memalign(layout.align(), layout.size()).cast()
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller got the block from `alloc`.
        unsafe { __libc_free(block.cast()) }
    }
}
