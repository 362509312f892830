//! How it all begins, before the program's `main`, and what happens when it forks.

use std::ffi::{CStr, CString, OsStr, OsString, c_int, c_void};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use memtrace_wire::header::{End, at};

use crate::guard::{self, Inside};
use crate::{buffer, clock, pool, python, recorder};

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
    // SAFETY: the functions have the signatures that are asked for. This one is called last at the end,
    // because it is the first to ask for it.
    unsafe {
        libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child));
        on_exit(exiting, null_mut());
    }
    let found = python::find();
    capture.word(at::PYTHON).store(found.version, Ordering::Relaxed);
    capture.word(at::FRAMES).store(found.frames.into(), Ordering::Relaxed);
    capture.word(at::PID).store(std::process::id(), Ordering::Relaxed);
    capture.word(at::PARENT).store(std::os::unix::process::parent_id(), Ordering::Relaxed);
    capture.long(at::MONOTONIC_US).store(clock::begin(), Ordering::Relaxed);
    capture.word(at::ATTACHED).store(1, Ordering::Release);
    guard::activate();
}

unsafe extern "C" {
    /// As `atexit`, for a handler that is told the exit code.
    fn on_exit(handler: extern "C" fn(c_int, *mut c_void), context: *mut c_void) -> c_int;
}

extern "C" fn exiting(status: c_int, _: *mut c_void) {
    note_exit(status);
}

/// Says that the process is about to exit with the low eight bits of `status`.
pub fn note_exit(status: c_int) {
    if let Some(capture) = buffer::capture()
        && capture.is_of_this_process()
    {
        recorder::last_sample();
        capture.end(Some(End::Exited(status.cast_unsigned() & 0xff)));
    }
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
