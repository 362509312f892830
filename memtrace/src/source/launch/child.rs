//! Starts the program, stands in for it while it runs, and ends as it ended.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicI32, Ordering};

use memtrace_wire::header::End;

use crate::error::Error;
use crate::source::launch::program::Program;

static CHILD: AtomicI32 = AtomicI32::new(0);

/// Signals that people and programs send. The child gets those that are meant for it.
const PASSED_ON: [i32; 9] = [
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGTSTP,
    libc::SIGWINCH,
];

/// Signals that would stop memtrace where it uses the terminal in the background, or end it where the
/// capture is larger than a file may be: that is an error like another.
const IGNORED: [i32; 3] = [libc::SIGTTIN, libc::SIGTTOU, libc::SIGXFSZ];

/// How the program ended.
pub struct Ended {
    /// Its exit code or signal.
    pub end: End,
    /// The largest resident set size of it or of a process that it waited for, in bytes.
    pub peak_resident: u64,
}

/// A program that was started.
pub struct Running<'a> {
    program: &'a Program,
    pid: i32,
}

/// Starts the program with `library` in it.
pub fn start<'a>(program: &'a Program, library: &Path, capture: &Path) -> Result<Running<'a>, Error> {
    let mut preload = OsString::from(library);
    if let Some(before) = std::env::var_os("LD_PRELOAD") {
        preload.push(":");
        preload.push(before);
    }
    // Command would hand the program a sorted environment once it is told of a variable, so they are set
    // here; the library takes both away again before the program's main.
    // SAFETY: memtrace has no other thread at this point.
    unsafe {
        std::env::set_var("LD_PRELOAD", preload);
        std::env::set_var("MEMTRACE_CAPTURE", capture);
    }
    let mut command = Command::new(&program.executable);
    command.args(&program.arguments);
    if let Some(name) = &program.name {
        command.arg0(name);
    }
    let start = |cause| Error::Start { path: program.executable.clone(), cause };
    let pid = command.spawn().map_err(start)?.id().cast_signed();
    CHILD.store(pid, Ordering::SeqCst);
    take_signals();
    Ok(Running { program, pid })
}

impl Running<'_> {
    /// Waits until it ends.
    pub fn wait(self) -> Result<Ended, Error> {
        let start = |cause| Error::Start { path: self.program.executable.clone(), cause };
        let (status, peak_resident) = wait(self.pid).map_err(start)?;
        let end = match status.signal() {
            Some(signal) => End::Killed(signal.unsigned_abs()),
            None => End::Exited(status.code().unwrap_or(0).unsigned_abs()),
        };
        Ok(Ended { end, peak_resident })
    }
}

/// Waits for the end of the program. When it is stopped memtrace stops too, so that a shell takes the
/// terminal back, and goes on together with it. Answers with the status and the peak of the resident set.
fn wait(child: i32) -> io::Result<(ExitStatus, u64)> {
    const KIB: u64 = 1024;
    loop {
        let mut status = 0;
        // SAFETY: plain system calls; the answers go to locals, and an all-zero rusage is valid.
        unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            if libc::wait4(child, &raw mut status, libc::WUNTRACED, &raw mut usage) < 0 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            if !libc::WIFSTOPPED(status) {
                return Ok((ExitStatus::from_raw(status), usage.ru_maxrss.unsigned_abs() * KIB));
            }
            libc::raise(libc::SIGSTOP);
            libc::kill(child, libc::SIGCONT);
        }
    }
}

/// From now on signals are the program's business, as far as memtrace can leave them to it.
fn take_signals() {
    for signal in PASSED_ON {
        let handler: extern "C" fn(i32, *const libc::siginfo_t, *const libc::c_void) = pass_on;
        // SAFETY: an all-zero sigaction is valid, and the handler has the signature that SA_SIGINFO asks for.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
    for signal in IGNORED {
        // SAFETY: a plain system call.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// What a terminal sends reaches the whole process group anyway; what a process sends to memtrace is
/// meant for the program.
extern "C" fn pass_on(signal: i32, info: *const libc::siginfo_t, _: *const libc::c_void) {
    // SAFETY: the kernel gives a valid siginfo; kill may be called in a signal handler.
    unsafe {
        let from_a_process = (*info).si_code <= 0;
        let child = CHILD.load(Ordering::SeqCst);
        if from_a_process && child > 0 {
            libc::kill(child, signal);
        }
    }
}

/// Ends memtrace by the signal that ended the program, so that its parent sees the same; the program has
/// left the core dump, if any. Returns where the signal does not kill.
pub fn die_by(signal: u32) {
    let signal = signal.cast_signed();
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: plain system calls.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
