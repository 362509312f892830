//! What names a thread.

use std::ffi::{c_char, c_int, c_ulong};

use crate::real;
use crate::recorder;

/// In C the last four are optional; on x86-64 their registers are read either way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn prctl(option: c_int, a: c_ulong, b: c_ulong, c: c_ulong, d: c_ulong) -> c_int {
    // SAFETY: the caller answers for the arguments.
    let answer = unsafe { libc::syscall(libc::SYS_prctl, option, a, b, c, d) };
    if option == libc::PR_SET_NAME && answer == 0 {
        recorder::thread_renamed();
    }
    #[expect(clippy::cast_possible_truncation, reason = "prctl answers an int")]
    {
        answer as c_int
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_setname_np(thread: libc::pthread_t, name: *const c_char) -> c_int {
    // SAFETY: the caller answers for the arguments. Another thread's own next sample sees its name.
    unsafe {
        let failed = real::pthread_setname_np(thread, name);
        if failed == 0 && thread == libc::pthread_self() {
            recorder::thread_renamed();
        }
        failed
    }
}
