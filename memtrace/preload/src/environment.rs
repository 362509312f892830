//! The variables that bring the library into a program. The program itself never sees them: they are taken
//! away before its `main`, and given to the programs that it executes when those are to be traced.

use std::ffi::{CStr, CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::ptr::null;
use std::sync::OnceLock;

/// The capture file's path, from `memtrace run`.
pub const CAPTURE: &CStr = c"MEMTRACE_CAPTURE";
const PRELOAD: &CStr = c"LD_PRELOAD";

static FOLLOWING: OnceLock<Following> = OnceLock::new();

/// What programs are given that are to be traced.
pub struct Following {
    /// `LD_PRELOAD=` and the library.
    preload: CString,
    /// `MEMTRACE_CAPTURE=` and the path.
    capture: CString,
}

/// Leaves the environment as it was before `memtrace run`, and returns what [`follow`] wants.
pub fn restore(capture: &OsStr) -> Option<Following> {
    // SAFETY: getenv answers null or a string; no other thread exists before `main`.
    let preload = unsafe {
        let preload = libc::getenv(PRELOAD.as_ptr());
        (!preload.is_null()).then(|| CStr::from_ptr(preload).to_bytes().to_vec())
    }?;
    let mut parts = preload.splitn(2, |&byte| byte == b':');
    let (library, before) = (parts.next()?, parts.next());
    let before = before.and_then(|before| CString::new(before).ok());
    let assigned = |name: &CStr, value: &[u8]| CString::new([name.to_bytes(), b"=", value].concat()).ok();
    let following =
        Following { preload: assigned(PRELOAD, library)?, capture: assigned(CAPTURE, capture.as_bytes())? };
    // SAFETY: as above; the strings are copied.
    unsafe {
        libc::unsetenv(CAPTURE.as_ptr());
        match before {
            Some(before) => libc::setenv(PRELOAD.as_ptr(), before.as_ptr(), 1),
            None => libc::unsetenv(PRELOAD.as_ptr()),
        };
    }
    Some(following)
}

/// From now on, programs that this one executes are traced.
pub fn follow(following: Option<Following>) {
    if let Some(following) = following {
        let _ = FOLLOWING.set(following);
    }
}

/// More variables, or a longer `LD_PRELOAD`, are passed on as they are, and the program is not traced.
const MOST_VARIABLES: usize = 2000;
const LONGEST_PRELOAD: usize = 4000;

/// Runs `execute` with the environment that brings the library along. It may be called by a child that
/// borrows the memory of its parent (vfork), so it keeps all on the stack.
///
/// # Safety
/// `variables` must be an environment: null, or C strings and a null.
pub unsafe fn traced<T>(
    variables: *const *const c_char,
    execute: impl FnOnce(*const *const c_char) -> T,
) -> T {
    let mut pointers = [null(); MOST_VARIABLES + 3];
    let mut preload = [0; LONGEST_PRELOAD];
    let Some(following) = FOLLOWING.get().filter(|_| !variables.is_null()) else { return execute(variables) };
    let mut used = 0;
    // Where the program's own LD_PRELOAD is, ours is too: variables keep their order.
    let mut has_preload = false;
    for index in 0.. {
        // SAFETY: the caller vouches for the environment, which ends with a null.
        let variable = unsafe {
            let variable = *variables.add(index);
            if variable.is_null() {
                break;
            }
            CStr::from_ptr(variable)
        };
        if assigned(variable, CAPTURE).is_some() {
            continue;
        }
        if used == MOST_VARIABLES {
            return execute(variables);
        }
        pointers[used] = variable.as_ptr();
        if let Some(value) = assigned(variable, PRELOAD) {
            let Some(ours) = join(&[following.preload.to_bytes(), b":", value], &mut preload) else {
                return execute(variables);
            };
            pointers[used] = ours.as_ptr();
            has_preload = true;
        }
        used += 1;
    }
    if !has_preload {
        pointers[used] = following.preload.as_ptr();
        used += 1;
    }
    pointers[used] = following.capture.as_ptr();
    execute(pointers.as_ptr())
}

/// A command line for which the shell does what it would do for `line`, as a shell that is traced and called the same
/// (`$0`). None where nothing is to be traced, or where it would become too long for an argument.
pub fn traced_line(line: &CStr) -> Option<CString> {
    /// `MAX_ARG_STRLEN`, with the zero.
    const LONGEST: usize = 128 << 10;
    let Following { preload, capture } = FOLLOWING.get()?;
    let value = |assignment: &CString, name| quoted(assigned(assignment, name).unwrap_or_default());
    let mut traced = b"export LD_PRELOAD=".to_vec();
    traced.extend(value(preload, PRELOAD));
    traced.extend(b"\"${LD_PRELOAD+:$LD_PRELOAD}\" MEMTRACE_CAPTURE=");
    traced.extend(value(capture, CAPTURE));
    traced.extend(b"; exec /bin/sh -c -- ");
    traced.extend(quoted(line.to_bytes()));
    traced.extend(b" sh");
    CString::new(traced).ok().filter(|traced| traced.as_bytes_with_nul().len() <= LONGEST)
}

/// One word of a shell's command line.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut word = vec![b'\''];
    for &byte in text {
        match byte {
            b'\'' => word.extend(b"'\\''"),
            byte => word.push(byte),
        }
    }
    word.push(b'\'');
    word
}

/// The value of a variable, if it has this name.
fn assigned<'a>(variable: &'a CStr, name: &CStr) -> Option<&'a [u8]> {
    variable.to_bytes().strip_prefix(name.to_bytes())?.strip_prefix(b"=")
}

/// The pieces one after another as a C string in `buffer`; none where it is too short.
fn join<'a>(pieces: &[&[u8]], buffer: &'a mut [u8]) -> Option<&'a CStr> {
    let mut used = 0;
    for piece in pieces {
        buffer.get_mut(used..used + piece.len())?.copy_from_slice(piece);
        used += piece.len();
    }
    CStr::from_bytes_with_nul(buffer.get(..=used)?).ok()
}
