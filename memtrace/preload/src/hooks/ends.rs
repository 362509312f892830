//! The ends of the process that run no handlers of `exit`.

use std::ffi::c_int;

use memtrace_wire::header::End;

use crate::process;

#[unsafe(no_mangle)]
pub extern "C" fn _exit(status: c_int) -> ! {
    end(status)
}

#[unsafe(no_mangle)]
pub extern "C" fn _Exit(status: c_int) -> ! {
    end(status)
}

fn end(status: c_int) -> ! {
    process::note_end(End::Exited(status.cast_unsigned() & 0xff));
    // SAFETY: the system call ends the process.
    unsafe { libc::syscall(libc::SYS_exit_group, status) };
    std::process::abort()
}
