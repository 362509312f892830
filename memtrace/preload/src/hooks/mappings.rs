//! `mmap` and its family, by bare system calls.
//!
//! Pages mapped without any access are reserved, not used, and are not recorded.

use std::ffi::{c_int, c_long, c_void};

use memtrace_wire::Allocator;

use crate::recorder::{self, Gone, allocated};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    address: *mut c_void,
    size: usize,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: libc::off_t,
) -> *mut c_void {
    let replaces = flags & (libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE) == libc::MAP_FIXED;
    let reserved = if replaces {
        recorder::about_to_unmap();
        recorder::reserve()
    } else {
        None
    };
    // SAFETY: the caller answers for the arguments.
    let mapped = unsafe { libc::syscall(libc::SYS_mmap, address, size, protection, flags, fd, offset) };
    let mapped = mapped as *mut c_void;
    if mapped == libc::MAP_FAILED {
        return mapped;
    }
    if let Some(reserved) = reserved {
        reserved.gave_back(Gone::Range(mapped, whole_pages(size)));
    }
    if protection != libc::PROT_NONE {
        allocated(Allocator::Mmap, mapped, size);
    }
    mapped
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap64(
    address: *mut c_void,
    size: usize,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: libc::off64_t,
) -> *mut c_void {
    // SAFETY: on x86-64 both are the same function.
    unsafe { mmap(address, size, protection, flags, fd, offset) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(address: *mut c_void, size: usize) -> c_int {
    recorder::about_to_unmap();
    let reserved = recorder::reserve();
    // SAFETY: the caller answers for the arguments.
    let failed = unsafe { libc::syscall(libc::SYS_munmap, address, size) };
    if failed == 0
        && let Some(reserved) = reserved
    {
        reserved.gave_back(Gone::Range(address, whole_pages(size)));
    }
    answer(failed)
}

/// In C the last argument is optional; on x86-64 its register is read either way and the kernel looks at it
/// only with `MREMAP_FIXED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mremap(
    old: *mut c_void,
    old_size: usize,
    new_size: usize,
    flags: c_int,
    target: *mut c_void,
) -> *mut c_void {
    recorder::about_to_unmap();
    let reserved = recorder::reserve();
    // SAFETY: the caller answers for the arguments.
    let moved = unsafe { libc::syscall(libc::SYS_mremap, old, old_size, new_size, flags, target) };
    let moved = moved as *mut c_void;
    if moved != libc::MAP_FAILED
        && let Some(reserved) = reserved
    {
        let stays = flags & libc::MREMAP_DONTUNMAP != 0 || old_size == 0;
        let gone = if stays { Gone::Nothing } else { Gone::Range(old, whole_pages(old_size)) };
        reserved.exchanged(gone, Allocator::Mremap, moved, new_size);
    }
    moved
}

/// The kernel maps and unmaps whole pages.
fn whole_pages(size: usize) -> usize {
    const PAGE: usize = 4096;
    size.next_multiple_of(PAGE)
}

/// `munmap` answers 0 or -1.
fn answer(failed: c_long) -> c_int {
    if failed == 0 { 0 } else { -1 }
}
