//! Two words of initial-exec thread-local storage: reading them is two instructions and never calls
//! anything, whereas the model that Rust gives a cdylib calls `__tls_get_addr`, which may allocate.

use std::arch::{asm, global_asm};
use std::cell::Cell;

use crate::log::Log;

/// What each thread has; all zeros when it begins.
#[repr(C)]
pub struct Slots {
    /// The thread's log, or null.
    pub log: Cell<*mut Log>,
    /// True while the thread runs memtrace's own code.
    pub inside: Cell<bool>,
    /// True once the thread has given its log back.
    pub ending: Cell<bool>,
}

global_asm!(
    r#".pushsection .tbss.memtrace_slots,"awT",@nobits"#,
    ".hidden memtrace_slots",
    ".globl memtrace_slots",
    ".type memtrace_slots,@object",
    ".size memtrace_slots,16",
    ".p2align 4",
    "memtrace_slots:",
    ".zero 16",
    ".popsection",
);

/// This thread's slots.
#[inline]
pub fn slots() -> &'static Slots {
    let slots: *const Slots;
    // SAFETY: on x86-64 `fs:0` holds the thread pointer itself and the GOT entry the offset of the symbol
    // above from it, which is 16 bytes of zeros, a valid `Slots`, for as long as the thread runs; the
    // reference does not leave the thread because `Slots` is not Sync.
    unsafe {
        asm!(
            "mov {0}, qword ptr fs:[0]",
            "add {0}, qword ptr [rip + memtrace_slots@GOTTPOFF]",
            out(reg) slots,
            options(pure, nomem, nostack),
        );
        &*slots
    }
}

/// `pthread_self`, without a call.
#[inline]
pub fn thread() -> usize {
    let thread: usize;
    // SAFETY: on x86-64 glibc's threads are called by their thread pointer, which `fs:0` holds.
    unsafe {
        asm!("mov {0}, qword ptr fs:[0]", out(reg) thread, options(pure, nomem, nostack, preserves_flags));
    }
    thread
}
