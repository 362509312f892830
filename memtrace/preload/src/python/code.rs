//! Code objects: numbered when first met, defined in stream 0, forgotten when they die, because another
//! may then get the same address.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use memtrace_wire::code::{Code, Definition, Lines};

use crate::buffer::{self, preserving_errno};
use crate::definitions;
use crate::guard::{Inside, active};
use crate::python::offsets::{CONTENT, DEALLOC, Layout, SIZE, TYPE};
use crate::python::{Interpreter, allocators, who};
use crate::word::Address;

/// The number of a code object that stands for no Python source: its frames are not shown.
pub const SHIM: u32 = u32::MAX;

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
static GENERATION: AtomicU64 = AtomicU64::new(0);
static DEALLOC_BEFORE: AtomicUsize = AtomicUsize::new(0);

/// The code objects that have a number.
#[derive(Default)]
pub struct Known {
    numbers: HashMap<Address, u32, BuildHasherDefault<AddressHasher>>,
    last: u32,
}

/// The numbers, from which all others are kept.
pub type Held = MutexGuard<'static, Option<Known>>;

/// Keeps all others out while the process forks.
pub fn hold() -> Held {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to number anew, in another capture.
pub fn reset(mut known: Held) {
    *known = None;
    GENERATION.fetch_add(1, Ordering::Release);
}

/// Rises whenever a numbered code object dies: what was remembered by its address is void.
#[inline]
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Whether an executable is a code object at all.
///
/// # Safety
/// `executable` must be null or an object.
#[inline]
pub unsafe fn is_code(python: &Interpreter, executable: Address) -> bool {
    // SAFETY: every object begins with its reference count and its type.
    !executable.is_null() && unsafe { executable.pointer(TYPE) } == python.code_type
}

/// The number of a code object, which is defined on its first use.
///
/// # Safety
/// `code` must be a living code object.
#[cold]
pub unsafe fn number(python: &Interpreter, code: Address) -> u32 {
    allocators::hook_again();
    // SAFETY: passed on to the caller.
    preserving_errno(|| unsafe { find_or_define(python, code) })
}

/// # Safety
/// `code` must be a living code object.
unsafe fn find_or_define(python: &Interpreter, code: Address) -> u32 {
    let mut known = hold();
    let known = known.get_or_insert_default();
    if let Some(&number) = known.numbers.get(&code) {
        return number;
    }
    if known.numbers.try_reserve(1).is_err() {
        buffer::stop(libc::ENOMEM);
        return SHIM;
    }
    // SAFETY: the caller vouches for the code object; its strings and its line table never change.
    let number = unsafe {
        if is_shim(&python.layout, code) {
            SHIM
        } else {
            known.last += 1;
            let read = read(&python.layout, code);
            who::note(code, &read.file, &read.function);
            definitions::define(&Definition::Code(known.last, read));
            known.last
        }
    };
    known.numbers.insert(code, number);
    number
}

/// The interpreter puts frames of its own between those of Python functions: where C calls Python
/// ("<interpreter trampoline>" in 3.12) and behind an inlined `__init__`. `sys._getframe` passes over them
/// because their first traceable instruction lies behind their end.
///
/// # Safety
/// `code` must be a living code object.
unsafe fn is_shim(layout: &Layout, code: Address) -> bool {
    let Some(first_traceable) = layout.code.first_traceable else { return false };
    // SAFETY: these are fields of every code object.
    unsafe {
        let instructions: i64 = code.read(SIZE);
        i64::from(code.read::<i32>(first_traceable)) >= instructions
            || code.read::<i32>(layout.code.first_line) == 0
            || text(layout, code.pointer(layout.code.name)) == "<interpreter trampoline>"
    }
}

/// # Safety
/// `code` must be a living code object.
unsafe fn read(layout: &Layout, code: Address) -> Code {
    // SAFETY: these are fields of every code object; `co_linetable` is a bytes object.
    unsafe {
        let line_table = code.pointer(layout.code.line_table);
        Code {
            file: text(layout, code.pointer(layout.code.file)),
            function: text(layout, code.pointer(layout.code.qualified_name)),
            first_line: code.read::<i32>(layout.code.first_line).try_into().unwrap_or(0),
            line_table: line_table.bytes(CONTENT, line_table.read(SIZE)).to_vec(),
            lines: Lines::Own,
        }
    }
}

/// The text of a string object; lone surrogates are replaced.
///
/// # Safety
/// `string` must be a living `str`.
pub unsafe fn text(layout: &Layout, string: Address) -> String {
    // SAFETY: the state says how wide the characters are and where they lie: behind the head, or, in a
    // subclass of `str`, which file names may well be, wherever its last field points.
    unsafe {
        let length: usize = string.read(SIZE);
        let state: u32 = string.read(CONTENT);
        let (width, compact, ascii) = (state >> 2 & 7, state >> 5 & 1 != 0, state >> 6 & 1 != 0);
        let data = match (compact, ascii) {
            (true, true) => string.plus(layout.ascii),
            (true, false) => string.plus(layout.compact),
            (false, _) => string.pointer(layout.compact),
        };
        if data.is_null() {
            return String::new();
        }
        let character = |index: usize| match width {
            1 => u32::from(data.read::<u8>(index)),
            2 => u32::from(data.read::<u16>(2 * index)),
            _ => data.read::<u32>(4 * index),
        };
        (0..length)
            .map(|index| char::from_u32(character(index)).unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }
}

type Dealloc = unsafe extern "C" fn(Address);

/// Puts [`dealloc`] in front of the one that code objects have, unless it is there.
pub fn watch(code_type: Address) {
    let ours: Dealloc = dealloc;
    // SAFETY: `PyCode_Type` is a static type object in writable memory. Who uses it at this moment reads the one
    // address or the other.
    unsafe {
        let there: usize = code_type.read(DEALLOC);
        if there == ours as usize {
            return;
        }
        DEALLOC_BEFORE.store(there, Ordering::Release);
        (code_type.plus(DEALLOC).0 as *mut Dealloc).write(ours);
    }
}

unsafe extern "C" fn dealloc(code: Address) {
    if active() {
        forget(code);
    }
    let before = DEALLOC_BEFORE.load(Ordering::Acquire);
    // SAFETY: it was read from the slot that this function took, so it is the dealloc of code objects.
    unsafe { std::mem::transmute::<usize, Dealloc>(before)(code) }
}

fn forget(code: Address) {
    // What the table frees is not the program's.
    let _inside = Inside::enter();
    let mut known = preserving_errno(hold);
    if known.as_mut().is_some_and(|known| known.numbers.remove(&code).is_some()) {
        who::forget(code);
        GENERATION.fetch_add(1, Ordering::Release);
    }
}

/// Addresses of objects are spread well once mixed.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_usize(byte.into());
        }
    }
    fn write_usize(&mut self, word: usize) {
        let mixed = (self.0 ^ word as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ mixed >> 29;
    }
}
