//! What executes programs. Where those are to be traced, their environment brings the library along; and
//! where the process itself becomes another program, its capture says that it ends here.

use std::arch::naked_asm;
use std::ffi::{c_char, c_int, c_long};
use std::ptr::null;

use memtrace_wire::header::End;

use crate::{environment, process, real};

type Strings = *const *const c_char;

unsafe extern "C" {
    static environ: Strings;
}

/// # Safety
/// `variables` must be an environment.
unsafe fn execute(variables: Strings, execute: impl FnOnce(Strings) -> c_long) -> c_int {
    process::note_end(End::Replaced);
    // SAFETY: passed on to the caller.
    unsafe { environment::traced(variables, execute) };
    // It comes back only when it failed.
    process::note_no_end();
    -1
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn execve(path: *const c_char, arguments: Strings, variables: Strings) -> c_int {
    // SAFETY: the caller answers for the arguments, here and below.
    unsafe { execute(variables, |variables| libc::syscall(libc::SYS_execve, path, arguments, variables)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn execv(path: *const c_char, arguments: Strings) -> c_int {
    // SAFETY: see `execve`; the environment is the program's own.
    unsafe { execve(path, arguments, environ) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn execvpe(name: *const c_char, arguments: Strings, variables: Strings) -> c_int {
    type Execvpe = unsafe extern "C" fn(*const c_char, Strings, Strings) -> c_int;
    // SAFETY: it is a function with this signature; see `execve`.
    unsafe {
        let real = std::mem::transmute::<usize, Execvpe>(real::next(c"execvpe"));
        execute(variables, |variables| real(name, arguments, variables).into())
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn execvp(name: *const c_char, arguments: Strings) -> c_int {
    // SAFETY: see `execv`.
    unsafe { execvpe(name, arguments, environ) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn execveat(
    folder: c_int,
    path: *const c_char,
    arguments: Strings,
    variables: Strings,
    flags: c_int,
) -> c_int {
    let call = |variables: Strings| {
        // SAFETY: see `execve`.
        unsafe { libc::syscall(libc::SYS_execveat, folder, path, arguments, variables, flags) }
    };
    // SAFETY: see `execve`.
    unsafe { execute(variables, call) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fexecve(fd: c_int, arguments: Strings, variables: Strings) -> c_int {
    type Fexecve = unsafe extern "C" fn(c_int, Strings, Strings) -> c_int;
    // SAFETY: it is a function with this signature; see `execve`.
    unsafe {
        let real = std::mem::transmute::<usize, Fexecve>(real::next(c"fexecve"));
        execute(variables, |variables| real(fd, arguments, variables).into())
    }
}

type Spawn = unsafe extern "C" fn(
    *mut libc::pid_t,
    *const c_char,
    *const libc::posix_spawn_file_actions_t,
    *const libc::posix_spawnattr_t,
    Strings,
    Strings,
) -> c_int;

macro_rules! spawn {
    ($name:ident, $text:literal) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            pid: *mut libc::pid_t,
            program: *const c_char,
            actions: *const libc::posix_spawn_file_actions_t,
            attributes: *const libc::posix_spawnattr_t,
            arguments: Strings,
            variables: Strings,
        ) -> c_int {
            // SAFETY: it is a function with this signature; the caller answers for the arguments.
            unsafe {
                let real = std::mem::transmute::<usize, Spawn>(real::next($text));
                environment::traced(variables, |variables| {
                    real(pid, program, actions, attributes, arguments, variables)
                })
            }
        }
    };
}

spawn!(posix_spawn, c"posix_spawn");
spawn!(posix_spawnp, c"posix_spawnp");

// `execl` and its like take their strings one by one, which Rust cannot. The first five of them come in
// registers and are laid before the others, which are on the stack behind the return address.
macro_rules! one_by_one {
    ($name:ident, $gathered:ident) => {
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() {
            naked_asm!(
                "push r9",
                "push r8",
                "push rcx",
                "push rdx",
                "push rsi",
                "mov rsi, rsp",
                "lea rdx, [rsp + 48]",
                "call {}",
                "add rsp, 40",
                "ret",
                sym $gathered,
            )
        }
    };
}

one_by_one!(execl, gathered_execl);
one_by_one!(execlp, gathered_execlp);
one_by_one!(execle, gathered_execle);

unsafe extern "C" fn gathered_execl(path: *const c_char, first: Strings, rest: Strings) -> c_int {
    // SAFETY: the caller of execl answers for its arguments.
    unsafe { gather(first, rest, |arguments, _| execv(path, arguments)) }
}

unsafe extern "C" fn gathered_execlp(name: *const c_char, first: Strings, rest: Strings) -> c_int {
    // SAFETY: as for execl.
    unsafe { gather(first, rest, |arguments, _| execvp(name, arguments)) }
}

unsafe extern "C" fn gathered_execle(path: *const c_char, first: Strings, rest: Strings) -> c_int {
    // SAFETY: as for execl; behind the null comes the environment.
    unsafe { gather(first, rest, |arguments, variables| execve(path, arguments, variables.cast())) }
}

/// Puts the arguments, of which five lie at `first` and the others at `rest`, and the null behind them in
/// one place. `execute` is given them and whatever comes next.
///
/// # Safety
/// There must be a null among them.
unsafe fn gather(
    first: Strings,
    rest: Strings,
    execute: impl FnOnce(Strings, *const c_char) -> c_int,
) -> c_int {
    const IN_REGISTERS: usize = 5;
    /// Nobody writes as many arguments out.
    const MOST: usize = 1000;
    let mut arguments = [null(); MOST + 1];
    // SAFETY: the caller vouches for what lies before the null, and for one more where that is used.
    let at = |index: usize| unsafe {
        if index < IN_REGISTERS { *first.add(index) } else { *rest.add(index - IN_REGISTERS) }
    };
    for index in 0..MOST {
        arguments[index] = at(index);
        if arguments[index].is_null() {
            return execute(arguments.as_ptr(), at(index + 1));
        }
    }
    // SAFETY: `__errno_location` gives this thread's errno.
    unsafe { *libc::__errno_location() = libc::E2BIG };
    -1
}
