//! Values on their way from one engine to another, as bytes. Only plain data can go: what else there is, the
//! scripts have put into plain data before (`js/messages.js`).

use rquickjs_sys as js;

use super::shared::Shared;
use super::{Context, Result, Value, size};

/// A copy of a value that belongs to no engine.
#[derive(Debug)]
pub(crate) struct Cloned {
    bytes: Vec<u8>,
    /// Keeps the shared memory that the bytes mean by address.
    _shared: Vec<Shared>,
}

const WRITE: i32 = (js::JS_WRITE_OBJ_SAB | js::JS_WRITE_OBJ_REFERENCE).cast_signed();
const READ: i32 = (js::JS_READ_OBJ_SAB | js::JS_READ_OBJ_REFERENCE).cast_signed();

impl Context {
    /// A copy of `value` for another engine; a `TypeError` when something in it is no plain data.
    pub(crate) fn write_clone(self, value: &Value) -> Result<Cloned> {
        let mut length = 0;
        let mut table = js::JSSABTab { tab: std::ptr::null_mut(), len: 0 };
        // SAFETY: all are alive; both results are written only, and ours to free.
        let bytes =
            unsafe { js::JS_WriteObject2(self.raw(), &raw mut length, value.raw(), WRITE, &raw mut table) };
        if bytes.is_null() {
            return Err(self.exception());
        }
        // SAFETY: the engine says how long the buffer is; it is ours until it is freed below.
        let copy = unsafe { std::slice::from_raw_parts(bytes, size(length)) }.to_vec();
        let count = if table.tab.is_null() { 0 } else { size(table.len) };
        // The value still holds every one of them, so all are found.
        // SAFETY: the table has that many addresses.
        let shared = (0..count).filter_map(|at| Shared::at(unsafe { *table.tab.add(at) })).collect();
        // SAFETY: both came from the engine's allocator and are not used again; null is fine.
        unsafe {
            js::js_free(self.raw(), bytes.cast());
            js::js_free(self.raw(), table.tab.cast());
        }
        Ok(Cloned { bytes: copy, _shared: shared })
    }

    /// The value of which `cloned` is a copy.
    pub(crate) fn read_clone(self, cloned: &Cloned) -> Result<Value> {
        let length = cloned.bytes.len() as js::size_t;
        // SAFETY: the bytes are those of `write_clone` by the same version of the engine, and have no code in
        // them; the shared memory they mean is kept by `cloned`.
        let raw = unsafe { js::JS_ReadObject(self.raw(), cloned.bytes.as_ptr(), length, READ) };
        self.take(raw)
    }
}
