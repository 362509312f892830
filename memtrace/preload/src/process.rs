//! How it all begins, before the program's `main`, and what happens when it forks.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use memtrace_wire::header::at;

use crate::guard::{self, Inside};
use crate::{buffer, pool, python};

/// The capture file's path, from `memtrace run`.
const CAPTURE: &CStr = c"MEMTRACE_CAPTURE";
const PRELOAD: &CStr = c"LD_PRELOAD";

// The dynamic loader calls what it finds in this section once the library is in place.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    // C promises that the program begins with an `errno` of 0.
    buffer::preserving_errno(attach);
}

fn attach() {
    let Some(path) = variable(CAPTURE) else { return };
    restore_environment();
    let Some(capture) = buffer::open(PathBuf::from(path)) else { return };
    pool::watch_threads();
    // SAFETY: the three functions have the signature that is asked for.
    unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child)) };
    let found = python::find();
    capture.word(at::PYTHON).store(found.version, Ordering::Relaxed);
    capture.word(at::FRAMES).store(found.frames.into(), Ordering::Relaxed);
    capture.word(at::PID).store(std::process::id(), Ordering::Relaxed);
    capture.word(at::ATTACHED).store(1, Ordering::Release);
    guard::activate();
}

/// Leaves the environment as it was before `memtrace run`, so that the program sees its own, and what it
/// starts is not traced.
fn restore_environment() {
    let before = variable(PRELOAD).and_then(|ours| {
        let rest = ours.as_bytes().splitn(2, |&byte| byte == b':').nth(1)?.to_vec();
        CString::new(rest).ok()
    });
    // SAFETY: no other thread exists before `main`; the strings are copied.
    unsafe {
        libc::unsetenv(CAPTURE.as_ptr());
        match before {
            Some(before) => libc::setenv(PRELOAD.as_ptr(), before.as_ptr(), 1),
            None => libc::unsetenv(PRELOAD.as_ptr()),
        };
    }
}

/// Not `std::env`: its view of the environment is not set up in a library this early.
fn variable(name: &CStr) -> Option<OsString> {
    // SAFETY: getenv answers null or a string that stays as it is while no other thread exists.
    let value = unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value))
    }?;
    Some(OsString::from_vec(OsStr::from_bytes(value.to_bytes()).as_bytes().to_vec()))
}

/// The child must not write into its parent's blocks, not even before `in_child` runs.
extern "C" fn before_fork() {
    if let Some(inside) = Inside::enter() {
        inside.stay();
    }
}

extern "C" fn after_fork() {
    guard::leave();
}

/// A forked child is not traced.
extern "C" fn in_child() {
    guard::deactivate();
    guard::leave();
}
