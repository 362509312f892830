//! `malloc` and its family.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use memtrace_wire::Allocator;

use crate::real;
use crate::recorder::{self, Gone, allocated};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: any size will do.
    let block = unsafe { real::malloc(size) };
    allocated(Allocator::Malloc, block, size);
    block
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: any sizes will do; where the product overflows the answer is null.
    let block = unsafe { real::calloc(count, size) };
    allocated(Allocator::Calloc, block, count.wrapping_mul(size));
    block
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    if block.is_null() {
        return;
    }
    recorder::about_to_free(block);
    // SAFETY: the caller vouches for the block.
    unsafe { real::free(block) }
}

/// C23; where libc does not have it either, programs bring their own and never come here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(block: *mut c_void, _size: usize) {
    // SAFETY: passed on to the caller.
    unsafe { free(block) }
}

/// C23.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(block: *mut c_void, _alignment: usize, _size: usize) {
    // SAFETY: passed on to the caller.
    unsafe { free(block) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: passed on to the caller.
    unsafe { reallocate(Allocator::Realloc, block, size) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void {
    let Some(size) = count.checked_mul(size) else { return fail(libc::ENOMEM) };
    // SAFETY: passed on to the caller.
    unsafe { reallocate(Allocator::Reallocarray, block, size) }
}

/// # Safety
/// As realloc: `block` is null or came from this family.
unsafe fn reallocate(allocator: Allocator, block: *mut c_void, size: usize) -> *mut c_void {
    let reserved = recorder::reserve();
    // SAFETY: the caller vouches for the block.
    let moved = unsafe { real::realloc(block, size) };
    let gone = if block.is_null() { Gone::Nothing } else { Gone::Block(block) };
    // glibc frees the block when asked for no bytes, and answers null; any other null means that the
    // block is still there.
    if let Some(reserved) = reserved
        && (!moved.is_null() || size == 0)
    {
        reserved.exchanged(gone, allocator, moved, size);
    }
    moved
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    if !alignment.is_power_of_two() || !alignment.is_multiple_of(size_of::<*mut c_void>()) {
        return libc::EINVAL;
    }
    // SAFETY: the alignment was checked just now.
    let block = unsafe { real::posix_memalign(alignment, size) };
    if block.is_null() {
        return libc::ENOMEM;
    }
    allocated(Allocator::PosixMemalign, block, size);
    // SAFETY: the caller gave a place for the answer.
    unsafe { *out = block };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: the allocator checks both numbers.
    let block = unsafe { real::aligned_alloc(alignment, size) };
    allocated(Allocator::AlignedAlloc, block, size);
    block
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: the allocator checks both numbers.
    let block = unsafe { real::memalign(alignment, size) };
    allocated(Allocator::Memalign, block, size);
    block
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn valloc(size: usize) -> *mut c_void {
    // SAFETY: any size will do.
    let block = unsafe { real::valloc(size) };
    allocated(Allocator::Valloc, block, size);
    block
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pvalloc(size: usize) -> *mut c_void {
    // SAFETY: any size will do.
    let block = unsafe { real::pvalloc(size) };
    allocated(Allocator::Pvalloc, block, size);
    block
}

fn fail(errno: c_int) -> *mut c_void {
    // SAFETY: `__errno_location` gives this thread's errno.
    unsafe { *libc::__errno_location() = errno };
    null_mut()
}
