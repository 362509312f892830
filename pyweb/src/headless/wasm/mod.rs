//! The WebAssembly JavaScript API over wasmtime. Its classes are in `pyweb/js/webassembly.js`;
//! they carry handles, and this is what stands behind the handles.
//!
//! Must not know Python or pages.

mod boundary;
mod exception;
mod function;
mod global;
mod instance;
mod memory;
mod module;
mod slab;
mod table;
mod tag;

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{ExnRef, Global, OwnedRooted, ResourceLimiter, Table, Tag};

use super::host::Host;
use super::natives::Native;
use super::quickjs::{Call, Context, Handles, Result, Thrown, Value};
use exception::JsTag;
use function::Functions;
use memory::HostMemory;
use module::HostModule;
use slab::Slab;

/// As many as browsers have: the memory for them is taken at once.
const TABLE_ELEMENTS: usize = 10_000_000;

/// What a module may ask for.
pub(super) struct Limits;

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        _current: usize,
        wanted: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| wanted <= maximum))
    }

    fn table_growing(
        &mut self,
        _current: usize,
        wanted: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(wanted <= maximum.map_or(TABLE_ELEMENTS, |maximum| maximum.min(TABLE_ELEMENTS)))
    }
}

/// The natives of this room, by name.
pub(super) fn natives() -> impl Iterator<Item = &'static (&'static str, Native)> {
    let tables: [&'static [(&'static str, Native)]; 7] = [
        module::NATIVES,
        instance::NATIVES,
        memory::NATIVES,
        table::NATIVES,
        global::NATIVES,
        tag::NATIVES,
        exception::NATIVES,
    ];
    tables.into_iter().flatten()
}

/// What the handles of one page mean.
#[derive(Default)]
pub(super) struct Objects {
    modules: RefCell<Slab<HostModule>>,
    functions: RefCell<Functions>,
    /// JavaScript functions that were given to instances, by number.
    imports: RefCell<Vec<Value>>,
    memories: RefCell<Vec<HostMemory>>,
    tables: RefCell<Vec<Table>>,
    globals: RefCell<Vec<Global>>,
    tags: RefCell<Vec<Tag>>,
    js_tag: OnceCell<JsTag>,
    exceptions: RefCell<Slab<OwnedRooted<ExnRef>>>,
    /// JavaScript values that WebAssembly holds as `externref`.
    externals: RefCell<Slab<Value>>,
    /// Slots of `externals` that WebAssembly gave up. wasmtime's collector fills it whenever it likes;
    /// it is emptied where dropping a JavaScript value does no harm.
    released: Arc<Mutex<Vec<usize>>>,
    classes: RefCell<Option<Classes>>,
    /// How many calls into WebAssembly are open.
    depth: Cell<usize>,
}

/// What `__native.setup` was given: the classes that this room makes objects of.
struct Classes {
    exception_prototype: Value,
    runtime_error: Value,
    compile_error: Value,
    link_error: Value,
}

/// Which of the API's error classes to throw.
#[derive(Clone, Copy)]
enum ErrorClass {
    Compile,
    Link,
    Runtime,
}

impl Objects {
    /// How many modules and functions JavaScript has seen.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.modules.borrow().len(), self.functions.borrow().len())
    }

    /// Drops the JavaScript values that WebAssembly gave up, when many are waiting or nothing runs.
    pub(super) fn sweep(&self) {
        let mut released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        if released.is_empty() || (self.depth.get() > 0 && released.len() < 256) {
            return;
        }
        let slots = std::mem::take(&mut *released);
        drop(released);
        // Collected first: dropping a value may call back here.
        let values: Vec<_> = {
            let mut externals = self.externals.borrow_mut();
            slots.into_iter().filter_map(|slot| externals.remove(slot)).collect()
        };
        drop(values);
    }

    /// Drops the exceptions whose JavaScript objects are gone.
    fn sweep_exceptions(&self, context: Context) {
        for handle in Handles::released(context) {
            self.exceptions.borrow_mut().remove(handle);
        }
    }

    /// An error of one of the API's classes, to return as `Err`.
    fn error(&self, context: Context, class: ErrorClass, message: &str) -> Thrown {
        let constructor = self.classes.borrow().as_ref().map(|classes| match class {
            ErrorClass::Compile => classes.compile_error.clone(),
            ErrorClass::Link => classes.link_error.clone(),
            ErrorClass::Runtime => classes.runtime_error.clone(),
        });
        match constructor.map(|constructor| constructor.construct(&[context.string(message)])) {
            Some(Ok(error)) => Thrown(error),
            Some(Err(thrown)) => thrown,
            None => context.type_error(message),
        }
    }
}

/// The handle in `argument(index)`, as an index into one of the tables of [`Objects`].
fn handle(call: &Call<'_>, index: usize) -> Result<usize> {
    Ok(call.argument(index).to_u32()? as usize)
}

/// A handle that JavaScript made up, or one of another class.
fn unknown(call: &Call<'_>, class: &str) -> Thrown {
    call.context.type_error(&format!("receiver is not a WebAssembly.{class}"))
}

/// Appends `item` and gives its index as JavaScript sees it.
fn push<T>(list: &RefCell<Vec<T>>, context: Context, item: T) -> Value {
    let mut list = list.borrow_mut();
    list.push(item);
    context.count(list.len() - 1)
}

/// How many pages or elements there are, as JavaScript sees it.
fn entries(context: Context, count: u64) -> Value {
    context.count(usize::try_from(count).unwrap_or(usize::MAX))
}

/// wasmtime's reasons, all of them, on one line.
fn reasons(error: &wasmtime::Error) -> String {
    format!("{error:#}")
}

/// The host as everything here takes it: what outlives a call, such as an import, keeps a clone.
type HostRef<'a> = &'a std::rc::Rc<Host>;
