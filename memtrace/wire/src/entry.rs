//! The entries of a thread's stream: allocations and frees in their order, and the stacks they refer to.
//!
//! An entry is one byte of kind and flags, then varints: the gap in sequence numbers when there is one,
//! the address as a difference to the last one, the size, the stack as a difference to the last one.
//! Differences start anew with every block; stacks count on through the whole stream, from 1, and 0 is
//! the empty stack. Samples have a place among the events too, so that each event lies between two of them
//! whichever thread took them.

use crate::varint::{put, take, unzigzag, zigzag};
use crate::{Allocator, Malformed};

/// The `code` of an [`Entry::Stack`] that is no code object: here C code called the interpreter. Only in
/// captures with native stacks of Python 3.11 and later; before, C code calls it for every Python function.
pub const ENTERED: u32 = 0;

/// The most bytes that one entry takes.
pub const MAX: usize = 64;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Memory was given out.
    Allocation {
        /// Its place among all threads' events.
        seq: u64,
        /// By which function.
        allocator: Allocator,
        /// The first byte.
        address: u64,
        /// Bytes asked for.
        size: u64,
        /// The stack that asked, of this stream.
        stack: u32,
    },
    /// A block was given back.
    Free {
        /// Its place among all threads' events.
        seq: u64,
        /// The block's first byte.
        address: u64,
    },
    /// A range of pages was unmapped; it may be a part of a mapping, or span several.
    Unmap {
        /// Its place among all threads' events.
        seq: u64,
        /// The first byte.
        address: u64,
        /// Bytes.
        size: u64,
    },
    /// The stream's next stack: `code` at `instruction`, called from `parent`.
    Stack {
        /// An earlier stack of this stream, or 0.
        parent: u32,
        /// A code object of stream 0.
        code: u32,
        /// Byte offset of the instruction; negative before the first.
        instruction: i32,
    },
    /// The stream's next native frame, counted from 1.
    NativeFrame {
        /// A module of stream 0; 0 where the address is in none.
        module: u32,
        /// The last byte of the call instruction: in the module's own addresses, or in those of the process.
        address: u64,
        /// Whether it is the interpreter at work on Python frames.
        interprets: bool,
    },
    /// The stream's next native stack, counted from 1: `frame`, called from `parent`.
    NativeStack {
        /// An earlier native stack of this stream, or 0.
        parent: u32,
        /// A native frame of this stream.
        frame: u32,
    },
    /// A Python stack and a native stack that a thread was at, together. Counted from 1; where native stacks are
    /// recorded, this is what [`Entry::Allocation`] refers to.
    Mixed {
        /// A Python stack of this stream, or 0.
        python: u32,
        /// A native stack of this stream, or 0.
        native: u32,
    },
    /// The entries that follow come from this thread.
    Thread {
        /// The kernel's thread id.
        id: u32,
    },
    /// That thread is called this from now on.
    ThreadName {
        /// A name of stream 0.
        name: u32,
    },
    /// The entries that follow come from this asyncio task of the thread, or from none of those that have names.
    Task {
        /// A name of stream 0; 0 where it is none.
        name: u32,
    },
    /// The time, and the memory that the system had given the process by then. Taken at the first event
    /// that comes 10 ms or more after the last sample.
    Sample {
        /// Its place among all threads' events.
        seq: u64,
        /// Milliseconds since [`crate::header::Header::monotonic_us`].
        ms: u64,
        /// Resident set size in bytes; 0 where it could not be read.
        resident: u64,
    },
}

const ALLOCATION: u8 = 0;
const FREE: u8 = 1;
const UNMAP: u8 = 2;
const META: u8 = 3;
const KIND: u8 = 3;
/// A gap in the sequence numbers follows.
const GAP: u8 = 4;
/// The stack is that of the last allocation.
const SAME_STACK: u8 = 8;
const META_STACK: u8 = META;
const META_THREAD: u8 = META | 0x10;
const META_THREAD_NAME: u8 = META | 0x20;
const META_SAMPLE: u8 = META | 0x30;
const META_NATIVE_FRAME: u8 = META | 0x40;
const META_INTERPRETING_FRAME: u8 = META | 0x48;
const META_NATIVE_STACK: u8 = META | 0x50;
const META_MIXED: u8 = META | 0x60;
const META_TASK: u8 = META | 0x70;

/// What both sides remember from entry to entry within one block.
#[derive(Clone, Copy, Debug)]
struct Memory {
    next_seq: u64,
    address: u64,
    stack: u32,
    /// Of native stacks: the last parent. A new stack mostly brings several frames, each called by the last one.
    parent: u32,
    /// Of mixed stacks: the last two.
    python: u32,
    native: u32,
}

impl Memory {
    fn new(first_seq: u64) -> Self {
        Memory { next_seq: first_seq, address: 0, stack: 0, parent: 0, python: 0, native: 0 }
    }
}

/// Writes the entries of one block.
#[derive(Debug)]
pub struct Encoder {
    memory: Memory,
}

impl Encoder {
    /// For a block whose header says `first_seq`, at most the sequence number of its first event.
    pub fn new(first_seq: u64) -> Self {
        Encoder { memory: Memory::new(first_seq) }
    }

    /// At most the sequence number of the next event.
    pub fn next_seq(&self) -> u64 {
        self.memory.next_seq
    }

    /// Writes `entry` to the front of `out` and returns how many bytes it took.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "each hook encodes one known kind: the match folds away")]
    pub fn encode(&mut self, out: &mut [u8; MAX], entry: Entry) -> usize {
        match entry {
            Entry::Allocation { seq, allocator, address, size, stack } => {
                let same = if stack == self.memory.stack { SAME_STACK } else { 0 };
                let at = self.event(out, ALLOCATION | same | (allocator as u8) << 4, seq, address);
                let at = put(out, at, size);
                if same != 0 {
                    return at;
                }
                put(out, at, from_last(&mut self.memory.stack, stack))
            }
            Entry::Free { seq, address } => self.event(out, FREE, seq, address),
            Entry::Unmap { seq, address, size } => {
                let at = self.event(out, UNMAP, seq, address);
                put(out, at, size)
            }
            Entry::Stack { parent, code, instruction } => {
                out[0] = META_STACK;
                let at = put(out, 1, u64::from(parent));
                let at = put(out, at, u64::from(code));
                put(out, at, zigzag(i64::from(instruction)))
            }
            Entry::NativeFrame { module, address, interprets } => {
                out[0] = if interprets { META_INTERPRETING_FRAME } else { META_NATIVE_FRAME };
                let at = put(out, 1, u64::from(module));
                put(out, at, address)
            }
            Entry::NativeStack { parent, frame } => {
                out[0] = META_NATIVE_STACK;
                let at = put(out, 1, from_last(&mut self.memory.parent, parent));
                put(out, at, u64::from(frame))
            }
            Entry::Mixed { python, native } => {
                out[0] = META_MIXED;
                let at = put(out, 1, from_last(&mut self.memory.python, python));
                put(out, at, from_last(&mut self.memory.native, native))
            }
            Entry::Thread { id } => {
                out[0] = META_THREAD;
                put(out, 1, u64::from(id))
            }
            Entry::ThreadName { name } => {
                out[0] = META_THREAD_NAME;
                put(out, 1, u64::from(name))
            }
            Entry::Task { name } => {
                out[0] = META_TASK;
                put(out, 1, u64::from(name))
            }
            Entry::Sample { seq, ms, resident } => {
                out[0] = META_SAMPLE;
                let at = put(out, 1, seq.wrapping_sub(self.memory.next_seq));
                self.memory.next_seq = seq.wrapping_add(1);
                let at = put(out, at, ms);
                put(out, at, resident)
            }
        }
    }

    #[inline]
    fn event(&mut self, out: &mut [u8; MAX], kind: u8, seq: u64, address: u64) -> usize {
        let gap = seq.wrapping_sub(self.memory.next_seq);
        self.memory.next_seq = seq.wrapping_add(1);
        out[0] = kind | if gap == 0 { 0 } else { GAP };
        let at = if gap == 0 { 1 } else { put(out, 1, gap) };
        // Addresses are multiples of 16: rotated, the zero bits do not cost a byte.
        let address = address.rotate_right(4);
        let difference = address.wrapping_sub(self.memory.address).cast_signed();
        self.memory.address = address;
        put(out, at, zigzag(difference))
    }
}

/// Reads the entries of one block; the bytes are handed to each call.
#[derive(Clone, Debug)]
pub struct Decoder {
    memory: Memory,
    at: usize,
}

impl Decoder {
    /// For a block whose header says `first_seq`.
    pub fn new(first_seq: u64) -> Self {
        Decoder { memory: Memory::new(first_seq), at: 0 }
    }

    /// The next entry of the block's `bytes`, or none at their end.
    #[inline]
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Option<Entry>, Malformed> {
        let Some(&head) = bytes.get(self.at) else { return Ok(None) };
        self.at += 1;
        let at = &mut self.at;
        match head {
            META_STACK => {
                let parent = small(take(bytes, at)?)?;
                let code = small(take(bytes, at)?)?;
                let instruction = i32::try_from(unzigzag(take(bytes, at)?)).map_err(|_| Malformed)?;
                return Ok(Some(Entry::Stack { parent, code, instruction }));
            }
            META_NATIVE_FRAME | META_INTERPRETING_FRAME => {
                let (module, address) = (small(take(bytes, at)?)?, take(bytes, at)?);
                let interprets = head == META_INTERPRETING_FRAME;
                return Ok(Some(Entry::NativeFrame { module, address, interprets }));
            }
            META_NATIVE_STACK => {
                let parent = after_last(&mut self.memory.parent, take(bytes, at)?)?;
                return Ok(Some(Entry::NativeStack { parent, frame: small(take(bytes, at)?)? }));
            }
            META_MIXED => {
                let python = after_last(&mut self.memory.python, take(bytes, at)?)?;
                let native = after_last(&mut self.memory.native, take(bytes, at)?)?;
                return Ok(Some(Entry::Mixed { python, native }));
            }
            META_THREAD => return Ok(Some(Entry::Thread { id: small(take(bytes, at)?)? })),
            META_THREAD_NAME => return Ok(Some(Entry::ThreadName { name: small(take(bytes, at)?)? })),
            META_TASK => return Ok(Some(Entry::Task { name: small(take(bytes, at)?)? })),
            META_SAMPLE => {
                let seq = self.memory.next_seq.wrapping_add(take(bytes, at)?);
                self.memory.next_seq = seq.wrapping_add(1);
                let (ms, resident) = (take(bytes, at)?, take(bytes, at)?);
                return Ok(Some(Entry::Sample { seq, ms, resident }));
            }
            _ => {}
        }
        let memory = &mut self.memory;
        let gap = if head & GAP == 0 { 0 } else { take(bytes, at)? };
        let seq = memory.next_seq.wrapping_add(gap);
        memory.next_seq = seq.wrapping_add(1);
        let difference = unzigzag(take(bytes, at)?).cast_unsigned();
        memory.address = memory.address.wrapping_add(difference);
        let address = memory.address.rotate_left(4);
        Ok(Some(match head & KIND {
            ALLOCATION => {
                let allocator = Allocator::from_number(head >> 4)?;
                let size = take(bytes, at)?;
                if head & SAME_STACK == 0 {
                    after_last(&mut memory.stack, take(bytes, at)?)?;
                }
                Entry::Allocation { seq, allocator, address, size, stack: memory.stack }
            }
            FREE => Entry::Free { seq, address },
            UNMAP => Entry::Unmap { seq, address, size: take(bytes, at)? },
            _ => return Err(Malformed),
        }))
    }
}

/// `number` as a difference to the last one.
#[inline]
fn from_last(last: &mut u32, number: u32) -> u64 {
    let difference = i64::from(number) - i64::from(*last);
    *last = number;
    zigzag(difference)
}

/// The number that is so far from the last one.
#[inline]
fn after_last(last: &mut u32, difference: u64) -> Result<u32, Malformed> {
    let number = i64::from(*last).wrapping_add(unzigzag(difference));
    *last = u32::try_from(number).map_err(|_| Malformed)?;
    Ok(*last)
}

#[inline]
fn small(number: u64) -> Result<u32, Malformed> {
    u32::try_from(number).map_err(|_| Malformed)
}
