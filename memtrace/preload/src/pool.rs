//! Hands logs to threads and takes them back when threads end, so that a thousand short threads need no
//! more streams than ran at once. Must not know what is logged.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use memtrace_wire::block::CODES;

use crate::buffer::preserving_errno;
use crate::guard::Inside;
use crate::log::Log;

#[expect(clippy::vec_box, reason = "a log stays where it is while it goes from thread to thread")]
static IDLE: Mutex<Vec<Box<Log>>> = Mutex::new(Vec::new());
static STREAMS: AtomicU32 = AtomicU32::new(CODES + 1);
static THREAD_END: AtomicU32 = AtomicU32::new(0);

/// The idle logs, from which all others are kept.
pub type Idle = MutexGuard<'static, Vec<Box<Log>>>;

/// Keeps all others out while the process forks.
pub fn hold() -> Idle {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to count streams anew, in another capture.
pub fn reset(mut idle: Idle) {
    idle.clear();
    STREAMS.store(CODES + 1, Ordering::Relaxed);
}

/// Asks to be told when a thread ends. Called once, before the recording begins.
pub fn watch_threads() {
    let mut key = 0;
    // SAFETY: the key is written to a local; `end_thread` has the signature that is asked for.
    if unsafe { libc::pthread_key_create(&raw mut key, Some(end_thread)) } == 0 {
        THREAD_END.store(key, Ordering::Relaxed);
    }
}

/// Runs `work` with this thread's log, which the thread gets at its first event.
#[inline]
pub fn with_log(inside: &mut Inside, work: impl FnOnce(&mut Log)) {
    if let Some(log) = inside.log()
        && log.is_current()
    {
        return work(log);
    }
    with_new_log(inside, work);
}

#[cold]
fn with_new_log(inside: &mut Inside, work: impl FnOnce(&mut Log)) {
    // It may have one of an earlier recording.
    let mut log = preserving_errno(|| {
        drop(inside.orphan());
        take()
    });
    work(&mut log);
    if inside.thread_is_ending() {
        return put_back(log);
    }
    inside.adopt(log);
    set_round(1);
}

fn take() -> Box<Log> {
    let idle = {
        let mut idle = hold();
        idle.retain(|log| log.is_current());
        idle.pop()
    };
    let mut log = idle.unwrap_or_else(|| Box::new(Log::new(STREAMS.fetch_add(1, Ordering::Relaxed))));
    // SAFETY: a plain system call.
    let id = unsafe { libc::gettid() };
    log.begin_thread(id.cast_unsigned());
    log
}

fn put_back(log: Box<Log>) {
    hold().push(log);
}

/// Keeps the number of the destructor round as the value of the key; not null, or none would follow.
fn set_round(round: usize) {
    // SAFETY: the key was made in `watch_threads`; the value is never dereferenced.
    unsafe { libc::pthread_setspecific(THREAD_END.load(Ordering::Relaxed), round as *const c_void) };
}

/// Destructors of other libraries may still free memory, so the log is only taken away in the last of the
/// rounds that POSIX promises; what libc itself frees after that borrows a log event by event.
unsafe extern "C" fn end_thread(round: *mut c_void) {
    /// `PTHREAD_DESTRUCTOR_ITERATIONS`
    const ROUNDS: usize = 4;
    let round = round as usize;
    if round < ROUNDS {
        return set_round(round + 1);
    }
    if let Some(mut inside) = Inside::enter() {
        inside.end_thread();
        if let Some(mut log) = inside.orphan() {
            log.note_name();
            put_back(log);
        }
    }
}
