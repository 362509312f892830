//! Memory and numbers inside objects: array buffers, and objects that carry a handle of the host.

use std::ptr::NonNull;

use rquickjs_sys as js;

use super::runtime::Hooks;
use super::{Context, Result, Value, size};

impl Value {
    /// Lets `read` see the bytes of an `ArrayBuffer` or `Uint8Array`. Shared ones, which other threads may write
    /// meanwhile, are a `TypeError`, as they are to the functions of browsers that come here.
    ///
    /// `read` must not run JavaScript, which could free them; it is not given the means to.
    pub(crate) fn with_bytes<R>(&self, read: impl FnOnce(&mut [u8]) -> R) -> Result<R> {
        let (start, length) = self.bytes()?;
        if length == 0 {
            return Ok(read(&mut []));
        }
        if super::shared::is_shared(start) {
            return Err(self.context().type_error("the bytes are shared with other threads"));
        }
        // SAFETY: the engine says that the bytes lie there; they stay while no JavaScript runs,
        // and nobody else holds a Rust reference to them.
        Ok(read(unsafe { std::slice::from_raw_parts_mut(start, length) }))
    }

    /// Copies all of `source`'s bytes to `offset` here, as `memmove` does. False when they do not fit.
    pub(crate) fn copy_bytes(&self, source: &Value, offset: usize) -> Result<bool> {
        let (from, count) = source.bytes()?;
        let (to, length) = self.bytes()?;
        if offset.checked_add(count).is_none_or(|end| end > length) {
            return Ok(false);
        }
        if count > 0 {
            // SAFETY: both ranges were just checked; they may overlap.
            unsafe { std::ptr::copy(from, to.add(offset), count) };
        }
        Ok(true)
    }

    fn bytes(&self) -> Result<(*mut u8, usize)> {
        let context = self.context();
        let mut length = 0;
        // SAFETY: the value is alive in both branches; `length` is written only.
        let start = unsafe {
            if js::JS_IsArrayBuffer(self.raw()) {
                js::JS_GetArrayBuffer(context.raw(), &raw mut length, self.raw())
            } else {
                js::JS_GetUint8Array(context.raw(), &raw mut length, self.raw())
            }
        };
        // An empty buffer may have no address; only an exception makes the difference.
        // SAFETY: the context is alive.
        if start.is_null() && unsafe { js::JS_HasException(context.raw()) } {
            return Err(context.exception());
        }
        Ok((start, if start.is_null() { 0 } else { size(length) }))
    }

    /// Makes an `ArrayBuffer` empty for good, as growing a memory does.
    pub(crate) fn detach(&self) {
        // SAFETY: the value is alive; other values are left alone by the engine.
        unsafe { js::JS_DetachArrayBuffer(self.context().raw(), self.raw()) };
    }
}

impl Context {
    /// An `ArrayBuffer` over memory that is not the engine's.
    ///
    /// # Safety
    /// The `length` bytes at `start` must stay there until the buffer is detached or the engine ends.
    pub(crate) unsafe fn external_buffer(self, start: *mut u8, length: usize) -> Result<Value> {
        // SAFETY: the caller vouches for the memory; without a free function the engine leaves it alone.
        let raw = unsafe {
            js::JS_NewArrayBuffer(
                self.raw(),
                start,
                length as js::size_t,
                0,
                None,
                std::ptr::null_mut(),
                false,
            )
        };
        self.take(raw)
    }
}

/// Objects of a class that only the host can make, each carrying one handle.
///
/// Reading the handle runs no JavaScript, not even for a `Proxy`, unlike a property.
pub(crate) struct Handles;

impl Handles {
    /// An object with `prototype` that carries `handle`.
    pub(crate) fn wrap(prototype: &Value, handle: usize) -> Result<Value> {
        let context = prototype.context();
        let class = Hooks::of(context).handle_class.get();
        // SAFETY: the class is defined; an object of it is made.
        let object =
            context.take(unsafe { js::JS_NewObjectProtoClass(context.raw(), prototype.raw(), class) })?;
        // SAFETY: the object is of our class, whose opaque field holds a number, never an address.
        unsafe { js::JS_SetOpaque(object.raw(), std::ptr::without_provenance_mut(handle + 1)) };
        Ok(object)
    }

    /// The handle that `value` carries, if it is such an object.
    pub(crate) fn of(value: &Value) -> Option<usize> {
        let class = Hooks::of(value.context()).handle_class.get();
        // SAFETY: anything but an object of the class gives null.
        unsafe { js::JS_GetOpaque(value.raw(), class) }.addr().checked_sub(1)
    }

    /// Handles whose objects are gone since the last call.
    pub(crate) fn released(context: Context) -> Vec<usize> {
        Hooks::of(context).released_handles.take()
    }
}

pub(super) fn define_class(runtime: NonNull<js::JSRuntime>) -> js::JSClassID {
    let definition = js::JSClassDef {
        class_name: c"Exception".as_ptr(),
        finalizer: Some(finalize),
        gc_mark: None,
        call: None,
        exotic: std::ptr::null_mut(),
    };
    let mut class = 0;
    // SAFETY: the runtime is alive; the engine copies the definition.
    unsafe {
        js::JS_NewClassID(runtime.as_ptr(), &raw mut class);
        js::JS_NewClass(runtime.as_ptr(), class, &raw const definition);
    }
    class
}

unsafe extern "C" fn finalize(runtime: *mut js::JSRuntime, value: js::JSValue) {
    // SAFETY: the engine passes its own runtime, and an object of our class.
    let (hooks, handle) = unsafe {
        let hooks = Hooks::of_runtime(runtime);
        (hooks, js::JS_GetOpaque(value, hooks.handle_class.get()).addr())
    };
    if let Some(handle) = handle.checked_sub(1) {
        hooks.released_handles.borrow_mut().push(handle);
    }
}
