//! `WebAssembly.Module`: compiling, the cache of compiled code, and what a module says of itself.

use wasmtime::{ExternType, Module};

use super::super::cache::Key;
use super::super::natives::Native;
use super::super::quickjs::{Call, Result, Value};
use super::super::legacy_eh;
use super::{ErrorClass, HostRef, handle, reasons, unknown};

pub(super) const NATIVES: &[(&str, Native)] =
    &[("compile", compile), ("imports", imports), ("exports", exports), ("customs", custom_sections)];

/// Smaller modules, which Pyodide makes many of, compile faster than a file is read.
const CACHED_FROM_BYTES: usize = 16 << 10;

/// A compiled module with its custom sections, which wasmtime does not keep.
pub(super) struct HostModule {
    pub(super) module: Module,
    custom: Vec<(String, Vec<u8>)>,
}

/// `compile(bytes)`: the handle of a module.
fn compile(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let compiled = call.argument(0).with_bytes(|bytes| {
        let module = compiled(host, bytes)?;
        Ok::<_, wasmtime::Error>(HostModule { module, custom: customs(bytes) })
    })?;
    match compiled {
        Ok(module) => Ok(super::push(&host.objects.modules, call.context, module)),
        Err(error) => Err(host.objects.error(call.context, ErrorClass::Compile, &reasons(&error))),
    }
}

fn compiled(host: HostRef<'_>, bytes: &[u8]) -> wasmtime::Result<Module> {
    if bytes.len() < CACHED_FROM_BYTES {
        return translated(host, bytes);
    }
    let key = Key::new("cwasm", &[&engine_version(host), bytes]);
    if let Some(code) = host.cache.read(&key) {
        // SAFETY: the digest says that these are the bytes `Module::serialize` gave to this cache,
        // and the key that it was the same version and configuration of wasmtime.
        if let Ok(module) = unsafe { Module::deserialize(&host.engine, &code) } {
            return Ok(module);
        }
    }
    let module = translated(host, bytes)?;
    host.cache.write(&key, &module.serialize()?);
    Ok(module)
}

fn translated(host: HostRef<'_>, bytes: &[u8]) -> wasmtime::Result<Module> {
    // What the translator cannot read, wasmtime cannot either, and says so better.
    let rewritten = legacy_eh::translate(bytes).ok().flatten();
    Module::new(&host.engine, rewritten.as_deref().unwrap_or(bytes))
}

/// Everything of the engine that compiled code depends on.
fn engine_version(host: HostRef<'_>) -> [u8; 16] {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    host.engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut version = [0; 16];
    version[..8].copy_from_slice(&hasher.finish().to_le_bytes());
    version[8..].copy_from_slice(&legacy_eh::VERSION.to_le_bytes());
    version
}

fn customs(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let payloads = wasmparser::Parser::new(0).parse_all(bytes).map_while(std::result::Result::ok);
    let sections = payloads.filter_map(|payload| match payload {
        wasmparser::Payload::CustomSection(section) => {
            Some((section.name().to_owned(), section.data().to_vec()))
        }
        _ => None,
    });
    sections.collect()
}

fn of(host: HostRef<'_>, call: &Call<'_>) -> Result<Module> {
    let module = host.objects.modules.borrow().get(handle(call, 0)?).map(|known| known.module.clone());
    module.ok_or_else(|| unknown(call, "Module"))
}

/// The JavaScript API's name of what `ty` is.
pub(super) fn kind_name(ty: &ExternType) -> &'static str {
    match ty {
        ExternType::Func(_) => "function",
        ExternType::Global(_) => "global",
        ExternType::Table(_) => "table",
        ExternType::Memory(_) => "memory",
        ExternType::Tag(_) => "tag",
    }
}

/// `imports(module)`: `[module, name, kind]` each.
fn imports(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let module = of(host, call)?;
    let rows = module.imports().map(|import| {
        let row = [import.module(), import.name(), kind_name(&import.ty())];
        call.context.array(row.map(|text| call.context.string(text)))
    });
    Ok(call.context.array(rows))
}

/// `exports(module)`: `[name, kind]` each.
fn exports(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let module = of(host, call)?;
    let rows = module.exports().map(|export| {
        let row = [export.name(), kind_name(&export.ty())];
        call.context.array(row.map(|text| call.context.string(text)))
    });
    Ok(call.context.array(rows))
}

/// `customs(module, name)`: an `ArrayBuffer` for each custom section of that name.
fn custom_sections(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let name = call.argument(1).to_text()?;
    let modules = host.objects.modules.borrow();
    let Some(known) = modules.get(handle(call, 0)?) else {
        return Err(unknown(call, "Module"));
    };
    let sections = known.custom.iter().filter(|(own, _)| *own == name);
    Ok(call.context.array(sections.map(|(_, data)| call.context.array_buffer(data))))
}
