//! The bytes of `SharedArrayBuffer`s. Engines on several threads have them in common, so they belong to none:
//! each is kept here, by its address, for as long as any buffer or message means it.
//! Must not know what is shared, nor who waits for it.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rquickjs_sys as js;

use super::Value;

/// As strict as any typed array needs.
const ALIGNMENT: usize = 16;

/// One stretch of shared memory.
struct Block {
    layout: Layout,
    /// How much of it JavaScript may see: a growable buffer has room for more.
    visible: AtomicUsize,
    /// How many buffers and messages mean it.
    uses: usize,
}

/// By address.
static BLOCKS: Mutex<BTreeMap<usize, Block>> = Mutex::new(BTreeMap::new());

fn blocks() -> MutexGuard<'static, BTreeMap<usize, Block>> {
    BLOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How an engine gets, shares and gives back the memory of its `SharedArrayBuffer`s.
pub(super) fn functions() -> js::JSSharedArrayBufferFunctions {
    js::JSSharedArrayBufferFunctions {
        sab_alloc: Some(allocate),
        sab_free: Some(release),
        sab_dup: Some(retain),
        sab_opaque: std::ptr::null_mut(),
    }
}

unsafe extern "C" fn allocate(_opaque: *mut c_void, bytes: js::size_t) -> *mut c_void {
    let Ok(layout) = Layout::from_size_align(super::size(bytes).max(1), ALIGNMENT) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the layout is not empty.
    let Some(start) = NonNull::new(unsafe { alloc_zeroed(layout) }) else { return std::ptr::null_mut() };
    blocks().insert(start.addr().get(), Block { layout, visible: AtomicUsize::new(0), uses: 1 });
    start.as_ptr().cast()
}

unsafe extern "C" fn retain(_opaque: *mut c_void, start: *mut c_void) {
    if let Some(block) = blocks().get_mut(&start.addr()) {
        block.uses += 1;
    }
}

unsafe extern "C" fn release(_opaque: *mut c_void, start: *mut c_void) {
    let mut blocks = blocks();
    let Some(block) = blocks.get_mut(&start.addr()) else { return };
    block.uses -= 1;
    if block.uses > 0 {
        return;
    }
    let layout = block.layout;
    blocks.remove(&start.addr());
    // SAFETY: `allocate` made it with this layout, and nothing means it any more.
    unsafe { dealloc(start.cast(), layout) };
}

/// Whether the byte at `start` belongs to a `SharedArrayBuffer`, so that another thread may write it any time.
pub(super) fn is_shared(start: *const u8) -> bool {
    let blocks = blocks();
    let before = blocks.range(..=start.addr()).next_back();
    before.is_some_and(|(first, block)| start.addr() - first < block.layout.size())
}

/// Shared memory that a value means; it stays while this is kept.
#[derive(Debug)]
pub(crate) struct Shared {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it counts as one more use of memory that is there to be used by several threads, by atomic
// operations alone as far as Rust is concerned.
unsafe impl Send for Shared {}
// SAFETY: as above; what it has besides the memory never changes.
unsafe impl Sync for Shared {}

impl Shared {
    /// The block at `start`, kept.
    pub(super) fn at(start: *mut u8) -> Option<Shared> {
        let mut blocks = blocks();
        let block = blocks.get_mut(&start.addr())?;
        block.uses += 1;
        Some(Shared { start: NonNull::new(start)?, bytes: block.layout.size() })
    }

    /// The memory of a `SharedArrayBuffer`; nothing for any other value.
    pub(crate) fn of(value: &Value) -> Option<Shared> {
        if !value.is_object() {
            return None;
        }
        let context = value.context();
        let mut length = 0;
        // SAFETY: all are alive; `length` is written only.
        let start = unsafe { js::JS_GetArrayBuffer(context.raw(), &raw mut length, value.raw()) };
        // SAFETY: the context is alive.
        if start.is_null() && unsafe { js::JS_HasException(context.raw()) } {
            // It is no buffer at all.
            drop(context.exception());
        }
        Shared::at(start)
    }

    /// What it is known by: the same for every thread.
    pub(crate) fn address(&self) -> usize {
        self.start.addr().get()
    }

    /// How many bytes any thread has ever made visible, once this one has seen `visible` of them.
    pub(crate) fn grown(&self, visible: usize) -> usize {
        match blocks().get(&self.address()) {
            Some(block) => block.visible.fetch_max(visible, Ordering::SeqCst).max(visible),
            None => visible,
        }
    }

    /// The 32 bits at `offset`, which must be a multiple of 4.
    pub(crate) fn load_i32(&self, offset: usize) -> Option<i32> {
        let at = self.place(offset, size_of::<i32>())?;
        // SAFETY: inside the block, which is kept, and aligned; all of Rust's accesses are atomic.
        Some(unsafe { AtomicI32::from_ptr(at.cast()) }.load(Ordering::SeqCst))
    }

    /// The 64 bits at `offset`, which must be a multiple of 8.
    pub(crate) fn load_i64(&self, offset: usize) -> Option<i64> {
        let at = self.place(offset, size_of::<i64>())?;
        // SAFETY: as above.
        Some(unsafe { AtomicI64::from_ptr(at.cast()) }.load(Ordering::SeqCst))
    }

    fn place(&self, offset: usize, size: usize) -> Option<*mut u8> {
        let fits = offset.is_multiple_of(size) && offset.checked_add(size)? <= self.bytes;
        // SAFETY: inside the block.
        fits.then(|| unsafe { self.start.as_ptr().add(offset) })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: gives back the one use that `at` took.
        unsafe { release(std::ptr::null_mut(), self.start.as_ptr().cast()) };
    }
}
