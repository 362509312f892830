//! The engine itself: memory, jobs, and the hooks that the host hangs into it.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::rc::Rc;

use rquickjs_sys as js;

use super::function::Native;
use super::module::{self, ModuleSource};
use super::{Context, Thrown, Value};

/// What a page's JavaScript may hold, as in browsers; the memory of WebAssembly has its own limits.
const HEAP_BYTES: js::size_t = 2 << 30;

/// Called when a promise is rejected without a handler (`false`), and when it gets one later (`true`).
pub(crate) type Rejection = Box<dyn Fn(Value, Value, bool)>;

/// What C callbacks find behind the context: everything that is Rust's.
#[derive(Default)]
pub(super) struct Hooks {
    pub(super) natives: RefCell<Vec<Native>>,
    pub(super) modules: RefCell<Option<Rc<dyn ModuleSource>>>,
    pub(super) handle_class: Cell<js::JSClassID>,
    pub(super) released_handles: RefCell<Vec<usize>>,
    rejection: RefCell<Option<Rejection>>,
    interrupt: RefCell<Option<Box<dyn Fn() -> bool>>>,
}

impl Hooks {
    pub(super) fn of<'a>(context: Context) -> &'a Hooks {
        // SAFETY: `Runtime::new` stored them and keeps them until after the context is gone.
        unsafe { &*js::JS_GetContextOpaque(context.raw()).cast::<Hooks>() }
    }

    /// # Safety
    /// `runtime` must be one that [`Runtime::new`] made.
    pub(super) unsafe fn of_runtime<'a>(runtime: *mut js::JSRuntime) -> &'a Hooks {
        // SAFETY: as above.
        unsafe { &*js::JS_GetRuntimeOpaque(runtime).cast::<Hooks>() }
    }
}

/// A JavaScript engine with one global scope. It must be dropped after every value of it.
pub(crate) struct Runtime {
    raw: NonNull<js::JSRuntime>,
    context: Context,
    hooks: Box<Hooks>,
}

impl Runtime {
    /// Starts an engine whose calls may nest until they take `stack_bytes` below here.
    pub(crate) fn new(stack_bytes: usize) -> Option<Runtime> {
        // SAFETY: no arguments; null means out of memory.
        let raw = NonNull::new(unsafe { js::JS_NewRuntime() })?;
        let hooks = Box::<Hooks>::default();
        let opaque = std::ptr::from_ref::<Hooks>(&hooks).cast_mut().cast::<c_void>();
        let shared = super::shared::functions();
        // SAFETY: the runtime is alive; the hooks' box does not move and outlives it; `shared` is copied.
        let context = unsafe {
            js::JS_SetMemoryLimit(raw.as_ptr(), HEAP_BYTES);
            js::JS_SetMaxStackSize(raw.as_ptr(), stack_bytes as js::size_t);
            // Collect cycles seldom: Pyodide's glue allocates much and leaves few of them.
            js::JS_SetGCThreshold(raw.as_ptr(), 64 << 20);
            js::JS_SetRuntimeOpaque(raw.as_ptr(), opaque);
            js::JS_SetHostPromiseRejectionTracker(raw.as_ptr(), Some(rejected), opaque);
            js::JS_SetInterruptHandler(raw.as_ptr(), Some(interrupted), opaque);
            js::JS_SetSharedArrayBufferFunctions(raw.as_ptr(), &raw const shared);
            js::JS_SetModuleLoaderFunc(raw.as_ptr(), Some(module::normalize), Some(module::load), opaque);
            NonNull::new(js::JS_NewContext(raw.as_ptr()))
        };
        let context = Context::new(context?);
        // SAFETY: as above.
        unsafe { js::JS_SetContextOpaque(context.raw(), opaque) };
        hooks.handle_class.set(super::object::define_class(raw));
        Some(Runtime { raw, context, hooks })
    }

    pub(crate) fn context(&self) -> Context {
        self.context
    }

    /// Where `import` finds modules.
    pub(crate) fn set_modules(&self, modules: Rc<dyn ModuleSource>) {
        *self.hooks.modules.borrow_mut() = Some(modules);
    }

    /// Who hears of rejected promises.
    pub(crate) fn on_rejection(&self, rejection: Rejection) {
        *self.hooks.rejection.borrow_mut() = Some(rejection);
    }

    /// Asked every few thousand steps; `true` ends what runs with an error no script can catch.
    pub(crate) fn on_interrupt(&self, interrupt: Box<dyn Fn() -> bool>) {
        *self.hooks.interrupt.borrow_mut() = Some(interrupt);
    }

    /// Whether a promise has something to do.
    pub(crate) fn has_jobs(&self) -> bool {
        // SAFETY: the runtime is alive.
        unsafe { js::JS_IsJobPending(self.raw.as_ptr()) }
    }

    /// Runs the next job of a promise: `None` when there was none, else how it ended.
    pub(crate) fn run_job(&self) -> Option<Result<(), Thrown>> {
        let mut context = std::ptr::null_mut();
        // SAFETY: the runtime is alive; `context` is written only.
        match unsafe { js::JS_ExecutePendingJob(self.raw.as_ptr(), &raw mut context) } {
            0 => None,
            status if status < 0 => Some(Err(self.context.exception())),
            _ => Some(Ok(())),
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Closures may own values, so they go while the engine still stands.
        let natives = self.hooks.natives.take();
        let modules = self.hooks.modules.take();
        let rejection = self.hooks.rejection.take();
        let interrupt = self.hooks.interrupt.take();
        drop((natives, modules, rejection, interrupt));
        // SAFETY: the owner dropped every value before, as the room's invariant says; the hooks still live.
        unsafe {
            js::JS_FreeContext(self.context.raw());
            js::JS_RunGC(self.raw.as_ptr());
            let mut usage = std::mem::zeroed::<js::JSMemoryUsage>();
            js::JS_ComputeMemoryUsage(self.raw.as_ptr(), &raw mut usage);
            // The engine aborts the program over an object it cannot free; a leak is the lesser evil.
            if usage.obj_count == 0 {
                js::JS_FreeRuntime(self.raw.as_ptr());
            } else {
                std::mem::forget(std::mem::take(&mut self.hooks));
            }
        }
    }
}

unsafe extern "C" fn rejected(
    context: *mut js::JSContext,
    promise: js::JSValue,
    reason: js::JSValue,
    handled: bool,
    _opaque: *mut c_void,
) {
    let Some(context) = NonNull::new(context).map(Context::new) else { return };
    if let Some(rejection) = &*Hooks::of(context).rejection.borrow() {
        rejection(Value::borrowed(context, promise), Value::borrowed(context, reason), handled);
    }
}

unsafe extern "C" fn interrupted(runtime: *mut js::JSRuntime, _opaque: *mut c_void) -> c_int {
    // SAFETY: the engine passes its own runtime.
    let hooks = unsafe { Hooks::of_runtime(runtime) };
    let stop = hooks.interrupt.borrow().as_ref().is_some_and(|interrupt| interrupt());
    c_int::from(stop)
}
