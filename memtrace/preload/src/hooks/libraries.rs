//! What unloads libraries.

use std::ffi::{c_int, c_void};

use crate::native::modules;
use crate::real;

type Dlclose = unsafe extern "C" fn(*mut c_void) -> c_int;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlclose(library: *mut c_void) -> c_int {
    // SAFETY: it is a function with this signature; the caller answers for the handle.
    let failed = unsafe { std::mem::transmute::<usize, Dlclose>(real::next(c"dlclose"))(library) };
    modules::may_have_gone();
    failed
}
