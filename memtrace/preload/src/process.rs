//! How it all begins, before the program's `main`; what happens when it forks; and how it ends.

use std::cell::RefCell;
use std::ffi::{CStr, OsStr, OsString, c_int, c_void};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::ptr::null_mut;
use std::sync::Once;
use std::sync::atomic::Ordering;

use memtrace_wire::header::{End, Options, at};

use crate::buffer::{self, Capture, preserving_errno};
use crate::guard::{self, Inside};
use crate::native::{self, modules};
use crate::python::Found;
use crate::{alone, clock, definitions, environment, late, pool, python, real, recorder};

// The dynamic loader calls what it finds in this section once the library is in place.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    // C promises that the program begins with an `errno` of 0.
    preserving_errno(|| match variable(environment::CAPTURE) {
        Some(path) => attach(path),
        None => real::come_late(),
    });
}

fn attach(path: OsString) {
    let following = environment::restore(&path);
    let path = PathBuf::from(path);
    let Some(capture) = buffer::open(&path) else { return };
    let options = capture.header().map_or_else(Options::default, |header| header.options);
    if options.follow {
        environment::follow(following);
    }
    watch();
    let found = note_python(capture, options);
    if options.python_allocators && found.version != 0 {
        python::allocators::hook();
    }
    start(capture);
}

/// Begins the recording of a process that runs already.
pub fn begin_late(capture: &Capture, options: Options) {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(watch);
    definitions::hold().reset();
    python::reset(python::hold());
    modules::reset(modules::hold());
    let found = note_python(capture, options);
    if options.python_allocators && found.version != 0 {
        python::allocators::hook_late();
    }
    buffer::next_recording();
    start(capture);
}

/// Asks to be told what becomes of the process and its threads.
fn watch() {
    alone::find();
    pool::watch_threads();
    // SAFETY: the functions have the signatures that are asked for. `exiting` is called last at the end,
    // because it is the first to ask for it.
    unsafe {
        libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child));
        on_exit(exiting, null_mut());
    }
}

fn note_python(capture: &Capture, options: Options) -> Found {
    native::enable(options.native);
    let found = python::find(options.native);
    capture.word(at::PYTHON).store(found.version, Ordering::Relaxed);
    capture.word(at::FRAMES).store(found.frames.into(), Ordering::Relaxed);
    found
}

/// Begins the recording of this process.
fn start(capture: &Capture) {
    capture.word(at::PID).store(std::process::id(), Ordering::Relaxed);
    capture.word(at::PARENT).store(std::os::unix::process::parent_id(), Ordering::Relaxed);
    capture.long(at::MONOTONIC_US).store(clock::begin(), Ordering::Relaxed);
    guard::activate();
}

unsafe extern "C" {
    /// As `atexit`, for a handler that is told the exit code.
    fn on_exit(handler: extern "C" fn(c_int, *mut c_void), context: *mut c_void) -> c_int;
}

extern "C" fn exiting(status: c_int, _: *mut c_void) {
    note_end(End::Exited(status.cast_unsigned() & 0xff));
}

/// Says how the process is about to end.
pub fn note_end(end: End) {
    if let Some(capture) = this_capture() {
        recorder::last_sample();
        capture.end(Some(end));
    }
}

/// Says that it did not end after all.
pub fn note_no_end() {
    if let Some(capture) = this_capture() {
        capture.end(None);
    }
}

fn this_capture() -> Option<&'static Capture> {
    buffer::capture().filter(|capture| capture.is_of_this_process() && !capture.was_stopped())
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

/// What is kept from others while this thread forks, so that the child finds it whole.
type Held = (pool::Idle, python::Known, modules::Held, definitions::Held, late::Held);

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// The child must not write into its parent's blocks, not even before `in_child` runs.
extern "C" fn before_fork() {
    if let Some(inside) = Inside::enter() {
        let held = (pool::hold(), python::hold(), modules::hold(), definitions::hold(), late::hold());
        HELD.set(Some(held));
        inside.stay();
    }
}

extern "C" fn after_fork() {
    if let Some(held) = HELD.take() {
        drop((held, guard::again()));
    }
}

/// A forked child is not traced, or in a capture of its own.
extern "C" fn in_child() {
    guard::deactivate();
    if let Some(held) = HELD.take() {
        let mut inside = guard::again();
        if buffer::capture().is_some_and(Capture::is_followed) {
            preserving_errno(|| start_anew(held, &mut inside));
        }
    }
}

/// What was recorded so far is the parent's.
fn start_anew(held: Held, inside: &mut Inside) {
    let (idle, known, loaded, mut definitions, patches) = held;
    drop(patches);
    pool::reset(idle);
    python::reset(known);
    modules::reset(loaded);
    definitions.reset();
    drop(definitions);
    drop(inside.orphan());
    recorder::reset();
    if let Some(capture) = buffer::open_for_child() {
        start(capture);
    }
}
