//! `WebAssembly.Table`.

use wasmtime::{Ref, RefType, RootScope, Table, TableType, Val, ValType};

use super::super::natives::Native;
use super::super::quickjs::{Call, Result, Value};
use super::boundary::{Crossing, Kind};
use super::{HostRef, handle, push, reasons, unknown};

pub(super) const NATIVES: &[(&str, Native)] =
    &[("tblNew", create), ("tblGet", get), ("tblSet", set), ("tblGrow", grow), ("tblLen", length)];

fn of(host: HostRef<'_>, call: &Call<'_>) -> Result<Table> {
    let table = host.objects.tables.borrow().get(handle(call, 0)?).copied();
    table.ok_or_else(|| unknown(call, "Table"))
}

fn element(host: HostRef<'_>, table: Table) -> Kind {
    Kind::of(&ValType::Ref(host.store.with(|store| table.ty(&store).element().clone())))
}

/// What `argument(index)` puts into a table of `kind`; `undefined` is null where only functions fit.
fn item(host: HostRef<'_>, call: &Call<'_>, index: usize, kind: Kind) -> Result<Crossing> {
    let value = call.argument(index);
    if value.is_undefined() {
        return Crossing::read(host, &kind.default(call.context), kind);
    }
    Crossing::read(host, &value, kind)
}

/// `tblNew(element, initial, maximum, value)`
fn create(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let name = call.argument(0).to_text()?;
    let (kind, ty) = match Kind::named(&name) {
        Some((Kind::Func, _)) => (Kind::Func, RefType::FUNCREF),
        Some((Kind::Extern, _)) => (Kind::Extern, RefType::EXTERNREF),
        _ => return Err(call.context.type_error(&format!("{name} is not a reference type"))),
    };
    let initial = call.argument(1).to_u32()?;
    let maximum = call.argument(2);
    let maximum = if maximum.is_undefined() { None } else { Some(maximum.to_u32()?) };
    if maximum.is_some_and(|maximum| maximum < initial) {
        return Err(call.context.range_error("WebAssembly.Table(): maximum is below initial"));
    }
    let item = item(host, call, 3, kind)?;
    let table = host.store.with(|store| {
        let mut scope = RootScope::new(store);
        let item = item.lower_ref(host, &mut scope)?;
        Table::new(&mut scope, TableType::new(ty, initial, maximum), item)
    });
    match table {
        Ok(table) => Ok(push(&host.objects.tables, call.context, table)),
        Err(error) => Err(call.context.range_error(&reasons(&error))),
    }
}

/// `tblGet(table, index)`
fn get(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let (table, index) = (of(host, call)?, u64::from(call.argument(1).to_u32()?));
    let found = host.store.with(|store| {
        let mut scope = RootScope::new(store);
        let value = match table.get(&mut scope, index)? {
            Ref::Func(func) => Val::FuncRef(func),
            Ref::Extern(external) => Val::ExternRef(external),
            _ => return Some(Crossing::Opaque),
        };
        Some(Crossing::lift(host, &mut scope, &value))
    });
    match found {
        Some(crossing) => crossing.show(host),
        None => Err(call.context.range_error("WebAssembly.Table.get(): index out of bounds")),
    }
}

/// `tblSet(table, index, value)`
fn set(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let (table, index) = (of(host, call)?, u64::from(call.argument(1).to_u32()?));
    let item = item(host, call, 2, element(host, table))?;
    let outcome = host.store.with(|store| {
        let mut scope = RootScope::new(store);
        let item = item.lower_ref(host, &mut scope)?;
        table.set(&mut scope, index, item)
    });
    match outcome {
        Ok(()) => Ok(call.context.undefined()),
        Err(error) => Err(call.context.range_error(&reasons(&error))),
    }
}

/// `tblGrow(table, count, value)`: how long it was.
fn grow(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let (table, count) = (of(host, call)?, u64::from(call.argument(1).to_u32()?));
    let item = item(host, call, 2, element(host, table))?;
    let outcome = host.store.with(|store| {
        let mut scope = RootScope::new(store);
        let item = item.lower_ref(host, &mut scope)?;
        table.grow(&mut scope, count, item)
    });
    match outcome {
        Ok(before) => Ok(super::entries(call.context, before)),
        Err(error) => Err(call.context.range_error(&reasons(&error))),
    }
}

/// `tblLen(table)`
fn length(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let table = of(host, call)?;
    Ok(super::entries(call.context, host.store.with(|store| table.size(&store))))
}
