//! One JavaScript value, owned: cloning and dropping keep the engine's reference count.

use std::fmt;

use rquickjs_sys as js;

use super::{Context, Result, Thrown, size};

/// An owned reference to a JavaScript value.
pub(crate) struct Value {
    raw: js::JSValue,
    context: Context,
}

impl Clone for Value {
    fn clone(&self) -> Self {
        // SAFETY: `raw` is alive as long as `self` is.
        Value { raw: unsafe { js::JS_DupValue(self.context.raw(), self.raw) }, context: self.context }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: this reference is ours and is given up once.
        unsafe { js::JS_FreeValue(self.context.raw(), self.raw) }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value(tag {})", self.tag())
    }
}

impl Value {
    /// Takes over a reference the engine handed out.
    pub(super) fn owned(context: Context, raw: js::JSValue) -> Value {
        Value { raw, context }
    }

    /// Makes a second reference to a value that somebody else owns, such as an argument.
    pub(super) fn borrowed(context: Context, raw: js::JSValue) -> Value {
        // SAFETY: the caller's reference keeps `raw` alive meanwhile.
        Value { raw: unsafe { js::JS_DupValue(context.raw(), raw) }, context }
    }

    pub(super) fn raw(&self) -> js::JSValue {
        self.raw
    }

    /// Gives the reference away, to the engine.
    pub(super) fn into_raw(self) -> js::JSValue {
        let raw = self.raw;
        std::mem::forget(self);
        raw
    }

    /// Where it lives.
    pub(crate) fn context(&self) -> Context {
        self.context
    }

    fn tag(&self) -> i32 {
        // SAFETY: reads a field of the value itself.
        unsafe { js::JS_VALUE_GET_TAG(self.raw) }
    }

    pub(crate) fn is_undefined(&self) -> bool {
        self.tag() == js::JS_TAG_UNDEFINED
    }

    pub(crate) fn is_null(&self) -> bool {
        self.tag() == js::JS_TAG_NULL
    }

    pub(crate) fn is_object(&self) -> bool {
        self.tag() == js::JS_TAG_OBJECT
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self.tag(), js::JS_TAG_STRING | js::JS_TAG_STRING_ROPE)
    }

    pub(crate) fn is_function(&self) -> bool {
        // SAFETY: both are alive.
        unsafe { js::JS_IsFunction(self.context.raw(), self.raw) }
    }

    /// An object's identity, the same for every reference to it while one of them is kept.
    pub(crate) fn address(&self) -> Option<usize> {
        // SAFETY: the tag says that the pointer field is the one in use.
        self.is_object().then(|| unsafe { js::JS_VALUE_GET_PTR(self.raw) } as usize)
    }

    /// `Number(value)` as a 32-bit integer, wrapping around as JavaScript does.
    pub(crate) fn to_i32(&self) -> Result<i32> {
        if self.tag() == js::JS_TAG_INT {
            // SAFETY: the tag says so.
            return Ok(unsafe { js::JS_VALUE_GET_INT(self.raw) });
        }
        let mut number = 0;
        // SAFETY: both are alive; the result is written before it is read.
        let status = unsafe { js::JS_ToInt32(self.context.raw(), &raw mut number, self.raw) };
        self.context.checked(status).map(|()| number)
    }

    /// The same as an unsigned number, which is how indexes and sizes cross.
    pub(crate) fn to_u32(&self) -> Result<u32> {
        self.to_i32().map(i32::cast_unsigned)
    }

    /// `Number(value)`.
    pub(crate) fn to_f64(&self) -> Result<f64> {
        let mut number = 0.0;
        // SAFETY: as above.
        let status = unsafe { js::JS_ToFloat64(self.context.raw(), &raw mut number, self.raw) };
        self.context.checked(status).map(|()| number)
    }

    /// `BigInt.asIntN(64, value)`; a plain number is a `TypeError`.
    pub(crate) fn to_big_i64(&self) -> Result<i64> {
        let mut number = 0;
        // SAFETY: as above.
        let status = unsafe { js::JS_ToBigInt64(self.context.raw(), &raw mut number, self.raw) };
        self.context.checked(status).map(|()| number)
    }

    /// `String(value)`; lone surrogates become U+FFFD.
    pub(crate) fn to_text(&self) -> Result<String> {
        let mut length = 0;
        // SAFETY: both are alive; a null pointer is an exception.
        let text = unsafe { js::JS_ToCStringLen2(self.context.raw(), &raw mut length, self.raw, false) };
        if text.is_null() {
            return Err(self.context.exception());
        }
        // SAFETY: the engine says how long the text is, and keeps it until it is freed below.
        let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), size(length)) };
        let owned = String::from_utf8_lossy(bytes).into_owned();
        // SAFETY: `text` came from JS_ToCStringLen2 and is not used again.
        unsafe { js::JS_FreeCString(self.context.raw(), text) };
        Ok(owned)
    }

    /// `value[name]`
    pub(crate) fn get(&self, name: &str) -> Result<Value> {
        let name = super::context::c_string(name);
        // SAFETY: all are alive.
        let raw = unsafe { js::JS_GetPropertyStr(self.context.raw(), self.raw, name.as_ptr()) };
        self.context.take(raw)
    }

    /// `value[name] = property`
    pub(crate) fn set(&self, name: &str, property: Value) -> Result<()> {
        let name = super::context::c_string(name);
        // SAFETY: all are alive; the engine takes the property over.
        let status = unsafe {
            js::JS_SetPropertyStr(self.context.raw(), self.raw, name.as_ptr(), property.into_raw())
        };
        self.context.checked(status)
    }

    /// `value[index]`
    pub(crate) fn at(&self, index: u32) -> Result<Value> {
        // SAFETY: all are alive.
        let raw = unsafe { js::JS_GetPropertyUint32(self.context.raw(), self.raw, index) };
        self.context.take(raw)
    }

    /// `value.length`
    pub(crate) fn length(&self) -> Result<u32> {
        self.get("length")?.to_u32()
    }

    /// `value(...arguments)`
    pub(crate) fn call(&self, arguments: &[Value]) -> Result<Value> {
        self.call_on(&self.context.undefined(), arguments)
    }

    /// `value.call(this, ...arguments)`
    pub(crate) fn call_on(&self, this: &Value, arguments: &[Value]) -> Result<Value> {
        let mut raw: Vec<js::JSValue> = arguments.iter().map(Value::raw).collect();
        let count = std::ffi::c_int::try_from(raw.len()).unwrap_or_default();
        let context = self.context.raw();
        // SAFETY: the engine borrows the arguments, which live until it returns.
        let result = unsafe { js::JS_Call(context, self.raw, this.raw, count, raw.as_mut_ptr()) };
        self.context.take(result)
    }

    /// `new value(...arguments)`
    pub(crate) fn construct(&self, arguments: &[Value]) -> Result<Value> {
        let mut raw: Vec<js::JSValue> = arguments.iter().map(Value::raw).collect();
        let count = std::ffi::c_int::try_from(raw.len()).unwrap_or_default();
        // SAFETY: as above.
        let result = unsafe { js::JS_CallConstructor(self.context.raw(), self.raw, count, raw.as_mut_ptr()) };
        self.context.take(result)
    }

    /// Name, message and stack, as well as they can be had from whatever was thrown.
    pub(crate) fn describe(&self) -> (String, String) {
        let message = self.to_text().unwrap_or_else(|Thrown(_)| "an object without a text".to_owned());
        let stack = self.is_object().then(|| self.get("stack")).and_then(Result::ok);
        let stack = stack.filter(Value::is_string).and_then(|stack| stack.to_text().ok());
        (message, stack.unwrap_or_default().trim_end().to_owned())
    }
}
