//! The allocator beneath the hooks. It is libc's, under the names that cannot be interposed, so that
//! nothing has to be looked up first; or another one that the program brings along (jemalloc and the
//! like): that one stays in use. Must not know that anything is recorded.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::guard::Inside;
use crate::{buffer, hooks, late};

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    fn __libc_valloc(size: usize) -> *mut c_void;
    fn __libc_pvalloc(size: usize) -> *mut c_void;
    fn __sbrk(increment: libc::intptr_t) -> *mut c_void;
}

/// An allocator that stands between this library and libc.
struct Other {
    malloc: unsafe extern "C" fn(usize) -> *mut c_void,
    calloc: unsafe extern "C" fn(usize, usize) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    posix_memalign: unsafe extern "C" fn(*mut *mut c_void, usize, usize) -> c_int,
    aligned_alloc: unsafe extern "C" fn(usize, usize) -> *mut c_void,
    memalign: unsafe extern "C" fn(usize, usize) -> *mut c_void,
    valloc: unsafe extern "C" fn(usize) -> *mut c_void,
    pvalloc: unsafe extern "C" fn(usize) -> *mut c_void,
}

/// True once it is known that there is no other.
static LIBC_IS_NEXT: AtomicBool = AtomicBool::new(false);
static OTHER: OnceLock<Other> = OnceLock::new();

#[inline]
fn other() -> Option<&'static Other> {
    if LIBC_IS_NEXT.load(Ordering::Relaxed) { None } else { find_other() }
}

#[cold]
fn find_other() -> Option<&'static Other> {
    if let Some(other) = OTHER.get() {
        return Some(other);
    }
    if next(c"malloc") == __libc_malloc as *const () as usize {
        LIBC_IS_NEXT.store(true, Ordering::Relaxed);
        return None;
    }
    // SAFETY: these are functions with these signatures, in whatever library comes next; libc has them all.
    let other = unsafe {
        use std::mem::transmute;
        Other {
            malloc: transmute::<usize, unsafe extern "C" fn(usize) -> *mut c_void>(next(c"malloc")),
            calloc: transmute::<usize, unsafe extern "C" fn(usize, usize) -> *mut c_void>(next(c"calloc")),
            realloc: transmute::<usize, unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void>(next(
                c"realloc",
            )),
            free: transmute::<usize, unsafe extern "C" fn(*mut c_void)>(next(c"free")),
            posix_memalign: transmute::<usize, unsafe extern "C" fn(*mut *mut c_void, usize, usize) -> c_int>(
                next(c"posix_memalign"),
            ),
            aligned_alloc: transmute::<usize, unsafe extern "C" fn(usize, usize) -> *mut c_void>(next(
                c"aligned_alloc",
            )),
            memalign: transmute::<usize, unsafe extern "C" fn(usize, usize) -> *mut c_void>(next(
                c"memalign",
            )),
            valloc: transmute::<usize, unsafe extern "C" fn(usize) -> *mut c_void>(next(c"valloc")),
            pvalloc: transmute::<usize, unsafe extern "C" fn(usize) -> *mut c_void>(next(c"pvalloc")),
        }
    };
    // Another thread may have been faster, with the same.
    let _ = OTHER.set(other);
    OTHER.get()
}

/// True where the library was loaded when the program ran already.
static LATE: AtomicBool = AtomicBool::new(false);

/// Whether the program calls its functions where this library puts its own in between, and not by their names.
pub fn is_late() -> bool {
    LATE.load(Ordering::Relaxed)
}

/// Says that the program runs already, unless it finds this library's functions by their names all the same.
pub fn come_late() {
    LATE.store(everybodys(c"malloc") != hooks::MALLOC as *const () as usize, Ordering::Relaxed);
}

/// What `name` would be without this library. Finding it does not allocate.
pub fn next(name: &CStr) -> usize {
    if is_late() {
        return late::definition(name).unwrap_or(0);
    }
    // SAFETY: the name is a C string; nothing is called.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) as usize }
}

/// What the program finds under `name`.
pub fn everybodys(name: &CStr) -> usize {
    // SAFETY: the name is a C string; nothing is called.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) as usize }
}

/// The function of the other allocator, whose own mappings are not the program's, or libc's.
macro_rules! beneath {
    ($other:ident($($argument:expr),*), $libc:expr) => {
        match other() {
            None => $libc,
            Some(other) => {
                let _inside = Inside::enter();
                (other.$other)($($argument),*)
            }
        }
    };
}

/// # Safety
/// As C says of `malloc`; so do those that follow.
#[inline]
pub unsafe fn malloc(size: usize) -> *mut c_void {
    // SAFETY: passed on to the caller, here and below.
    unsafe { beneath!(malloc(size), __libc_malloc(size)) }
}

#[inline]
pub unsafe fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    unsafe { beneath!(calloc(count, size), __libc_calloc(count, size)) }
}

#[inline]
pub unsafe fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    unsafe { beneath!(realloc(block, size), __libc_realloc(block, size)) }
}

#[inline]
pub unsafe fn free(block: *mut c_void) {
    // SAFETY: see `malloc`.
    unsafe { beneath!(free(block), __libc_free(block)) }
}

/// The block is the answer, null when there is none; the alignment is a valid one.
pub unsafe fn posix_memalign(alignment: usize, size: usize) -> *mut c_void {
    let mut block = std::ptr::null_mut();
    // SAFETY: see `malloc`; the answer goes to a local.
    unsafe {
        let failed = beneath!(posix_memalign(&raw mut block, alignment, size), {
            block = __libc_memalign(alignment, size);
            0
        });
        if failed == 0 { block } else { std::ptr::null_mut() }
    }
}

pub unsafe fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    unsafe { beneath!(aligned_alloc(alignment, size), __libc_memalign(alignment, size)) }
}

pub unsafe fn memalign(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    unsafe { beneath!(memalign(alignment, size), __libc_memalign(alignment, size)) }
}

pub unsafe fn valloc(size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    unsafe { beneath!(valloc(size), __libc_valloc(size)) }
}

pub unsafe fn pvalloc(size: usize) -> *mut c_void {
    // SAFETY: see `malloc`.
    unsafe { beneath!(pvalloc(size), __libc_pvalloc(size)) }
}

/// # Safety
/// The caller answers for what lies between the old break and the new one.
pub unsafe fn sbrk(increment: libc::intptr_t) -> *mut c_void {
    // SAFETY: passed on to the caller.
    unsafe { __sbrk(increment) }
}

type Brk = unsafe extern "C" fn(*mut c_void) -> c_int;

/// # Safety
/// As for [`sbrk`].
pub unsafe fn brk(new: *mut c_void) -> c_int {
    // SAFETY: it is a function with this signature; the rest is passed on to the caller.
    unsafe { std::mem::transmute::<usize, Brk>(next(c"brk"))(new) }
}

type SetName = unsafe extern "C" fn(libc::pthread_t, *const c_char) -> c_int;

/// # Safety
/// As POSIX says of it.
pub unsafe fn pthread_setname_np(thread: libc::pthread_t, name: *const c_char) -> c_int {
    // SAFETY: it is a function with this signature; the caller answers for the arguments.
    unsafe { std::mem::transmute::<usize, SetName>(next(c"pthread_setname_np"))(thread, name) }
}

/// What this library itself allocates with: never through its own hooks, and always libc's.
struct Own;

#[global_allocator]
static OWN: Own = Own;

/// What `malloc` aligns to anyway.
const MALLOC_ALIGNMENT: usize = 16;

// SAFETY: libc's allocator keeps the promises of GlobalAlloc, given the alignment it is asked for; so does
// the reserve.
unsafe impl GlobalAlloc for Own {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: both take any size; the alignment of a Layout is a power of two.
        let block: *mut u8 = unsafe {
            if layout.align() <= MALLOC_ALIGNMENT {
                __libc_malloc(layout.size()).cast()
            } else {
                __libc_memalign(layout.align(), layout.size()).cast()
            }
        };
        if block.is_null() { RESERVE.alloc(layout) } else { block }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        if !RESERVE.holds(block) {
            // SAFETY: the caller got the block from `alloc`, and it is not from the reserve.
            unsafe { __libc_free(block.cast()) }
        }
    }
}

/// Memory for the last steps when there is no other: a program may well live on without, so this library
/// must not end it, only the recording.
struct Reserve {
    bytes: UnsafeCell<[u8; RESERVE_SIZE]>,
    used: AtomicUsize,
}

const RESERVE_SIZE: usize = 1 << 20;
static RESERVE: Reserve = Reserve { bytes: UnsafeCell::new([0; RESERVE_SIZE]), used: AtomicUsize::new(0) };

// SAFETY: no two callers are given the same bytes.
unsafe impl Sync for Reserve {}

impl Reserve {
    #[cold]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        buffer::stop(libc::ENOMEM);
        let used = self.used.fetch_add(layout.size() + layout.align(), Ordering::Relaxed);
        let base = self.bytes.get() as usize;
        let block = (base + used).next_multiple_of(layout.align());
        if block + layout.size() <= base + RESERVE_SIZE { block as *mut u8 } else { std::ptr::null_mut() }
    }

    fn holds(&self, block: *mut u8) -> bool {
        (block as usize).wrapping_sub(self.bytes.get() as usize) < RESERVE_SIZE
    }
}
