//! Values on their way between JavaScript and WebAssembly, as the JavaScript API's `ToWebAssemblyValue`
//! and `ToJSValue` say.
//!
//! Each way has two steps, because reading a JavaScript value may run JavaScript, which may use the
//! store: [`Crossing::read`] and [`Crossing::show`] are JavaScript's side and hold no store;
//! [`Crossing::lower`] and [`Crossing::lift`] are WebAssembly's and run no JavaScript.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{AsContextMut, ExternRef, Func, HeapType, Ref, Rooted, Val, ValType};

use super::super::quickjs::{Context, Result, Value};
use super::{HostRef, Objects, function};

/// A WebAssembly type, as far as JavaScript can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    I32,
    I64,
    F32,
    F64,
    Extern,
    Func,
    /// `v128` and exception references may not cross.
    Opaque,
}

impl Kind {
    pub(super) fn of(ty: &ValType) -> Kind {
        match ty {
            ValType::I32 => Kind::I32,
            ValType::I64 => Kind::I64,
            ValType::F32 => Kind::F32,
            ValType::F64 => Kind::F64,
            ValType::V128 => Kind::Opaque,
            ValType::Ref(reference) => match reference.heap_type() {
                HeapType::Extern | HeapType::NoExtern => Kind::Extern,
                HeapType::Func | HeapType::NoFunc | HeapType::ConcreteFunc(_) => Kind::Func,
                _ => Kind::Opaque,
            },
        }
    }

    /// The JavaScript API's name of it; `anyfunc` is the older one of `funcref`.
    pub(super) fn named(name: &str) -> Option<(Kind, ValType)> {
        Some(match name {
            "i32" => (Kind::I32, ValType::I32),
            "i64" => (Kind::I64, ValType::I64),
            "f32" => (Kind::F32, ValType::F32),
            "f64" => (Kind::F64, ValType::F64),
            "externref" => (Kind::Extern, ValType::EXTERNREF),
            "anyfunc" | "funcref" => (Kind::Func, ValType::FUNCREF),
            _ => return None,
        })
    }

    /// What a global or table holds when JavaScript gives no value.
    pub(super) fn default(self, context: Context) -> Value {
        match self {
            Kind::I32 | Kind::F32 | Kind::F64 => context.int(0),
            Kind::I64 => context.big_int(0),
            Kind::Extern => context.undefined(),
            Kind::Func | Kind::Opaque => context.null(),
        }
    }
}

/// A value that belongs to neither side yet.
pub(super) enum Crossing {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    Extern(Option<Value>),
    Func(Option<Func>),
    Opaque,
}

impl Crossing {
    /// JavaScript's side of the way in.
    pub(super) fn read(host: HostRef<'_>, value: &Value, kind: Kind) -> Result<Crossing> {
        Ok(match kind {
            Kind::I32 => Crossing::I32(value.to_i32()?),
            Kind::I64 => Crossing::I64(value.to_big_i64()?),
            #[expect(clippy::cast_possible_truncation, reason = "Math.fround, which rounds")]
            Kind::F32 => Crossing::F32((value.to_f64()? as f32).to_bits()),
            Kind::F64 => Crossing::F64(value.to_f64()?.to_bits()),
            Kind::Extern => Crossing::Extern((!value.is_null()).then(|| value.clone())),
            Kind::Func if value.is_null() => Crossing::Func(None),
            Kind::Func => match function::exported(host, value) {
                Some(func) => Crossing::Func(Some(func)),
                None => {
                    return Err(value.context().type_error(
                        "WebAssembly objects are opaque: only an exported function can be a funcref",
                    ));
                }
            },
            Kind::Opaque => return Err(opaque(value.context())),
        })
    }

    /// WebAssembly's side of the way in.
    pub(super) fn lower(self, host: HostRef<'_>, store: impl AsContextMut) -> wasmtime::Result<Val> {
        Ok(match self {
            Crossing::I32(number) => Val::I32(number),
            Crossing::I64(number) => Val::I64(number),
            Crossing::F32(bits) => Val::F32(bits),
            Crossing::F64(bits) => Val::F64(bits),
            Crossing::Extern(None) => Val::ExternRef(None),
            Crossing::Extern(Some(value)) => Val::ExternRef(Some(host.objects.external(store, value)?)),
            Crossing::Func(func) => Val::FuncRef(func),
            Crossing::Opaque => wasmtime::bail!("a value that cannot cross"),
        })
    }

    /// The same for the element of a table.
    pub(super) fn lower_ref(self, host: HostRef<'_>, store: impl AsContextMut) -> wasmtime::Result<Ref> {
        match self.lower(host, store)? {
            Val::ExternRef(external) => Ok(Ref::Extern(external)),
            Val::FuncRef(func) => Ok(Ref::Func(func)),
            _ => wasmtime::bail!("a number is no reference"),
        }
    }

    /// WebAssembly's side of the way out.
    pub(super) fn lift(host: HostRef<'_>, store: impl AsContextMut, value: &Val) -> Crossing {
        match value {
            Val::I32(number) => Crossing::I32(*number),
            Val::I64(number) => Crossing::I64(*number),
            Val::F32(bits) => Crossing::F32(*bits),
            Val::F64(bits) => Crossing::F64(*bits),
            Val::ExternRef(None) => Crossing::Extern(None),
            Val::ExternRef(Some(external)) => match host.objects.held(store, *external) {
                Some(value) => Crossing::Extern(Some(value)),
                None => Crossing::Opaque,
            },
            Val::FuncRef(func) => Crossing::Func(*func),
            _ => Crossing::Opaque,
        }
    }

    /// JavaScript's side of the way out.
    pub(super) fn show(self, host: HostRef<'_>) -> Result<Value> {
        let context = host.context;
        Ok(match self {
            Crossing::I32(number) => context.int(number),
            Crossing::I64(number) => context.big_int(number),
            Crossing::F32(bits) => context.number(f64::from(f32::from_bits(bits))),
            Crossing::F64(bits) => context.number(f64::from_bits(bits)),
            Crossing::Extern(None) | Crossing::Func(None) => context.null(),
            Crossing::Extern(Some(value)) => value,
            Crossing::Func(Some(func)) => function::object(host, func),
            Crossing::Opaque => return Err(opaque(context)),
        })
    }
}

fn opaque(context: Context) -> super::Thrown {
    context.type_error("type incompatibility when transforming from/to JS")
}

/// What an `externref` holds: a place in [`Objects::externals`], given back when WebAssembly forgets it.
struct External {
    slot: usize,
    released: Arc<Mutex<Vec<usize>>>,
}

impl Drop for External {
    fn drop(&mut self) {
        self.released.lock().unwrap_or_else(PoisonError::into_inner).push(self.slot);
    }
}

impl Objects {
    /// Gives `value` to WebAssembly.
    pub(super) fn external(
        &self,
        store: impl AsContextMut,
        value: Value,
    ) -> wasmtime::Result<Rooted<ExternRef>> {
        let slot = self.externals.borrow_mut().insert(value);
        // Collects by itself when the heap is full. When it fails, dropping the `External` frees the slot.
        ExternRef::new(store, External { slot, released: Arc::clone(&self.released) })
    }

    /// The value behind an `externref`; none when it is not one of ours.
    fn held(&self, mut store: impl AsContextMut, external: Rooted<ExternRef>) -> Option<Value> {
        let store = store.as_context_mut();
        let data = external.data(&store).ok().flatten()?;
        let slot = data.downcast_ref::<External>()?.slot;
        self.externals.borrow().get(slot).cloned()
    }
}
