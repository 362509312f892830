//! The second way in: the library is loaded into a program that runs already. Nobody calls its functions by name then,
//! so while it records, the hooks stand where the loaded modules keep the addresses of libc's functions. What they
//! were given before is not known, and freeing it tells nothing.
//!
//! Whoever loaded the library calls the two functions here; it is never unloaded.

mod loading;
mod modules;
mod patches;

pub use modules::definition;
pub use patches::{Held, hold};

use std::cell::UnsafeCell;
use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use memtrace_wire::header::{End, Options};

use crate::buffer::{Capture, preserving_errno};
use crate::python::allocators;
use crate::{buffer, guard, process, real, recorder};

/// Who begins and who ends a recording comes after the other.
static TURN: Mutex<()> = Mutex::new(());

/// Begins a recording into the new file `path`, with [`Options::bits`]. Answers 0, or an `errno`: `EEXIST` where the
/// file exists, `EALREADY` where something is recorded already, `ENOTSUP` where the library was loaded with the
/// program. To record Python's own allocators the caller must hold the GIL.
///
/// # Safety
/// `path` must be a C string.
#[unsafe(no_mangle)]
unsafe extern "C" fn memtrace_start(path: *const c_char, options: u32) -> c_int {
    // SAFETY: passed on to the caller.
    let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    preserving_errno(|| start(path, Options::from_bits(options)).err().unwrap_or(0))
}

/// Ends the recording. Answers 0, or `EINVAL` where there is none that [`memtrace_start`] began.
#[unsafe(no_mangle)]
extern "C" fn memtrace_stop() -> c_int {
    preserving_errno(|| stop().err().unwrap_or(0))
}

/// What those read from outside who want to know whether this process is recorded, and where to.
#[repr(C)]
struct Status {
    /// The process that is recorded; 0 when none is. A forked child has a copy of its parent's.
    pid: AtomicU32,
    /// The capture's path and a zero; what is longer is not told.
    path: UnsafeCell<[u8; PATH]>,
}

const PATH: usize = 4096;

// SAFETY: the path is written while the pid is 0, by who has the turn.
unsafe impl Sync for Status {}

#[unsafe(no_mangle)]
static memtrace_status: Status = Status { pid: AtomicU32::new(0), path: UnsafeCell::new([0; PATH]) };

impl Status {
    fn recording(&self, path: &Path) {
        let path = path.as_os_str().as_bytes();
        let mut bytes = [0; PATH];
        if path.len() < PATH {
            bytes[..path.len()].copy_from_slice(path);
        }
        // SAFETY: nobody in this process reads it, and who writes it has the turn.
        unsafe { *self.path.get() = bytes };
        self.pid.store(std::process::id(), Ordering::Release);
    }

    fn over(&self) {
        self.pid.store(0, Ordering::Release);
    }
}

fn start(path: &Path, options: Options) -> Result<(), c_int> {
    let Ok(_turn) = TURN.try_lock() else { return Err(libc::EALREADY) };
    if !real::is_late() {
        return Err(libc::ENOTSUP);
    }
    if under_way().is_some() {
        return Err(libc::EALREADY);
    }
    let capture = buffer::create(path, options)?;
    patches::apply();
    process::begin_late(capture, options);
    memtrace_status.recording(path);
    Ok(())
}

fn stop() -> Result<(), c_int> {
    let Ok(_turn) = TURN.try_lock() else { return Err(libc::EINVAL) };
    let Some(capture) = under_way().filter(|_| real::is_late()) else { return Err(libc::EINVAL) };
    recorder::last_sample();
    guard::deactivate();
    buffer::next_recording();
    patches::take_away();
    allocators::unhook();
    capture.end(Some(End::Stopped));
    memtrace_status.over();
    Ok(())
}

fn under_way() -> Option<&'static Capture> {
    buffer::capture().filter(|capture| capture.is_of_this_process() && !capture.has_ended())
}
