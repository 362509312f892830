//! Makes values, evaluates text, throws.

use std::ffi::{CString, c_int};
use std::ptr::NonNull;

use rquickjs_sys as js;

use super::{Result, Thrown, Value, size};

/// The global scope scripts run in; a handle that is free to copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context(NonNull<js::JSContext>);

/// C cannot see behind a NUL character, so one is replaced as a browser's parser would.
pub(super) fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default())
}

const fn flag(bits: u32) -> c_int {
    bits.cast_signed()
}

impl Context {
    pub(super) fn new(raw: NonNull<js::JSContext>) -> Context {
        Context(raw)
    }

    pub(super) fn raw(self) -> *mut js::JSContext {
        self.0.as_ptr()
    }

    /// Takes over what a C function returned: a value, or the mark of an exception.
    pub(super) fn take(self, raw: js::JSValue) -> Result<Value> {
        // SAFETY: reads the tag only.
        if unsafe { js::JS_IsException(raw) } { Err(self.exception()) } else { Ok(Value::owned(self, raw)) }
    }

    /// Turns a C function's status into a result.
    pub(super) fn checked(self, status: c_int) -> Result<()> {
        if status < 0 { Err(self.exception()) } else { Ok(()) }
    }

    /// Takes the pending exception.
    pub(super) fn exception(self) -> Thrown {
        // SAFETY: the context is alive; the exception becomes ours.
        Thrown(Value::owned(self, unsafe { js::JS_GetException(self.raw()) }))
    }

    /// Marks `thrown` as pending, for a C function that then returns the mark of an exception.
    pub(super) fn raise(self, thrown: Thrown) -> js::JSValue {
        // SAFETY: the engine takes the value over.
        unsafe { js::JS_Throw(self.raw(), thrown.0.into_raw()) }
    }

    pub(crate) fn undefined(self) -> Value {
        Value::owned(self, js::JS_UNDEFINED)
    }

    pub(crate) fn null(self) -> Value {
        Value::owned(self, js::JS_NULL)
    }

    pub(crate) fn boolean(self, truth: bool) -> Value {
        Value::owned(self, js::JS_MKVAL(js::JS_TAG_BOOL, i32::from(truth)))
    }

    pub(crate) fn int(self, number: i32) -> Value {
        Value::owned(self, js::JS_MKVAL(js::JS_TAG_INT, number))
    }

    pub(crate) fn number(self, number: f64) -> Value {
        Value::owned(self, js::JS_NewFloat64(number))
    }

    /// A size or index, which JavaScript keeps as a double too.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, beyond any size there is")]
    pub(crate) fn count(self, count: usize) -> Value {
        self.number(count as f64)
    }

    pub(crate) fn big_int(self, number: i64) -> Value {
        // SAFETY: the context is alive.
        Value::owned(self, unsafe { js::JS_NewBigInt64(self.raw(), number) })
    }

    pub(crate) fn string(self, text: &str) -> Value {
        // SAFETY: the engine copies `text`.
        let raw = unsafe { js::JS_NewStringLen(self.raw(), text.as_ptr().cast(), text.len() as js::size_t) };
        Value::owned(self, raw)
    }

    /// An array of `items`, in order.
    pub(crate) fn array(self, items: impl IntoIterator<Item = Value>) -> Value {
        // SAFETY: the context is alive.
        let array = Value::owned(self, unsafe { js::JS_NewArray(self.raw()) });
        for (index, item) in (0..).zip(items) {
            // SAFETY: the engine takes the item over; a fresh array refuses none.
            unsafe { js::JS_SetPropertyUint32(self.raw(), array.raw(), index, item.into_raw()) };
        }
        array
    }

    pub(crate) fn object(self) -> Value {
        // SAFETY: the context is alive.
        Value::owned(self, unsafe { js::JS_NewObject(self.raw()) })
    }

    /// A new `ArrayBuffer` with a copy of `bytes`.
    pub(crate) fn array_buffer(self, bytes: &[u8]) -> Value {
        // SAFETY: the engine copies `bytes`.
        let raw = unsafe { js::JS_NewArrayBufferCopy(self.raw(), bytes.as_ptr(), bytes.len() as js::size_t) };
        Value::owned(self, raw)
    }

    /// `JSON.parse(text)`
    pub(crate) fn parse_json(self, text: &str) -> Result<Value> {
        let terminated = c_string(text);
        let length = terminated.as_bytes().len() as js::size_t;
        // SAFETY: the text is terminated, as the parser wants it, and borrowed.
        let raw = unsafe { js::JS_ParseJSON(self.raw(), terminated.as_ptr(), length, c"json".as_ptr()) };
        self.take(raw)
    }

    /// `globalThis`
    pub(crate) fn global(self) -> Value {
        // SAFETY: the context is alive.
        Value::owned(self, unsafe { js::JS_GetGlobalObject(self.raw()) })
    }

    /// Evaluates a classic script; the value is that of its last statement.
    pub(crate) fn evaluate(self, source: &str, url: &str) -> Result<Value> {
        self.eval(source, url, flag(js::JS_EVAL_TYPE_GLOBAL))
    }

    /// Parses a module without running it. The value is only good for [`Context::bytecode`] and a module loader.
    pub(crate) fn compile_module(self, source: &str, url: &str) -> Result<Value> {
        self.eval(source, url, flag(js::JS_EVAL_TYPE_MODULE | js::JS_EVAL_FLAG_COMPILE_ONLY))
    }

    fn eval(self, source: &str, url: &str, flags: c_int) -> Result<Value> {
        let (source, url) = (c_string(source), c_string(url));
        let length = source.as_bytes().len() as js::size_t;
        // SAFETY: both texts are terminated and borrowed.
        let raw = unsafe { js::JS_Eval(self.raw(), source.as_ptr(), length, url.as_ptr(), flags) };
        self.take(raw)
    }

    /// Imports a module and what it imports; the value is the promise of its namespace.
    pub(crate) fn import(self, url: &str) -> Result<Value> {
        let url = c_string(url);
        // SAFETY: both texts are terminated and borrowed.
        let raw = unsafe { js::JS_LoadModule(self.raw(), c"".as_ptr(), url.as_ptr()) };
        self.take(raw)
    }

    /// The bytecode of a compiled module.
    pub(crate) fn bytecode(self, module: &Value) -> Result<Vec<u8>> {
        let mut length = 0;
        // SAFETY: all are alive; a null pointer is an exception.
        let bytes = unsafe {
            js::JS_WriteObject(self.raw(), &raw mut length, module.raw(), flag(js::JS_WRITE_OBJ_BYTECODE))
        };
        if bytes.is_null() {
            return Err(self.exception());
        }
        // SAFETY: the engine says how long the buffer is; it is ours until it is freed below.
        let copy = unsafe { std::slice::from_raw_parts(bytes, size(length)) }.to_vec();
        // SAFETY: the buffer came from the engine's allocator and is not used again.
        unsafe { js::js_free(self.raw(), bytes.cast()) };
        Ok(copy)
    }

    /// The compiled module that [`Context::bytecode`] wrote.
    ///
    /// # Safety
    /// `bytes` must come from [`Context::bytecode`] of this very version of the engine: it trusts them.
    pub(crate) unsafe fn read_bytecode(self, bytes: &[u8]) -> Result<Value> {
        // SAFETY: the caller vouches for the bytes, which are borrowed.
        let raw = unsafe {
            js::JS_ReadObject(
                self.raw(),
                bytes.as_ptr(),
                bytes.len() as js::size_t,
                flag(js::JS_READ_OBJ_BYTECODE),
            )
        };
        self.take(raw)
    }

    /// A `TypeError` to return as `Err`.
    pub(crate) fn type_error(self, message: &str) -> Thrown {
        let message = c_string(message);
        // SAFETY: a terminated text under a format of exactly one text.
        unsafe { js::JS_ThrowTypeError(self.raw(), c"%s".as_ptr(), message.as_ptr()) };
        self.exception()
    }

    /// A `RangeError` to return as `Err`.
    pub(crate) fn range_error(self, message: &str) -> Thrown {
        let message = c_string(message);
        // SAFETY: as above.
        unsafe { js::JS_ThrowRangeError(self.raw(), c"%s".as_ptr(), message.as_ptr()) };
        self.exception()
    }

    /// An error that no `catch` of the page sees, to return as `Err`: it ends everything that runs.
    pub(crate) fn uncatchable_error(self, message: &str) -> Thrown {
        let message = c_string(message);
        // SAFETY: as above.
        unsafe { js::JS_ThrowInternalError(self.raw(), c"%s".as_ptr(), message.as_ptr()) };
        let thrown = self.exception();
        // SAFETY: marks the error object just made.
        unsafe { js::JS_SetUncatchableError(self.raw(), thrown.0.raw()) };
        thrown
    }
}
