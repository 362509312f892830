//! Keeps the hooks from recording themselves. Must not know what is recorded.

mod tls;

pub use tls::thread;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::log::Log;

/// True while events are recorded at all. It has a page of its own, which the kernel wipes in the child of
/// a fork: that must not write into its parent's blocks, however it was forked.
static ACTIVE: Page = Page(AtomicBool::new(false), [0; PAGE - 1]);

#[repr(C, align(4096))]
struct Page(AtomicBool, [u8; PAGE - 1]);
const PAGE: usize = 4096;

/// Whether the recording is on.
#[inline]
pub fn active() -> bool {
    ACTIVE.0.load(Ordering::Relaxed)
}

/// Begins the recording.
pub fn activate() {
    let page = (&raw const ACTIVE).cast_mut().cast();
    // SAFETY: the page holds nothing but the flag. Where the kernel cannot do it (before 4.14), there is
    // still the handler that `process` has for fork.
    unsafe { libc::madvise(page, PAGE, libc::MADV_WIPEONFORK) };
    ACTIVE.0.store(true, Ordering::SeqCst);
}

/// Ends the recording, in this process and for good.
pub fn deactivate() {
    ACTIVE.0.store(false, Ordering::SeqCst);
}

/// While it lives, this thread's allocations are memtrace's own.
pub struct Inside(());

impl Inside {
    /// Goes inside, unless the recording is off or this thread is inside already.
    #[inline]
    pub fn enter() -> Option<Inside> {
        if !active() || tls::slots().inside.replace(true) { None } else { Some(Inside(())) }
    }

    /// This thread's log, if it has one by now.
    #[inline]
    #[expect(clippy::unused_self, reason = "only who is inside may touch the log")]
    pub fn log(&mut self) -> Option<&mut Log> {
        // SAFETY: the slot is null or what `adopt` was given, valid until `orphan`; only this thread reads
        // it, and `&mut self` makes this the only reference.
        unsafe { tls::slots().log.get().as_mut() }
    }

    /// Makes `log` this thread's.
    #[expect(clippy::unused_self, reason = "only who is inside may touch the log")]
    pub fn adopt(&mut self, log: Box<Log>) {
        tls::slots().log.set(Box::into_raw(log));
    }

    /// Takes this thread's log away from it.
    #[expect(clippy::unused_self, reason = "only who is inside may touch the log")]
    pub fn orphan(&mut self) -> Option<Box<Log>> {
        let log = tls::slots().log.replace(std::ptr::null_mut());
        // SAFETY: a log that is not null came out of `Box::into_raw` in `adopt`.
        (!log.is_null()).then(|| unsafe { Box::from_raw(log) })
    }

    /// From now on this thread gets no log of its own any more.
    #[expect(clippy::unused_self, reason = "only who is inside may touch the log")]
    pub fn end_thread(&mut self) {
        tls::slots().ending.set(true);
    }

    /// Whether [`Inside::end_thread`] was called.
    #[expect(clippy::unused_self, reason = "only who is inside may touch the log")]
    pub fn thread_is_ending(&self) -> bool {
        tls::slots().ending.get()
    }

    /// Stays inside when dropped, until [`leave`].
    pub fn stay(self) {
        std::mem::forget(self);
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        leave();
    }
}

/// Inside again, by a thread that [`Inside::stay`] left there.
pub fn again() -> Inside {
    Inside(())
}

/// Ends what [`Inside::stay`] prolonged.
#[inline]
pub fn leave() {
    tls::slots().inside.set(false);
}
