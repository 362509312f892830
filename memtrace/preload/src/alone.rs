//! Whether the process has one thread only, by glibc's own word. What is not shared needs no locked instruction, which
//! would be a good part of what a small event costs. Must not know what is counted.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

/// `__libc_single_threaded`, since glibc 2.32; null where there is none.
static FLAG: AtomicPtr<u8> = AtomicPtr::new(null_mut());

/// Looks for the flag; until then nobody is alone.
pub fn find() {
    // SAFETY: the name is a C string; nothing is called but dlerror, so that the program does not find a failure that is
    // not its own.
    let flag = unsafe {
        let flag = libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr());
        if flag.is_null() {
            libc::dlerror();
        }
        flag
    };
    FLAG.store(flag.cast(), Ordering::Relaxed);
}

/// Whether no other thread exists. Whoever makes one, or waits for its end, sees to it that what either side wrote is
/// seen by the other.
#[inline]
pub fn alone() -> bool {
    let flag = FLAG.load(Ordering::Relaxed);
    // SAFETY: it is null or a `char` of libc's, which stays where it is.
    !flag.is_null() && unsafe { AtomicU8::from_ptr(flag) }.load(Ordering::Relaxed) != 0
}
