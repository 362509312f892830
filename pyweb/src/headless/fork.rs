//! A page copied by `fork`: everything it has, at the moment it takes. Only the page's own thread is copied, so
//! what another thread would be needed for is started anew or not used. Must not know what copies are for.

use std::io;
use std::rc::Rc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use super::host::Host;
use super::quickjs::{Call, Result, Value};

static COPY: AtomicBool = AtomicBool::new(false);
static TRIM: Once = Once::new();

/// Whether this process is a copy that [`fork`] made.
pub(super) fn is_copy() -> bool {
    COPY.load(Ordering::Relaxed)
}

/// `fork()`: `null` in the copy; in the original, once the copy has ended, its exit code, or 128 + the signal that ended
/// it, or -1 when it could not be made. A page with workers has more threads than a copy can have: -2.
#[expect(clippy::unnecessary_wraps, reason = "every native has this shape")]
pub(super) fn fork(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    if host.group.switchboard.has_workers() {
        return Ok(call.context.int(-2));
    }
    let watchdog = &host.group.watchdog;
    watchdog.rest();
    TRIM.call_once(give_back);
    let status = match copy() {
        Ok(0) => {
            COPY.store(true, Ordering::Relaxed);
            end_with_parent();
            // Without it, only endless JavaScript is stopped; no reason not to go on.
            let _ = watchdog.watch();
            call.context.null()
        }
        Ok(copy) => call.context.int(end_of(copy)),
        Err(_) => call.context.int(-1),
    };
    watchdog.arm();
    Ok(status)
}

/// Has this process killed when the one that started it ends, however busy it is.
pub fn end_with_parent() {
    // Where this is not to be had, it ends with its commands or at its time limit.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

/// Gives memory that loading took and freed back to the system: each copy would have to be given its share of it.
fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: always safe; nothing that is in use is touched.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn copy() -> io::Result<libc::pid_t> {
    // SAFETY: of this process's threads, only this one goes on in the copy. The others sleep meanwhile: the first
    // waits for this one to end, the watchdog holds no lock, there are no
    // workers and never were, rayon's are idle and never used again
    // (`wasm/module.rs`). The allocator's locks are fork's own business.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        copy => Ok(copy),
    }
}

fn end_of(copy: libc::pid_t) -> i32 {
    let mut status = 0;
    loop {
        // SAFETY: `status` is written only.
        let ended = unsafe { libc::waitpid(copy, &raw mut status, 0) };
        if ended == copy {
            break;
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return -1;
        }
    }
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) }
}

/// Ends a copy at once: what is left of it belongs to its original.
pub(super) fn end_copy(code: i32) -> ! {
    // SAFETY: always safe; nothing of this process is used after it.
    unsafe { libc::_exit(code) }
}
