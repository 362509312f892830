//! `WebAssembly.Instance`: imports in, exports out.

use std::collections::HashMap;

use wasmtime::{Extern, ExternType, Global, GlobalType, Instance, Module, RootScope, StoreContextMut};

use super::super::host::State;
use super::super::natives::Native;
use super::super::quickjs::{Call, Context, Result, Value};
use super::boundary::{Crossing, Kind};
use super::exception::{self, Escaped};
use super::module::{HostModule, Item, Surface, kind_name};
use super::{ErrorClass, HostRef, function, handle, memory, push, unknown};

pub(super) const NATIVES: &[(&str, Native)] = &[("instantiate", instantiate)];

/// One import, read from JavaScript.
enum Given {
    Function(Value, wasmtime::FuncType),
    /// A plain number for a constant global.
    Constant(Crossing, GlobalType),
    Object(Extern),
}

/// `instantiate(module, imports)`: `[name, kind, handle or function]` for each export.
///
/// `imports` holds one value for each of the module's imports, in order: a function, or an object
/// of the API's classes, or a number for a constant global.
fn instantiate(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let context = call.context;
    let index = handle(call, 0)?;
    let known = host.objects.modules.borrow().get(index).map(HostModule::parts);
    let (module, surface) = known.ok_or_else(|| unknown(call, "Module"))?;
    let values = call.argument(1);
    let given = (0..)
        .zip(module.imports())
        .map(|(index, import)| {
            let where_from = format!("{}.{}", import.module(), import.name());
            given(host, &values.at(index)?, &import.ty(), &where_from)
        })
        .collect::<Result<Vec<Given>>>()?;

    let depth = &host.objects.depth;
    depth.set(depth.get() + 1);
    let outcome = host.store.with(|store| link(host, store, &module, given));
    depth.set(depth.get() - 1);
    let exports = outcome.map_err(|failed| match failed {
        Failed::Link(message) => host.objects.error(context, ErrorClass::Link, &message),
        Failed::Start(escaped) => escaped.thrown(host),
    })?;
    let mut seen = imported(host, &surface, &values)?;
    let mut rows = Vec::with_capacity(exports.len());
    for (name, export) in exports {
        let kind = kind_name(&host.store.with(|store| export.ty(&store)));
        let item = surface.exports.get(&name).copied();
        let value = match item.and_then(|item| seen.get(&item).cloned()) {
            Some(value) => value,
            None => shown(host, context, &export)?,
        };
        seen.extend(item.map(|item| (item, value.clone())));
        rows.push(context.array([context.string(&name), context.string(kind), value]));
    }
    Ok(context.array(rows))
}

/// What the imports are to JavaScript: exporting one again gives the very same.
fn imported(host: HostRef<'_>, surface: &Surface, values: &Value) -> Result<HashMap<Item, Value>> {
    let mut seen = HashMap::new();
    for (index, item) in (0..).zip(&surface.imports) {
        let value = values.at(index)?;
        if function::exported(host, &value).is_some() {
            seen.insert(*item, value);
        } else if value.is_object() && !value.is_function() {
            seen.insert(*item, value.get("_h")?);
        }
    }
    Ok(seen)
}

fn given(host: HostRef<'_>, value: &Value, ty: &ExternType, where_from: &str) -> Result<Given> {
    let objects = &host.objects;
    let index = || -> Result<usize> {
        let handle = if value.is_object() { value.get("_h")? } else { value.context().undefined() };
        if handle.is_undefined() { Ok(usize::MAX) } else { Ok(handle.to_u32()? as usize) }
    };
    let found = match ty {
        ExternType::Func(ty) => return Ok(Given::Function(value.clone(), ty.clone())),
        ExternType::Global(ty) if !value.is_object() => {
            let value = Crossing::read(host, value, Kind::of(ty.content()))?;
            return Ok(Given::Constant(value, ty.clone()));
        }
        ExternType::Global(_) => objects.globals.borrow().get(index()?).map(|found| Extern::from(*found)),
        ExternType::Table(_) => objects.tables.borrow().get(index()?).map(|found| Extern::from(*found)),
        ExternType::Memory(_) => memory::of(host, index()?).map(Extern::from),
        ExternType::Tag(_) => objects.tags.borrow().get(index()?).map(|found| Extern::from(*found)),
    };
    found.map(Given::Object).ok_or_else(|| {
        let message = format!("import {where_from} must be a WebAssembly {}", kind_name(ty));
        objects.error(value.context(), ErrorClass::Link, &message)
    })
}

/// Why there is no instance.
enum Failed {
    Link(String),
    Start(Escaped),
}

fn link(
    host: HostRef<'_>,
    store: StoreContextMut<'_, State>,
    module: &Module,
    given: Vec<Given>,
) -> std::result::Result<Vec<(String, Extern)>, Failed> {
    let mut scope = RootScope::new(store);
    let link_error = |error: wasmtime::Error| Failed::Link(super::reasons(&error));
    let mut imports: Vec<Extern> = Vec::with_capacity(given.len());
    for import in given {
        imports.push(match import {
            Given::Object(object) => object,
            Given::Function(callee, ty) => function::import(host, &mut scope, &callee, ty).into(),
            Given::Constant(value, ty) => {
                let value = value.lower(host, &mut scope).map_err(link_error)?;
                Global::new(&mut scope, ty, value).map_err(link_error)?.into()
            }
        });
    }
    let instance = Instance::new(&mut scope, module, &imports).map_err(|error| {
        if error.is::<wasmtime::Trap>() || error.is::<wasmtime::ThrownException>() {
            Failed::Start(exception::escaped(host, &mut scope, &error))
        } else {
            link_error(error)
        }
    })?;
    let exports = instance.exports(&mut scope);
    Ok(exports.map(|export| (export.name().to_owned(), export.into_extern())).collect())
}

fn shown(host: HostRef<'_>, context: Context, export: &Extern) -> Result<Value> {
    let objects = &host.objects;
    Ok(match export {
        Extern::Func(func) => function::object(host, *func),
        Extern::Global(global) => push(&objects.globals, context, *global),
        Extern::Table(table) => push(&objects.tables, context, *table),
        Extern::Memory(memory) => memory::handle_of(host, context, *memory),
        Extern::Tag(tag) => push(&objects.tags, context, *tag),
        Extern::SharedMemory(_) => {
            return Err(context.type_error("a shared memory cannot be exported here"));
        }
    })
}
