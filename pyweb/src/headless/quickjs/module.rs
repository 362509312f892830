//! ES modules: the engine asks which URL a name means, and for the module behind a URL.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;

use rquickjs_sys as js;

use super::context::c_string;
use super::runtime::Hooks;
use super::{Context, Result, Value};

/// Where modules come from.
pub(crate) trait ModuleSource {
    /// The URL that `name` means inside the module at `base`.
    fn resolve(&self, base: &str, name: &str) -> String;
    /// The module at `url`, compiled by [`Context::compile_module`].
    fn load(&self, context: Context, url: &str) -> Result<Value>;
}

pub(super) unsafe extern "C" fn normalize(
    context: *mut js::JSContext,
    base: *const c_char,
    name: *const c_char,
    _opaque: *mut c_void,
) -> *mut c_char {
    let Some(context) = NonNull::new(context).map(Context::new) else { return std::ptr::null_mut() };
    // SAFETY: the engine passes terminated texts that live during the call.
    let (base, name) = unsafe { (CStr::from_ptr(base), CStr::from_ptr(name)) };
    let (base, name) = (base.to_string_lossy(), name.to_string_lossy());
    let modules = Hooks::of(context).modules.borrow().clone();
    let url = modules.map_or_else(|| name.to_string(), |modules| modules.resolve(&base, &name));
    let url = c_string(&url);
    // SAFETY: copies the terminated text with the engine's allocator, which will free it.
    unsafe { js::js_strdup(context.raw(), url.as_ptr()) }
}

pub(super) unsafe extern "C" fn load(
    context: *mut js::JSContext,
    url: *const c_char,
    _opaque: *mut c_void,
) -> *mut js::JSModuleDef {
    let Some(context) = NonNull::new(context).map(Context::new) else { return std::ptr::null_mut() };
    // SAFETY: the engine passes a terminated text that lives during the call.
    let url = unsafe { CStr::from_ptr(url) }.to_string_lossy();
    let modules = Hooks::of(context).modules.borrow().clone();
    let compiled = match modules {
        Some(modules) => modules.load(context, &url).and_then(|module| named(&module, &url)),
        None => Err(context.type_error("modules cannot be loaded here")),
    };
    match compiled {
        Ok(definition) => definition,
        Err(thrown) => {
            context.raise(thrown);
            std::ptr::null_mut()
        }
    }
}

/// Gives a compiled module its `import.meta.url`. The engine's list of modules keeps it alive.
fn named(module: &Value, url: &str) -> Result<*mut js::JSModuleDef> {
    let context = module.context();
    // SAFETY: a compiled module's value points at its definition.
    let definition = unsafe { js::JS_VALUE_GET_PTR(module.raw()) }.cast::<js::JSModuleDef>();
    // SAFETY: the definition is alive.
    let meta = context.take(unsafe { js::JS_GetImportMeta(context.raw(), definition) })?;
    meta.set("url", context.string(url))?;
    Ok(definition)
}
