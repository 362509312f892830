//! What runs command lines. libc starts the shell by ways of its own, which nobody can come between; so where programs
//! are to be traced, it is given a line that first puts the environment right.

use std::ffi::{CStr, c_char, c_int};

use crate::buffer::preserving_errno;
use crate::{environment, real};

/// Hands `run` the line that has `line` traced, or `line` itself.
///
/// # Safety
/// `line` must be null or a C string.
unsafe fn traced<T>(line: *const c_char, run: impl FnOnce(*const c_char) -> T) -> T {
    let longer = preserving_errno(|| {
        // SAFETY: passed on to the caller.
        let line = (!line.is_null()).then(|| unsafe { CStr::from_ptr(line) })?;
        environment::traced_line(line)
    });
    run(longer.as_deref().map_or(line, CStr::as_ptr))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn system(line: *const c_char) -> c_int {
    type System = unsafe extern "C" fn(*const c_char) -> c_int;
    // SAFETY: it is a function with this signature; the caller answers for the argument.
    unsafe {
        let real = std::mem::transmute::<usize, System>(real::next(c"system"));
        traced(line, |line| real(line))
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn popen(line: *const c_char, mode: *const c_char) -> *mut libc::FILE {
    type Popen = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut libc::FILE;
    // SAFETY: as for `system`.
    unsafe {
        let real = std::mem::transmute::<usize, Popen>(real::next(c"popen"));
        traced(line, |line| real(line, mode))
    }
}
