//! `WebAssembly.Global`.

use wasmtime::{Global, GlobalType, Mutability, RootScope};

use super::super::natives::Native;
use super::super::quickjs::{Call, Result, Value};
use super::boundary::{Crossing, Kind};
use super::{HostRef, handle, push, reasons, unknown};

pub(super) const NATIVES: &[(&str, Native)] = &[("globNew", create), ("globGet", get), ("globSet", set)];

fn of(host: HostRef<'_>, call: &Call<'_>) -> Result<Global> {
    let global = host.objects.globals.borrow().get(handle(call, 0)?).copied();
    global.ok_or_else(|| unknown(call, "Global"))
}

/// `globNew(type, mutable, value)`
fn create(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let name = call.argument(0).to_text()?;
    let Some((kind, ty)) = Kind::named(&name) else {
        return Err(call.context.type_error(&format!("{name} is not a value type")));
    };
    let mutability = if call.argument(1).to_i32()? == 0 { Mutability::Const } else { Mutability::Var };
    let given = call.argument(2);
    let value = if given.is_undefined() { kind.default(call.context) } else { given };
    let value = Crossing::read(host, &value, kind)?;
    let global = host.store.with(|store| {
        let mut scope = RootScope::new(store);
        let value = value.lower(host, &mut scope)?;
        Global::new(&mut scope, GlobalType::new(ty, mutability), value)
    });
    match global {
        Ok(global) => Ok(push(&host.objects.globals, call.context, global)),
        Err(error) => Err(call.context.type_error(&reasons(&error))),
    }
}

/// `globGet(global)`
fn get(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let global = of(host, call)?;
    let value = host.store.with(|store| {
        let mut scope = RootScope::new(store);
        let value = global.get(&mut scope);
        Crossing::lift(host, &mut scope, &value)
    });
    value.show(host)
}

/// `globSet(global, value)`
fn set(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let global = of(host, call)?;
    let ty = host.store.with(|store| global.ty(&store));
    if ty.mutability() == Mutability::Const {
        let message = "set WebAssembly.Global.value: Can't set the value of an immutable global.";
        return Err(call.context.type_error(message));
    }
    let value = Crossing::read(host, &call.argument(1), Kind::of(ty.content()))?;
    let outcome = host.store.with(|store| {
        let mut scope = RootScope::new(store);
        let value = value.lower(host, &mut scope)?;
        global.set(&mut scope, value)
    });
    match outcome {
        Ok(()) => Ok(call.context.undefined()),
        Err(error) => Err(call.context.type_error(&reasons(&error))),
    }
}
