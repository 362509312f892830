//! `WebAssembly.Tag`.

use wasmtime::{FuncType, Tag, TagType, ValType};

use super::super::natives::Native;
use super::super::quickjs::{Call, Result, Value};
use super::boundary::Kind;
use super::exception::JsTag;
use super::{HostRef, handle, push, reasons, unknown};

pub(super) const NATIVES: &[(&str, Native)] = &[("tagNew", create), ("tagJS", js_tag)];

/// The tag whose handle is `argument(index)`.
pub(super) fn of(host: HostRef<'_>, call: &Call<'_>, index: usize) -> Result<Tag> {
    let tag = host.objects.tags.borrow().get(handle(call, index)?).copied();
    tag.ok_or_else(|| unknown(call, "Tag"))
}

/// `tagNew(parameters)`
fn create(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let names = call.argument(0);
    let mut parameters: Vec<ValType> = Vec::new();
    for index in 0..names.length()? {
        let name = names.at(index)?.to_text()?;
        match Kind::named(&name) {
            Some((_, ty)) => parameters.push(ty),
            None => return Err(call.context.type_error(&format!("{name} is not a value type"))),
        }
    }
    let ty = TagType::new(FuncType::new(&host.group.engine, parameters, []));
    match host.store.with(|mut store| Tag::new(&mut store, &ty)) {
        Ok(tag) => Ok(push(&host.objects.tags, call.context, tag)),
        Err(error) => Err(call.context.type_error(&reasons(&error))),
    }
}

/// `tagJS()`: `WebAssembly.JSTag`, under which JavaScript values fly through WebAssembly.
fn js_tag(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    match host.store.with(|store| JsTag::of(host, store).map(|js_tag| js_tag.tag)) {
        Ok(tag) => Ok(push(&host.objects.tags, call.context, tag)),
        Err(error) => Err(call.context.type_error(&reasons(&error))),
    }
}
