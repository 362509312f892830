//! The state of one thread of a page, shared by every native function there, and the rule of who may use the wasmtime store when.
//!
//! JavaScript calls WebAssembly, which calls JavaScript, which calls the same WebAssembly again: all of it
//! needs the one store, mutably. [`StoreAccess`] passes it down and takes it back along that very nesting.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

use wasmtime::{AsContextMut, StoreContextMut};

use super::import_map::ImportMap;
use super::quickjs::{Context, Result, Value};
use super::threads::{Group, Seat};
use super::wasm::{Limits, Objects};
use super::{Busy, Ended, Event, Options, orders::Orders};

/// What the store carries: an imported function finds its host there, and the store what it may have.
pub(super) struct State {
    pub(super) host: Rc<Host>,
    pub(super) limits: Limits,
}

/// Everything one thread has.
pub(super) struct Host {
    pub(super) context: Context,
    /// What it has in common with the page's other threads.
    pub(super) group: Arc<Group>,
    pub(super) seat: Arc<Seat>,
    pub(super) store: StoreAccess,
    pub(super) objects: Objects,
    pub(super) options: Options,
    pub(super) import_map: RefCell<ImportMap>,
    pub(super) ended: RefCell<Option<Ended>>,
    /// `__native`, while the page runs; not to be kept longer than the engine.
    pub(super) natives: RefCell<Option<Value>>,
    /// Who tells the page what to do, if somebody does.
    pub(super) orders: Orders,
}

impl Host {
    /// Tells the outside.
    pub(super) fn emit(&self, event: Event) {
        self.group.emit(event);
    }

    /// What the scripts have hung on `__native` under this name; undefined when nothing.
    pub(super) fn hook(&self, name: &str) -> Result<Value> {
        match &*self.natives.borrow() {
            Some(natives) => natives.get(name),
            None => Ok(self.context.undefined()),
        }
    }

    /// Whether `busy` must stop, because the time limit has passed or somebody said so.
    pub(super) fn must_stop(&self, busy: Busy) -> bool {
        // In this order: a worker is also stopped because the page's time is up, and then it counts what it did.
        if self.group.watchdog.is_over() {
            self.time_out(busy);
        } else if self.seat.is_stopped() {
            self.end(Ended::Done(0));
        }
        self.is_ending()
    }

    /// Whether everything must come to an end: nothing of the page may run any more.
    pub(super) fn is_ending(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Notes why the run ends; the first reason stays.
    pub(super) fn end(&self, ended: Ended) {
        self.ended.borrow_mut().get_or_insert(ended);
    }

    /// Notes that the time limit stopped `busy`.
    pub(super) fn time_out(&self, busy: Busy) {
        self.end(Ended::TimedOut { busy, stack: String::new() });
    }

    /// Adds the stack to a time-out, once it is known.
    pub(super) fn stopped_at(&self, innermost: &str) {
        if let Some(Ended::TimedOut { stack, .. }) = &mut *self.ended.borrow_mut()
            && stack.is_empty()
        {
            innermost.clone_into(stack);
        }
    }
}

/// Hands the store from whoever has it to whoever is called.
///
/// Who holds a context lends it while JavaScript runs ([`StoreAccess::lend`]); a native function
/// called from there uses it ([`StoreAccess::with`]). While it is used it is not to be had: whatever
/// runs JavaScript inside `with` must lend it on.
#[derive(Default)]
pub(super) struct StoreAccess {
    /// A `StoreContextMut<'_, State>` in the frame of the innermost `lend`.
    lent: Cell<Option<NonNull<()>>>,
}

impl StoreAccess {
    /// Runs `javascript` with `store` to be had by [`StoreAccess::with`].
    pub(super) fn lend<R>(&self, mut store: StoreContextMut<'_, State>, javascript: impl FnOnce() -> R) -> R {
        let lent = NonNull::from(&mut store).cast::<()>();
        let _back = Restore { cell: &self.lent, previous: self.lent.replace(Some(lent)) };
        javascript()
    }

    /// Runs `wasm` with the store.
    ///
    /// # Panics
    /// When nobody lent it: JavaScript was run inside `with`, or outside of any `lend`.
    pub(super) fn with<R>(&self, wasm: impl FnOnce(StoreContextMut<'_, State>) -> R) -> R {
        let lent = self.lent.take();
        let _back = Restore { cell: &self.lent, previous: lent };
        #[expect(clippy::expect_used, reason = "a mistake in this crate, which no page can cause")]
        let lent = lent.expect("the store is lent whenever JavaScript runs");
        // SAFETY: `lend` put a pointer to its own context here; its frame lies below ours on this thread
        // and does not touch it until we return. It was taken out, so this is the only reference made.
        // The lifetime, erased by the cast, becomes one no longer than this call.
        let store = unsafe { lent.cast::<StoreContextMut<'_, State>>().as_mut() };
        wasm(store.as_context_mut())
    }
}

struct Restore<'a> {
    cell: &'a Cell<Option<NonNull<()>>>,
    previous: Option<NonNull<()>>,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.cell.set(self.previous);
    }
}
