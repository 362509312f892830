//! Borrows one thread of another process to call a function there, and gives it back as it was: registers, vector
//! registers, and the system call that it was waiting in, which goes on. Where memtrace itself is killed meanwhile, the
//! function returns to a frame by which the kernel puts the thread back. See ptrace(2).

use std::io;
use std::mem::zeroed;
use std::ptr::{null_mut, without_provenance_mut};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::source::attach::frame::{State, frame};
use crate::source::attach::program::{Program, of_process};

/// A thread that is held; dropped, it goes on where it was.
pub struct Tracee<'p> {
    program: &'p Program,
    thread: i32,
    state: State,
    /// Where [`LANDING`] is in the program, once it is there.
    landing: Option<u64>,
    /// It runs, or is gone, or cannot be controlled any more.
    lost: bool,
    _undisturbed: Undisturbed,
}

/// What called functions return to. It keeps the answer in another register and asks the kernel for what the frame
/// holds: that stops the thread without any signal, and when memtrace is there to see it, the call is not made.
///
/// ```text
///        mov rbx, rax
/// again: mov eax, 15    ; rt_sigreturn
///        syscall
///        jmp again
/// ```
const LANDING: [u8; 12] = [0x48, 0x89, 0xc3, 0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7];
/// Where in it the thread is when it makes the call.
const LANDED: u64 = 10;

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
/// `PTRACE_GETSIGMASK`
const GET_MASK: libc::c_uint = 0x420a;
/// `PTRACE_EVENT_STOP`
const EVENT_STOP: i32 = 128;
/// For so long a function may run.
const PATIENCE: Duration = Duration::from_secs(10);
const APART: Duration = Duration::from_micros(50);

impl<'p> Tracee<'p> {
    /// Stops a thread of the program.
    pub fn seize(program: &'p Program, thread: u32) -> Result<Tracee<'p>, Error> {
        let thread = thread.cast_signed();
        let options = libc::PTRACE_O_TRACESYSGOOD as usize;
        let undisturbed = Undisturbed::begin();
        let seized = ptrace(libc::PTRACE_SEIZE, thread, 0, options);
        seized.map_err(|cause| of_process(program.pid, &cause))?;
        // SAFETY: all zeros is a valid value.
        let state = State { registers: unsafe { zeroed() }, vectors: Vec::new(), mask: 0 };
        let mut tracee =
            Tracee { program, thread, state, landing: None, lost: true, _undisturbed: undisturbed };
        tracee.hold()?;
        let (registers, vectors) = (tracee.read_registers()?, tracee.read_vectors()?);
        tracee.state = State { registers, vectors, mask: tracee.read_mask()? };
        tracee.lost = false;
        Ok(tracee)
    }

    /// What the thread was doing when it was stopped.
    pub fn moment(&self) -> Moment {
        const FUTEX_COMMAND: u64 = 0x7f;
        const FUTEX_WAIT_BITSET: u64 = 9;
        match self.state.registers.orig_rax.cast_signed() {
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
            libc::SYS_futex if self.state.registers.rsi & FUTEX_COMMAND == FUTEX_WAIT_BITSET => {
                Moment::Waiting
            }
            // The loader reads too, but only files.
            libc::SYS_read if !self.reads_a_file() => Moment::Waiting,
            _ => Moment::Other,
        }
    }

    fn reads_a_file(&self) -> bool {
        let opened = std::fs::metadata(format!("/proc/{}/fd/{}", self.program.pid, self.state.registers.rdi));
        opened.is_ok_and(|opened| opened.is_file())
    }

    /// Calls a function of the program with at most six arguments and returns what it does.
    pub fn call(&mut self, function: u64, arguments: &[u64]) -> Result<u64, Error> {
        let landing = self.landing()?;
        self.run(function, arguments, landing, |now, stack| {
            (now.rip == landing + LANDED && now.rsp == stack + 8).then_some(now.rbx)
        })
    }

    /// Has libc make a system call and returns what the kernel says.
    fn system_call(&mut self, name: &str, number: i64, arguments: &[u64]) -> Result<u64, Error> {
        /// A signal's handler would be further down.
        const NEAR: u64 = 256;
        /// What stands for the answer before there is one.
        const NOT_YET: u64 = i64::cast_unsigned(-(libc::ENOSYS as i64));
        let function = self.program.libc(name)?;
        let returns_to = self.program.sigreturn()?;
        self.run(function, arguments, returns_to, |now, stack| {
            let is_it = now.orig_rax == number.cast_unsigned() && (stack - NEAR..=stack).contains(&now.rsp);
            (is_it && now.rax != NOT_YET).then_some(now.rax)
        })
    }

    /// Memory in the program that it does not know of, with these rights (mmap(2)).
    pub fn map(&mut self, size: u64, rights: libc::c_int) -> Result<u64, Error> {
        let flags = u64::from((libc::MAP_PRIVATE | libc::MAP_ANONYMOUS).cast_unsigned());
        let arguments = [0, size, u64::from(rights.cast_unsigned()), flags, u64::MAX, 0];
        let address = self.system_call("mmap", libc::SYS_mmap, &arguments)?;
        // The kernel answers with an error in place of an address.
        match i32::try_from(address.cast_signed()) {
            Ok(error @ -4095..0) => {
                let cause = io::Error::from_raw_os_error(-error);
                let message = format!("it has no memory: {cause}");
                Err(Error::Refused { pid: self.program.pid, message })
            }
            _ => Ok(address),
        }
    }

    /// Takes such memory away again.
    pub fn unmap(&mut self, address: u64, size: u64) -> Result<(), Error> {
        self.system_call("munmap", libc::SYS_munmap, &[address, size]).map(drop)
    }

    fn landing(&mut self) -> Result<u64, Error> {
        if let Some(landing) = self.landing {
            return Ok(landing);
        }
        let landing = self.map(LANDING.len() as u64, libc::PROT_READ | libc::PROT_EXEC)?;
        self.landing = Some(landing);
        self.program.write(landing, &LANDING)?;
        Ok(landing)
    }

    /// Has the thread run a function, until its registers say, together with the stack pointer that it began with,
    /// what the answer is.
    fn run(
        &mut self,
        function: u64,
        arguments: &[u64],
        returns_to: u64,
        answer: impl Fn(&libc::user_regs_struct, u64) -> Option<u64>,
    ) -> Result<u64, Error> {
        if self.lost {
            return Err(Error::Busy { pid: self.program.pid });
        }
        let result = self.try_run(function, arguments, returns_to, answer);
        if let Err(Error::Busy { .. }) = result {
            // It must not be torn out of what it is doing: some time it will return by itself.
            while let Err(Error::Busy { .. }) = self.hold() {}
            self.let_go();
        }
        // Whatever happened, the thread stands where it stood.
        if !self.lost {
            self.restore()?;
        }
        result
    }

    fn try_run(
        &mut self,
        function: u64,
        arguments: &[u64],
        returns_to: u64,
        answer: impl Fn(&libc::user_regs_struct, u64) -> Option<u64>,
    ) -> Result<u64, Error> {
        let (stack, frame) = frame(&self.state, returns_to);
        self.program.write(stack, &frame)?;
        let mut registers = self.state.registers;
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
        registers.rsp = stack;
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
                    if let Some(answer) = answer(&now, stack) {
                        now.orig_rax = u64::MAX;
                        self.write_registers(&now)?;
                        // On its way out of the call, which is over or is not made.
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
                    return Err(Error::Refused { pid: self.program.pid, message });
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

    /// The vector registers come first: until the others are there, the thread is on its way to the frame.
    fn restore(&mut self) -> Result<(), Error> {
        self.write_vectors()?;
        self.write_registers(&self.state.registers)
    }

    /// It goes on from where it is now; where it is gone, there is nothing to be done.
    fn let_go(&mut self) {
        self.lost = true;
        let _ = ptrace(libc::PTRACE_DETACH, self.thread, 0, 0);
    }

    fn wait(&mut self) -> Result<Stop, Error> {
        let mut status = 0;
        let began = Instant::now();
        loop {
            // SAFETY: the answer goes to a local.
            match unsafe { libc::waitpid(self.thread, &raw mut status, libc::__WALL | libc::WNOHANG) } {
                0 if began.elapsed() > PATIENCE => return Err(Error::Busy { pid: self.program.pid }),
                0 => std::thread::sleep(APART),
                waited if waited > 0 => break,
                _ => {
                    self.lost = true;
                    return Err(of_process(self.program.pid, &io::Error::last_os_error()));
                }
            }
        }
        if !libc::WIFSTOPPED(status) {
            self.lost = true;
            return Err(Error::NoProcess { pid: self.program.pid });
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
        ptrace(what, self.thread, 0, data).map_err(|cause| of_process(self.program.pid, &cause))
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
        asked.map_err(|cause| of_process(self.program.pid, &cause))?;
        bytes.truncate(span.iov_len);
        Ok(bytes)
    }

    fn read_mask(&self) -> Result<u64, Error> {
        let mut mask = 0_u64;
        let asked = ptrace(GET_MASK, self.thread, size_of::<u64>(), (&raw mut mask) as usize);
        asked.map_err(|cause| of_process(self.program.pid, &cause))?;
        Ok(mask)
    }

    fn write_vectors(&mut self) -> Result<(), Error> {
        let vectors = &mut self.state.vectors;
        let mut span = libc::iovec { iov_base: vectors.as_mut_ptr().cast(), iov_len: vectors.len() };
        let asked = ptrace(libc::PTRACE_SETREGSET, self.thread, XSTATE, (&raw mut span) as usize);
        asked.map_err(|cause| of_process(self.program.pid, &cause))
    }
}

impl Drop for Tracee<'_> {
    fn drop(&mut self) {
        // Nobody is to come by there any more: a thread that could not be awaited is lost.
        if let (Some(landing), false) = (self.landing, self.lost) {
            let _ = self.unmap(landing, LANDING.len() as u64);
        }
        if !self.lost {
            self.let_go();
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
