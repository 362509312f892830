//! The native stack of a thread, exact at every event, for little more than the price of comparing it with the
//! last one.
//!
//! Unwinding a frame is a computation from its registers and some words of the stack. So the words that each
//! frame needed are kept with it, and as long as they are the same, so are the frames that called it: then only
//! those above them are unwound. Where a word has changed, unwinding goes on from the frame that needed it.
//!
//! Most functions have anything in the base pointer and save it for their callers without need: it, and where it is
//! saved, only count where some caller is unwound by it.
//!
//! Must not know what is allocated.

mod bounds;
pub mod modules;
mod numbers;

pub use numbers::Define;

use std::arch::asm;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64};
use framehop::{FrameAddress, Unwinder as _};

use crate::buffer::preserving_errno;
use crate::native::bounds::{Stack, stack_at};
use crate::native::modules::Modules;
use crate::native::numbers::Numbers;
use crate::python::walk::Activations;
use crate::table::Table;

static ENABLED: AtomicBool = AtomicBool::new(false);

/// Whether logs record native stacks from now on.
pub fn enable(wanted: bool) {
    ENABLED.store(wanted, Ordering::Relaxed);
}

/// Whether native stacks are recorded.
pub fn enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// The frames of one thread as they were at the last event.
pub struct NativeFrames {
    modules: Arc<Modules>,
    generation: u64,
    /// See [`NativeFrames::follow`].
    greenlet: usize,
    caches: [CacheX86_64; CACHES],
    /// This thread's stack; empty as long as it is not known.
    bounds: Range<u64>,
    /// Where it is known not to be.
    foreign: Range<u64>,
    /// Oldest first.
    frames: Vec<Frame>,
    /// What unwinding them read, in their order.
    words: Vec<Word>,
    /// Frames that are not in `frames` yet, newest first; empty between events.
    fresh: Vec<Fresh>,
    /// What is [`Known`] of the code at an address.
    known: Table,
    /// Whether any of it is in no module, where one may come to lie later.
    knows_nobodys: bool,
    numbers: Numbers,
}

/// How unwinding goes on at an address is kept, in framehop's own caches: 509 addresses each, of which a program that
/// imports has many more in turn.
const CACHES: usize = 8;
const CACHED: u64 = 509;

/// The registers that say where a frame is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Registers {
    ip: u64,
    sp: u64,
    bp: u64,
}

#[derive(Clone, Copy)]
struct Frame {
    /// The base pointer may be an older one where it is not needed.
    registers: Registers,
    /// Where its caller's base pointer is saved; 0 where the caller has the same one.
    saved_bp: u64,
    /// Where its words end.
    words: u32,
    /// The number of the stack that it is the newest frame of.
    stack: u32,
    /// Whether it is unwound by the base pointer.
    uses_bp: bool,
    /// Whether it is, or a caller that has the same one.
    needs_bp: bool,
    /// The newest place, in it or in its callers, where the interpreter is at work; 0 where there is none.
    activation: u64,
}

/// A word of the stack.
#[derive(Clone, Copy, Default)]
struct Word {
    address: u64,
    value: u64,
}

/// The most words of the stack that a frame's unwinding reads: the return address, a saved register, and a third
/// for rules that are expressions.
const MOST_WORDS: usize = 3;

#[derive(Clone, Copy)]
struct Fresh {
    registers: Registers,
    words: [Word; MOST_WORDS],
    used: usize,
    saved_bp: u64,
    uses_bp: bool,
    is_own: bool,
    interprets: bool,
    activation: u64,
}

/// Whose code it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A module's.
    Module,
    /// This library's: its frames are not shown.
    Own,
    /// Nobody's that is known.
    Nobody,
}

/// What is known of the code at an address.
#[derive(Clone, Copy)]
struct Known {
    owner: Owner,
    uses_bp: bool,
}

impl Known {
    /// As a value in a table.
    fn number(self) -> u32 {
        let owner = match self.owner {
            Owner::Module => 1,
            Owner::Own => 2,
            Owner::Nobody => 3,
        };
        owner << 1 | u32::from(self.uses_bp)
    }

    #[inline]
    fn from_number(number: u32) -> Known {
        let owner = match number >> 1 {
            1 => Owner::Module,
            2 => Owner::Own,
            _ => Owner::Nobody,
        };
        Known { owner, uses_bp: number & 1 != 0 }
    }
}

/// Other modules were loaded: all is to be done again.
struct Reloaded;

impl NativeFrames {
    pub fn new() -> NativeFrames {
        let (modules, generation) = modules::current();
        NativeFrames {
            modules,
            generation,
            greenlet: 0,
            caches: new_caches(),
            bounds: 0..0,
            foreign: 0..0,
            frames: Vec::new(),
            words: Vec::new(),
            fresh: Vec::new(),
            known: Table::new(),
            knows_nobodys: false,
            numbers: Numbers::new(),
        }
    }

    /// Forgets all frames, because the thread is another one.
    pub fn forget(&mut self) {
        self.keep(0);
        (self.bounds, self.foreign) = (0..0, 0..0);
    }

    /// Says which of the thread's greenlets it is, by a number: where the interpreter is at work on the same C stack is
    /// not the same for another one, nor for one whose chain of Python's frames had to be `reread`.
    #[inline]
    pub fn follow(&mut self, greenlet: usize, reread: bool) {
        if greenlet != self.greenlet || reread {
            self.greenlet = greenlet;
            self.keep(0);
        }
    }

    /// The number of this thread's stack, together with the Python stack `python`, of which the interpreter is at
    /// work in `activations`.
    #[inline(never)]
    pub fn stack(&mut self, python: u32, activations: Activations, definitions: &mut impl Define) -> u32 {
        let (ip, sp, bp): (u64, u64, u64);
        // SAFETY: it reads three registers.
        unsafe {
            asm!(
                "lea {0}, [rip]",
                "mov {1}, rsp",
                "mov {2}, rbp",
                out(reg) ip,
                out(reg) sp,
                out(reg) bp,
                options(nomem, nostack, preserves_flags),
            );
        }
        if self.generation != modules::generation() {
            self.reload();
        }
        if self.bounds.is_empty() && !self.foreign.contains(&sp) {
            match preserving_errno(|| stack_at(sp)) {
                Stack::Own(range) => self.bounds = range,
                Stack::Foreign(range) => self.foreign = range,
            }
        }
        let mut native = 0;
        // Other stacks may be gone at any time, and are not looked at.
        if self.bounds.contains(&sp) {
            let here = Registers { ip, sp, bp };
            loop {
                while self.unwind(here).is_err() {
                    self.reload();
                }
                if self.place(activations) {
                    break;
                }
                self.keep(0);
            }
            native = self.remember_fresh(definitions);
        }
        self.numbers.mixed(python, native, definitions)
    }

    #[cold]
    fn reload(&mut self) {
        let (modules, generation) = modules::current();
        let before = std::mem::replace(&mut self.modules, modules);
        self.generation = generation;
        // What more there is changes nothing of what was known.
        if self.modules.has_all_of(&before) && !self.knows_nobodys {
            return;
        }
        self.caches = new_caches();
        self.known.clear();
        self.knows_nobodys = false;
        self.numbers.forget_addresses();
        self.keep(0);
    }

    /// Keeps the frames that are still there and collects those above them.
    #[inline]
    fn unwind(&mut self, here: Registers) -> Result<(), Reloaded> {
        self.fresh.clear();
        let mut frame = Some(here);
        let mut limit = self.frames.len();
        while let Some(mut at) = frame {
            if let Some(index) = self.remembered(at, &mut limit) {
                let Some(changed) = self.newest_changed(index) else {
                    self.keep(index + 1);
                    return Ok(());
                };
                // Those above it are as they were, but it may have another caller.
                at = self.take_as_fresh(changed, index, at.bp);
                limit = changed;
            }
            frame = self.caller(at, here)?;
        }
        self.keep(0);
        Ok(())
    }

    /// The remembered frame with these registers, among the `limit` oldest. Those that lie below it on the stack are
    /// gone.
    #[inline]
    fn remembered(&self, at: Registers, limit: &mut usize) -> Option<usize> {
        while let Some(Frame { registers, needs_bp, .. }) = self.frames[..*limit].last() {
            if registers.sp >= at.sp {
                let same = registers.sp == at.sp && registers.ip == at.ip;
                return (same && (!needs_bp || registers.bp == at.bp)).then(|| *limit - 1);
            }
            *limit -= 1;
        }
        None
    }

    /// The newest frame, of that at `index` and all older ones, whose unwinding would now read something else.
    #[inline]
    fn newest_changed(&self, index: usize) -> Option<usize> {
        let words = &self.words[..self.frames[index].words as usize];
        // SAFETY: these words were read before, within the stack of this thread and above where it is now.
        let changed = words.iter().rposition(|word| unsafe { read(word.address) } != word.value)?;
        Some(self.frames.partition_point(|frame| frame.words as usize <= changed))
    }

    /// Puts the remembered frames above that at `changed`, which are the same still, behind the fresh ones, beginning
    /// with that at `newest`, where `bp` is the base pointer. Returns the registers of the changed one.
    fn take_as_fresh(&mut self, changed: usize, newest: usize, mut bp: u64) -> Registers {
        for index in (changed + 1..=newest).rev() {
            let Frame { registers, saved_bp, words: end, uses_bp, .. } = self.frames[index];
            let read_before = &self.words[self.frames[index - 1].words as usize..end as usize];
            let mut words = [Word::default(); MOST_WORDS];
            let mut used = 0;
            for word in read_before.iter().filter(|word| word.address != saved_bp) {
                words[used] = *word;
                used += 1;
            }
            let is_own = self.modules.owner(registers.ip) == Owner::Own;
            let registers = Registers { bp, ..registers };
            self.fresh.push(Fresh {
                registers,
                words,
                used,
                saved_bp,
                uses_bp,
                is_own,
                interprets: false,
                activation: 0,
            });
            if saved_bp != 0 {
                // SAFETY: it was read before, and the frame is still there.
                bp = unsafe { read(saved_bp) };
            }
        }
        Registers { bp, ..self.frames[changed].registers }
    }

    /// Unwinds the frame `at`, which then is a fresh one; none where it has no caller, or none that can be found.
    #[inline]
    fn caller(&mut self, at: Registers, here: Registers) -> Result<Option<Registers>, Reloaded> {
        let Known { owner, uses_bp } = self.known(at, here)?;
        let index = self.fresh.len();
        self.fresh.push(Fresh {
            registers: at,
            words: [Word::default(); MOST_WORDS],
            used: 0,
            saved_bp: 0,
            uses_bp,
            is_own: owner == Owner::Own,
            interprets: false,
            activation: 0,
        });
        // The words are written where they stay: copied at once, they would still be on their way.
        let Fresh { words, used, saved_bp, uses_bp, .. } = &mut self.fresh[index];
        let readable = here.sp..self.bounds.end - 7;
        let mut read_stack = |address: u64| {
            // Nobody compiles code whose unwinding reads more.
            if *used == MOST_WORDS || !readable.contains(&address) {
                return Err(());
            }
            // SAFETY: it lies in the part of this thread's stack that is in use.
            let value = unsafe { read(address) };
            words[*used] = Word { address, value };
            *used += 1;
            Ok(value)
        };
        let Some(caller) = unwind(&self.modules, &mut self.caches, at, here, &mut read_stack) else {
            return Ok(None);
        };
        if *used == 2 && words[0].address == caller.sp - 8 {
            words.swap(0, 1);
        }
        if *used == 2 && words[1].address == caller.sp - 8 && words[0].value == caller.bp {
            // The return address, and the base pointer, which may not matter.
            (*saved_bp, words[0], *used) = (words[0].address, words[1], 1);
        } else if *used > 1 || caller.bp != at.bp {
            // An unusual rule: whatever goes into it counts.
            *uses_bp = true;
        }
        // Code that nobody knows is taken to have frame pointers; two of them in a row may be anything.
        let is_lost = owner == Owner::Nobody && self.known(caller, here)?.owner == Owner::Nobody;
        Ok((!is_lost && caller.sp > at.sp).then_some(caller))
    }

    #[inline]
    fn known(&mut self, at: Registers, here: Registers) -> Result<Known, Reloaded> {
        match self.known.get((at.ip, 0)) {
            Some(number) => Ok(Known::from_number(number)),
            None => self.find(at, here),
        }
    }

    #[cold]
    fn find(&mut self, at: Registers, here: Registers) -> Result<Known, Reloaded> {
        let owner = self.modules.owner(at.ip);
        if owner == Owner::Nobody && modules::have_changed(&self.modules) {
            return Err(Reloaded);
        }
        let readable = here.sp..self.bounds.end - 7;
        let mut read_stack = |address: u64| {
            // SAFETY: it lies in the part of this thread's stack that is in use.
            if readable.contains(&address) { Ok(unsafe { read(address) }) } else { Err(()) }
        };
        let mut leads_to = |bp: u64| {
            let caller =
                unwind(&self.modules, &mut self.caches, Registers { bp, ..at }, here, &mut read_stack);
            caller.map(|caller| (caller.ip, caller.sp))
        };
        // Whether it leads elsewhere with another base pointer; it may also be that this one leads nowhere.
        let caller = leads_to(at.bp);
        let uses_bp = caller.is_none() || caller != leads_to(at.bp ^ 0x1000) || caller != leads_to(0);
        let known = Known { owner, uses_bp };
        self.knows_nobodys |= owner == Owner::Nobody;
        self.known.insert((at.ip, 0), known.number());
        Ok(known)
    }

    /// Notes in which of the fresh frames the interpreter is at work. False where it is not at work in the older ones
    /// as it was: their words are the same, but they are those of another greenlet.
    #[inline]
    fn place(&mut self, mut activations: Activations) -> bool {
        let kept = self.frames.last();
        let (kept, known) =
            kept.map_or((self.bounds.end, None), |frame| (frame.registers.sp, Some(frame.activation)));
        for index in 0..self.fresh.len() {
            let end = self.fresh.get(index + 1).map_or(kept, |caller| caller.registers.sp);
            let fresh = &mut self.fresh[index];
            fresh.activation = activations.newest().unwrap_or(0);
            fresh.interprets = activations.any_within(fresh.registers.sp..end);
        }
        known.is_none_or(|known| known == activations.newest().unwrap_or(0))
    }

    /// Gives numbers to the fresh frames, which then are remembered, and returns that of the whole stack.
    #[inline]
    fn remember_fresh(&mut self, definitions: &mut impl Define) -> u32 {
        let mut stack = self.frames.last().map_or(0, |frame| frame.stack);
        let mut caller_needs_bp = self.frames.last().is_some_and(|frame| frame.needs_bp);
        for fresh in self.fresh.iter().rev() {
            let Fresh { registers, saved_bp, uses_bp, activation, .. } = *fresh;
            if !fresh.is_own {
                let code = (registers.ip, fresh.interprets);
                stack = self.numbers.stack(stack, code, &self.modules, definitions);
            }
            self.words.extend_from_slice(&fresh.words[..fresh.used]);
            if saved_bp != 0 && caller_needs_bp {
                // SAFETY: unwinding the frame read it just now.
                self.words.push(Word { address: saved_bp, value: unsafe { read(saved_bp) } });
            }
            #[expect(clippy::cast_possible_truncation, reason = "no stack holds that many words")]
            let words = self.words.len() as u32;
            let needs_bp = uses_bp || saved_bp == 0 && caller_needs_bp;
            self.frames.push(Frame { registers, saved_bp, words, stack, uses_bp, needs_bp, activation });
            caller_needs_bp = needs_bp;
        }
        self.fresh.clear();
        stack
    }

    fn keep(&mut self, count: usize) {
        self.frames.truncate(count);
        self.words.truncate(self.frames.last().map_or(0, |frame| frame.words as usize));
    }
}

fn new_caches() -> [CacheX86_64; CACHES] {
    std::array::from_fn(|_| CacheX86_64::new())
}

/// The caller of the frame `at`, if there is one. All but the frame that is `here` are at the instruction behind a
/// call.
#[inline]
fn unwind(
    modules: &Modules,
    caches: &mut [CacheX86_64; CACHES],
    at: Registers,
    here: Registers,
    read_stack: &mut impl FnMut(u64) -> Result<u64, ()>,
) -> Option<Registers> {
    let address = if at.ip == here.ip {
        FrameAddress::from_instruction_pointer(at.ip)
    } else {
        FrameAddress::from_return_address(at.ip)?
    };
    let mut registers = UnwindRegsX86_64::new(at.ip, at.sp, at.bp);
    let cache = &mut caches[(at.ip / CACHED) as usize % CACHES];
    let ip = modules.unwinder.unwind_frame(address, &mut registers, cache, read_stack).ok().flatten()?;
    Some(Registers { ip, sp: registers.sp(), bp: registers.bp() })
}

/// # Safety
/// The address must be in the part of a stack that is in use.
#[inline]
unsafe fn read(address: u64) -> u64 {
    // SAFETY: passed on to the caller. Other parts of the program may write there, but not while this thread reads.
    unsafe { (address as *const u64).read_unaligned() }
}
