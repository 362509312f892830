//! Python's own allocators (`PyMem_RawMalloc`, `PyMem_Malloc`, `PyObject_Malloc` and their like), with hooks
//! in front. What they get from libc or the system for it is then not recorded: it would count twice.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use memtrace_wire::Allocator as By;

use crate::python::symbol;
use crate::recorder::{self, Gone};
use crate::word::Address;

/// `PyMemAllocatorEx`
#[derive(Clone, Copy)]
#[repr(C)]
struct Allocator {
    context: *mut c_void,
    malloc: Option<unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void>,
    calloc: Option<unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void>,
    realloc: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void>,
    free: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
}

const NONE: Allocator =
    Allocator { context: std::ptr::null_mut(), malloc: None, calloc: None, realloc: None, free: None };

/// `PyMemAllocatorDomain`: raw, memory, objects.
const DOMAINS: usize = 3;
const RAW: usize = 0;

/// The allocators beneath the hooks: those of before `main`, and those of the second time.
struct Beneath(UnsafeCell<[[Allocator; DOMAINS]; 2]>);

// SAFETY: written only in `hook`, each set once before the hooks that use it are in place.
unsafe impl Sync for Beneath {}

static BENEATH: Beneath = Beneath(UnsafeCell::new([[NONE; DOMAINS]; 2]));
static WANTED: AtomicBool = AtomicBool::new(false);
static CHECKED: AtomicBool = AtomicBool::new(false);

/// Puts the hooks in front of the allocators that the interpreter begins with.
pub fn hook() {
    WANTED.store(true, Ordering::Relaxed);
    hook_as(0);
}

/// The interpreter may have been told to use others (`PYTHONMALLOC`, `-X dev`), which it does before it runs
/// any code: then the hooks go in front of those. To be called when there is a first frame.
#[cold]
pub fn hook_again() {
    if WANTED.load(Ordering::Relaxed) && !CHECKED.swap(true, Ordering::Relaxed) {
        hook_as(1);
    }
}

/// Puts the hooks in front of the allocators of an interpreter that runs, by a thread that holds the GIL. The raw
/// allocator is used without the GIL, so it stays: libc's, whose hooks are in place, is behind it.
pub fn hook_late() {
    CHECKED.store(true, Ordering::Relaxed);
    if has_gil() {
        hook_domains(0, RAW + 1..DOMAINS);
    }
}

/// Whether this thread holds the GIL: without it, another may be using an allocator at this moment.
fn has_gil() -> bool {
    symbol(c"PyGILState_Check").is_some_and(|check| {
        // SAFETY: it is a function with this signature, which may be called by any thread.
        unsafe { std::mem::transmute::<Address, unsafe extern "C" fn() -> c_int>(check)() != 0 }
    })
}

/// Takes away what [`hook_late`] put there; by a thread that does not hold the GIL it is left, and records nothing.
pub fn unhook() {
    let Some((get, set)) = accessors().filter(|_| has_gil()) else { return };
    for number in (0..).take(DOMAINS) {
        let mut there = NONE;
        let ours: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void = malloc;
        // SAFETY: the place for the answer is a local; where the hooks are, the context points to what was there
        // before them.
        unsafe {
            get(number, &raw mut there);
            if there.malloc.is_some_and(|malloc| malloc as usize == ours as usize) {
                set(number, there.context.cast());
            }
        }
    }
}

type Get = unsafe extern "C" fn(c_int, *mut Allocator);
type Set = unsafe extern "C" fn(c_int, *const Allocator);

fn accessors() -> Option<(Get, Set)> {
    let (get, set) = (symbol(c"PyMem_GetAllocator")?, symbol(c"PyMem_SetAllocator")?);
    // SAFETY: these are functions with these signatures, which may be called before the interpreter begins.
    Some(unsafe { (std::mem::transmute::<Address, Get>(get), std::mem::transmute::<Address, Set>(set)) })
}

fn hook_as(time: usize) {
    hook_domains(time, RAW..DOMAINS);
}

fn hook_domains(time: usize, domains: Range<usize>) {
    let Some((get, set)) = accessors() else { return };
    for (domain, number) in (0..DOMAINS).zip(0..).filter(|(domain, _)| domains.contains(domain)) {
        let mut there = NONE;
        // SAFETY: the place for the answer is a local; what is set stays where it is for good, and nobody
        // reads it before it is set.
        unsafe {
            get(number, &raw mut there);
            let ours: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void = malloc;
            if there.malloc.is_none_or(|malloc| malloc as usize == ours as usize) {
                continue;
            }
            let beneath = (*BENEATH.0.get()).as_mut_ptr().add(time).cast::<Allocator>().add(domain);
            *beneath = there;
            let hooks = Allocator {
                context: beneath.cast(),
                malloc: Some(malloc),
                calloc: Some(calloc),
                realloc: Some(realloc),
                free: Some(free),
            };
            set(number, &raw const hooks);
        }
    }
}

/// # Safety
/// `context` must be what `hook_as` gave, so that all four functions are there.
#[inline]
unsafe fn beneath<'a>(context: *mut c_void) -> &'a Allocator {
    // SAFETY: it points into `BENEATH`, where nothing is written any more.
    unsafe { &*context.cast::<Allocator>() }
}

unsafe extern "C" fn malloc(context: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the interpreter hands over the context that it was given, here and below.
    let Allocator { context, malloc: Some(malloc), .. } = *(unsafe { beneath(context) }) else {
        return std::ptr::null_mut();
    };
    // SAFETY: any size will do.
    recorder::allocating(By::PyMalloc, size, || unsafe { malloc(context, size) })
}

unsafe extern "C" fn calloc(context: *mut c_void, count: usize, size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    let Allocator { context, calloc: Some(calloc), .. } = *(unsafe { beneath(context) }) else {
        return std::ptr::null_mut();
    };
    // SAFETY: any sizes will do; where the product overflows the answer is null.
    recorder::allocating(By::PyCalloc, count.wrapping_mul(size), || unsafe { calloc(context, count, size) })
}

unsafe extern "C" fn realloc(context: *mut c_void, block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    let Allocator { context, realloc: Some(realloc), .. } = *(unsafe { beneath(context) }) else {
        return std::ptr::null_mut();
    };
    let reserved = recorder::reserve();
    // SAFETY: the interpreter answers for the block. As long as `reserved` is there, nothing is recorded.
    let moved = unsafe { realloc(context, block, size) };
    // Never asked for nothing: Python asks for one byte instead. So null means that the block is still there.
    if let Some(reserved) = reserved
        && !moved.is_null()
    {
        let gone = if block.is_null() { Gone::Nothing } else { Gone::Block(block) };
        reserved.exchanged(gone, By::PyRealloc, moved, size);
    }
    moved
}

unsafe extern "C" fn free(context: *mut c_void, block: *mut c_void) {
    // SAFETY: see `malloc`.
    let Allocator { context, free: Some(free), .. } = *(unsafe { beneath(context) }) else { return };
    if !block.is_null() {
        // SAFETY: the interpreter answers for the block.
        recorder::freeing(block, || unsafe { free(context, block) });
    }
}
