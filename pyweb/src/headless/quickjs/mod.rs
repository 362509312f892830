//! QuickJS-ng behind owned values and `Result`. Must not know wasmtime, pages or the site.
//!
//! The one invariant the types cannot carry: [`Context`] and [`Value`] are used only while their
//! [`Runtime`] lives. The runtime of a page is created first and dropped last by `run`.
//! Neither is `Send`, so they cannot leave the runtime's thread.

mod clone;
mod context;
mod function;
mod module;
mod object;
mod runtime;
mod shared;
mod value;

pub(crate) use clone::Cloned;
pub(crate) use context::Context;
pub(crate) use function::{Call, NativeId};
pub(crate) use module::ModuleSource;
pub(crate) use object::Handles;
pub(crate) use runtime::Runtime;
pub(crate) use shared::Shared;
pub(crate) use value::Value;

/// What JavaScript threw: any value, usually an `Error`.
#[derive(Debug)]
pub(crate) struct Thrown(pub(crate) Value);

/// The outcome of anything that may run JavaScript.
pub(crate) type Result<T> = std::result::Result<T, Thrown>;

/// The engine's version, on which its bytecode depends.
pub(crate) fn version() -> &'static [u8] {
    // SAFETY: a constant, terminated text of the library's.
    unsafe { std::ffi::CStr::from_ptr(rquickjs_sys::JS_GetVersion()) }.to_bytes()
}

/// QuickJS counts in C's `size_t`, which is as wide as `usize` on every target of ours.
fn size(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
