//! Rust functions that JavaScript calls.

use std::ffi::c_int;
use std::rc::Rc;

use rquickjs_sys as js;

use super::context::c_string;
use super::runtime::Hooks;
use super::{Context, Result, Value};

/// A registered Rust function, of which any number of JavaScript functions can be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NativeId(c_int);

/// One call from JavaScript.
pub(crate) struct Call<'a> {
    /// Where.
    pub(crate) context: Context,
    /// The number that the called function was made with.
    pub(crate) data: i32,
    arguments: &'a [js::JSValue],
}

impl Call<'_> {
    /// The argument at `index`, `undefined` beyond the last.
    pub(crate) fn argument(&self, index: usize) -> Value {
        let raw = self.arguments.get(index).copied().unwrap_or(js::JS_UNDEFINED);
        Value::borrowed(self.context, raw)
    }
}

pub(super) type Native = Rc<dyn Fn(&Call<'_>) -> Result<Value>>;

impl Context {
    /// Keeps `native` for as long as the runtime lives.
    pub(crate) fn register(self, native: impl Fn(&Call<'_>) -> Result<Value> + 'static) -> NativeId {
        let mut natives = Hooks::of(self).natives.borrow_mut();
        natives.push(Rc::new(native));
        NativeId(c_int::try_from(natives.len() - 1).unwrap_or_default())
    }

    /// A JavaScript function that calls `native` with `data`.
    pub(crate) fn function(self, native: NativeId, name: &str, length: usize, data: i32) -> Value {
        let name = c_string(name);
        let length = c_int::try_from(length).unwrap_or_default();
        let mut data = js::JS_MKVAL(js::JS_TAG_INT, data);
        // SAFETY: the engine copies name and data; `trampoline` has the signature asked for.
        let raw = unsafe {
            js::JS_NewCFunctionData2(
                self.raw(),
                Some(trampoline),
                name.as_ptr(),
                length,
                native.0,
                1,
                &raw mut data,
            )
        };
        Value::owned(self, raw)
    }
}

/// Called by the engine with a native's number as `magic`.
unsafe extern "C" fn trampoline(
    context: *mut js::JSContext,
    _this: js::JSValue,
    count: c_int,
    arguments: *mut js::JSValue,
    magic: c_int,
    data: *mut js::JSValue,
) -> js::JSValue {
    let Some(context) = std::ptr::NonNull::new(context).map(Context::new) else {
        return js::JS_EXCEPTION;
    };
    let count = usize::try_from(count).unwrap_or_default();
    // SAFETY: the engine passes `count` arguments, which it keeps alive during the call.
    let arguments = if count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(arguments, count) } };
    // SAFETY: every such function was made with one integer of data.
    let data = unsafe { js::JS_VALUE_GET_INT(*data) };
    let native =
        usize::try_from(magic).ok().and_then(|at| Hooks::of(context).natives.borrow().get(at).cloned());
    let result = match native {
        Some(native) => native(&Call { context, data, arguments }),
        None => Err(context.type_error("not a function any more")),
    };
    match result {
        Ok(value) => value.into_raw(),
        Err(thrown) => context.raise(thrown),
    }
}
