//! A signal frame, by which the kernel itself puts a thread back where it was (`rt_sigreturn`): what a borrowed
//! thread returns to, so that it finds its way also when memtrace is no more. Laid out as `struct rt_sigframe` of Linux
//! on x86-64 and what that consists of (`asm/ucontext.h`, `asm/sigcontext.h`). Must not know what the thread is
//! borrowed for.

use std::arch::x86_64::__cpuid_count;

/// A thread as it was, to the last register.
pub struct State {
    /// The general registers.
    pub registers: libc::user_regs_struct,
    /// The others, as `NT_X86_XSTATE` has them: the standard form of XSAVE.
    pub vectors: Vec<u8>,
    /// The signals that are blocked.
    pub mask: u64,
}

/// What functions may use below the stack pointer (System V ABI).
const RED_ZONE: u64 = 128;
/// `struct rt_sigframe`
const SIZE: u64 = 440;
/// Where the state of the vector registers must begin.
const VECTORS_ALIGNED: u64 = 64;

/// In the state of the vector registers: what processors leave to programs, and which parts are in use.
const SOFTWARE: usize = 464;
const IN_USE: usize = 512;
/// The legacy part and the header behind it.
const LEAST: usize = 576;

/// The frame, and the address that it is for: the stack pointer of a function that then returns to `returns_to`.
pub fn frame(state: &State, returns_to: u64) -> (u64, Vec<u8>) {
    /// `UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS`
    const FLAGS: u64 = 7;
    /// No valid ones: the alternate stack stays what it is.
    const STACK_FLAGS: u64 = 0x00ff_ffff;
    let vectors = vectors(&state.vectors);
    let limit = state.registers.rsp - RED_ZONE;
    let vectors_at = (limit - vectors.len() as u64) & !(VECTORS_ALIGNED - 1);
    let address = ((vectors_at - SIZE) & !15) - 8;
    let mut bytes = Vec::new();
    let mut put = |words: &[u64]| bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    put(&[returns_to, FLAGS, 0, 0, STACK_FLAGS, 0]);
    let on = going_on(&state.registers);
    put(&[on.r8, on.r9, on.r10, on.r11, on.r12, on.r13, on.r14, on.r15]);
    put(&[on.rdi, on.rsi, on.rbp, on.rbx, on.rdx, on.rax, on.rcx, on.rsp, on.rip, on.eflags]);
    put(&[on.cs & 0xffff | on.ss << 48, 0, 0, 0, 0, vectors_at]);
    put(&[0; 8]);
    put(&[state.mask]);
    let behind = usize::try_from(vectors_at - address).unwrap_or(0);
    bytes.resize(behind, 0);
    bytes.extend(vectors);
    (address, bytes)
}

/// What the kernel would make of the registers of a thread that a signal took out of a system call: it is made again,
/// or, where it waits for a time of which a part is over, it says that it was interrupted.
fn going_on(registers: &libc::user_regs_struct) -> libc::user_regs_struct {
    /// `ERESTARTSYS`, `ERESTARTNOINTR`, `ERESTARTNOHAND`
    const AGAIN: [i64; 3] = [-512, -513, -514];
    /// `ERESTART_RESTARTBLOCK`
    const THE_REST: i64 = -516;
    let mut on = *registers;
    match on.rax.cast_signed() {
        _ if on.orig_rax.cast_signed() < 0 => {}
        answer if AGAIN.contains(&answer) => {
            on.rax = on.orig_rax;
            // A `syscall` instruction has two bytes.
            on.rip -= 2;
        }
        THE_REST => on.rax = i64::from(-libc::EINTR).cast_unsigned(),
        _ => {}
    }
    on
}

/// The state of the vector registers with what the kernel wants to see around it (`struct _fpx_sw_bytes`).
fn vectors(state: &[u8]) -> Vec<u8> {
    const MAGIC_1: u32 = 0x4650_5853;
    const MAGIC_2: u32 = 0x4650_5845;
    /// `XTILEDATA`: who does not use it has no room for it.
    const TILES: u64 = 1 << 18;
    /// The leaf of CPUID that tells the place and the size of each part.
    const LEAF: u32 = 0xd;
    let long = |at: usize| {
        state.get(at..at + 8).map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
    };
    let (known, in_use) = (long(SOFTWARE), long(IN_USE));
    let features = if in_use & TILES == 0 { known & !TILES } else { known };
    let ends = (2..63).filter(|part| features >> part & 1 != 0).map(|part| {
        let part = __cpuid_count(LEAF, part);
        (part.eax + part.ebx) as usize
    });
    let size = ends.max().unwrap_or(0).max(LEAST);
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(0).to_le_bytes();
    let mut bytes = state.to_vec();
    bytes.resize(size, 0);
    let software =
        [&MAGIC_1.to_le_bytes()[..], &length(size + 4), &features.to_le_bytes(), &length(size)].concat();
    bytes[SOFTWARE..SOFTWARE + software.len()].copy_from_slice(&software);
    bytes[SOFTWARE + software.len()..IN_USE].fill(0);
    bytes[IN_USE..IN_USE + 8].copy_from_slice(&(in_use & features).to_le_bytes());
    bytes.extend(MAGIC_2.to_le_bytes());
    bytes
}
