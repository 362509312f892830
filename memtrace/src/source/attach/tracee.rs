//! Borrows one thread of another process to call a function there, and gives it back as it was: registers, vector
//! registers, and the system call that it was waiting in, which goes on. See ptrace(2).

use std::fs::File;
use std::io;
use std::mem::zeroed;
use std::os::unix::fs::FileExt;
use std::ptr::{null_mut, without_provenance_mut};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::source::attach::program::{Program, of_process};

/// A thread that is held; dropped, it goes on where it was.
pub struct Tracee {
    pid: u32,
    thread: i32,
    registers: libc::user_regs_struct,
    vectors: Vec<u8>,
    /// The address of a `syscall` instruction, to which called functions return: that stops the thread without
    /// any signal, and the call is not made.
    landing: u64,
    /// Where called functions find their return address.
    stack: u64,
    memory: File,
    /// It runs, or is gone, or cannot be controlled any more.
    lost: bool,
    _undisturbed: Undisturbed,
}

/// While it lives no signal ends memtrace, which would leave the thread with what was made of it.
struct Undisturbed(libc::sigset_t);

impl Undisturbed {
    fn begin() -> Undisturbed {
        // SAFETY: plain system calls on locals, for which all zeros is a valid value.
        unsafe {
            let (mut all, mut before) = (zeroed(), zeroed());
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
            Undisturbed(before)
        }
    }
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        // SAFETY: the set is what there was before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, null_mut()) };
    }
}

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It waits in a system call that it makes only when it holds no lock of the allocator or the loader.
    Waiting,
    /// Anything else.
    Other,
}

/// `NT_X86_XSTATE`
const XSTATE: usize = 0x202;
/// More than any processor's vector registers take.
const MOST_XSTATE: usize = 64 << 10;
/// What functions may use below the stack pointer (System V ABI).
const RED_ZONE: u64 = 128;
/// `PTRACE_EVENT_STOP`
const EVENT_STOP: i32 = 128;
/// For so long a function may run.
const PATIENCE: Duration = Duration::from_secs(10);
const APART: Duration = Duration::from_micros(50);

impl Tracee {
    /// Stops a thread of the program.
    pub fn seize(program: &Program, thread: u32) -> Result<Tracee, Error> {
        let pid = program.pid;
        let landing = program.syscall_instruction()?;
        let memory = File::options().write(true).open(format!("/proc/{pid}/mem"));
        let memory = memory.map_err(|cause| of_process(pid, &cause))?;
        let thread = thread.cast_signed();
        let failed = |cause: io::Error| of_process(pid, &cause);
        let options = libc::PTRACE_O_TRACESYSGOOD as usize;
        let undisturbed = Undisturbed::begin();
        ptrace(libc::PTRACE_SEIZE, thread, 0, options).map_err(failed)?;
        let mut tracee = Tracee {
            pid,
            thread,
            // SAFETY: all zeros is a valid value.
            registers: unsafe { zeroed() },
            vectors: Vec::new(),
            landing,
            stack: 0,
            memory,
            lost: true,
            _undisturbed: undisturbed,
        };
        tracee.hold()?;
        tracee.registers = tracee.read_registers()?;
        tracee.vectors = tracee.read_vectors()?;
        tracee.stack = ((tracee.registers.rsp - RED_ZONE) & !15) - 8;
        tracee.lost = false;
        Ok(tracee)
    }

    /// What the thread was doing when it was stopped.
    pub fn moment(&self) -> Moment {
        const FUTEX_COMMAND: u64 = 0x7f;
        const FUTEX_WAIT_BITSET: u64 = 9;
        match self.registers.orig_rax.cast_signed() {
            libc::SYS_clock_nanosleep
            | libc::SYS_nanosleep
            | libc::SYS_poll
            | libc::SYS_ppoll
            | libc::SYS_select
            | libc::SYS_pselect6
            | libc::SYS_epoll_wait
            | libc::SYS_epoll_pwait
            | libc::SYS_wait4
            | libc::SYS_waitid
            | libc::SYS_accept
            | libc::SYS_accept4
            | libc::SYS_connect
            | libc::SYS_sendto
            | libc::SYS_recvfrom
            | libc::SYS_recvmsg
            | libc::SYS_pause
            | libc::SYS_rt_sigtimedwait => Moment::Waiting,
            // For a semaphore or a condition. Locks wait by another command.
            libc::SYS_futex if self.registers.rsi & FUTEX_COMMAND == FUTEX_WAIT_BITSET => Moment::Waiting,
            // The loader reads too, but only files.
            libc::SYS_read if !self.reads_a_file() => Moment::Waiting,
            _ => Moment::Other,
        }
    }

    fn reads_a_file(&self) -> bool {
        let opened = std::fs::metadata(format!("/proc/{}/fd/{}", self.pid, self.registers.rdi));
        opened.is_ok_and(|opened| opened.is_file())
    }

    /// Calls a function of the program with at most six arguments and returns what it does.
    pub fn call(&mut self, function: u64, arguments: &[u64]) -> Result<u64, Error> {
        let result = self.try_call(function, arguments);
        if let Err(Error::Busy { .. }) = result {
            // However long it takes: it must not be left with what was made of it.
            while let Err(Error::Busy { .. }) = self.hold() {}
        }
        // Whatever happened, the thread stands where it stood.
        if !self.lost {
            self.restore()?;
        }
        result
    }

    fn try_call(&mut self, function: u64, arguments: &[u64]) -> Result<u64, Error> {
        let landing = self.landing.to_le_bytes();
        self.memory.write_all_at(&landing, self.stack).map_err(|cause| of_process(self.pid, &cause))?;
        let mut registers = self.registers;
        let places = [
            &mut registers.rdi,
            &mut registers.rsi,
            &mut registers.rdx,
            &mut registers.rcx,
            &mut registers.r8,
            &mut registers.r9,
        ];
        for (place, argument) in places.into_iter().zip(arguments) {
            *place = *argument;
        }
        registers.rip = function;
        registers.rsp = self.stack;
        registers.rax = 0;
        // No system call is to be made again when the thread goes on.
        registers.orig_rax = u64::MAX;
        // The direction flag is clear in every function.
        registers.eflags &= !0x400;
        self.write_registers(&registers)?;
        let mut signal = 0;
        loop {
            self.resume(libc::PTRACE_SYSCALL, signal)?;
            signal = 0;
            match self.wait()? {
                Stop::SystemCall => {
                    let mut now = self.read_registers()?;
                    if now.rip == self.landing + 2 && now.rsp == self.stack + 8 {
                        let answer = now.orig_rax;
                        now.orig_rax = u64::MAX;
                        self.write_registers(&now)?;
                        // On its way out of the call that is not made.
                        self.ask(libc::PTRACE_INTERRUPT, 0)?;
                        self.resume(libc::PTRACE_CONT, 0)?;
                        self.await_stop()?;
                        return Ok(answer);
                    }
                }
                Stop::Event => {}
                Stop::Signal(
                    fault @ (libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE | libc::SIGTRAP),
                ) => {
                    let message = format!("a call in it ended with signal {fault}");
                    return Err(Error::Refused { pid: self.pid, message });
                }
                // It is the program's, and its handler returns to where it was.
                Stop::Signal(other) => signal = other,
            }
        }
    }

    /// Stops the thread, which runs, where a system call that it is in can be gone on with.
    fn hold(&mut self) -> Result<(), Error> {
        self.ask(libc::PTRACE_INTERRUPT, 0)?;
        self.await_stop()
    }

    fn await_stop(&mut self) -> Result<(), Error> {
        loop {
            let signal = match self.wait()? {
                Stop::Event => return Ok(()),
                Stop::SystemCall => 0,
                Stop::Signal(signal) => signal,
            };
            self.resume(libc::PTRACE_CONT, signal)?;
        }
    }

    fn restore(&mut self) -> Result<(), Error> {
        let registers = self.registers;
        self.write_registers(&registers)?;
        self.write_vectors()
    }

    fn wait(&mut self) -> Result<Stop, Error> {
        let mut status = 0;
        let began = Instant::now();
        loop {
            // SAFETY: the answer goes to a local.
            match unsafe { libc::waitpid(self.thread, &raw mut status, libc::__WALL | libc::WNOHANG) } {
                0 if began.elapsed() > PATIENCE => return Err(Error::Busy { pid: self.pid }),
                0 => std::thread::sleep(APART),
                waited if waited > 0 => break,
                _ => {
                    self.lost = true;
                    return Err(of_process(self.pid, &io::Error::last_os_error()));
                }
            }
        }
        if !libc::WIFSTOPPED(status) {
            self.lost = true;
            return Err(Error::NoProcess { pid: self.pid });
        }
        let signal = libc::WSTOPSIG(status);
        Ok(match status >> 16 {
            EVENT_STOP => Stop::Event,
            _ if signal == libc::SIGTRAP | 0x80 => Stop::SystemCall,
            _ => Stop::Signal(signal),
        })
    }

    fn resume(&self, how: libc::c_uint, signal: i32) -> Result<(), Error> {
        self.ask(how, usize::try_from(signal).unwrap_or(0))
    }

    fn ask(&self, what: libc::c_uint, data: usize) -> Result<(), Error> {
        ptrace(what, self.thread, 0, data).map_err(|cause| of_process(self.pid, &cause))
    }

    fn read_registers(&self) -> Result<libc::user_regs_struct, Error> {
        // SAFETY: all zeros is a valid value.
        let mut registers: libc::user_regs_struct = unsafe { zeroed() };
        self.ask(libc::PTRACE_GETREGS, (&raw mut registers) as usize)?;
        Ok(registers)
    }

    fn write_registers(&self, registers: &libc::user_regs_struct) -> Result<(), Error> {
        self.ask(libc::PTRACE_SETREGS, std::ptr::from_ref(registers) as usize)
    }

    fn read_vectors(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0_u8; MOST_XSTATE];
        let mut span = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        let asked = ptrace(libc::PTRACE_GETREGSET, self.thread, XSTATE, (&raw mut span) as usize);
        asked.map_err(|cause| of_process(self.pid, &cause))?;
        bytes.truncate(span.iov_len);
        Ok(bytes)
    }

    fn write_vectors(&mut self) -> Result<(), Error> {
        let mut span =
            libc::iovec { iov_base: self.vectors.as_mut_ptr().cast(), iov_len: self.vectors.len() };
        let asked = ptrace(libc::PTRACE_SETREGSET, self.thread, XSTATE, (&raw mut span) as usize);
        asked.map_err(|cause| of_process(self.pid, &cause))
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        if !self.lost {
            // The thread is stopped with its own registers; where it is gone, there is nothing to be done.
            let _ = ptrace(libc::PTRACE_DETACH, self.thread, 0, 0);
        }
    }
}

/// Why a thread stands.
enum Stop {
    /// At the beginning or the end of a system call.
    SystemCall,
    /// It was told to.
    Event,
    /// It is about to be given a signal.
    Signal(i32),
}

fn ptrace(what: libc::c_uint, thread: i32, address: usize, data: usize) -> io::Result<()> {
    let pointer =
        |number: usize| if number == 0 { null_mut() } else { without_provenance_mut::<libc::c_void>(number) };
    // SAFETY: what is read or written here lies where `data` says; what is changed there is the caller's care.
    let answer = unsafe { libc::ptrace(what, thread, pointer(address), pointer(data)) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
