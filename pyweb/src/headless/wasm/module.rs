//! `WebAssembly.Module`: compiling, the cache of compiled code, and what a module says of itself.

use std::collections::HashMap;
use std::rc::Rc;

use wasmparser::{ExternalKind, Parser, Payload, TypeRef};
use wasmtime::{ExternType, Module};

use super::super::cache::Key;
use super::super::natives::Native;
use super::super::quickjs::{Call, Result, Value};
use super::super::{engine, fork, legacy_eh};
use super::{ErrorClass, HostRef, handle, reasons, unknown};

pub(super) const NATIVES: &[(&str, Native)] = &[
    ("compile", compile),
    ("moduleDrop", forget),
    ("validate", validate),
    ("imports", imports),
    ("exports", exports),
    ("customs", custom_sections),
];

/// Smaller modules, which Pyodide makes many of, compile faster than a file is read.
const CACHED_FROM_BYTES: usize = 16 << 10;

/// A compiled module with what wasmtime does not tell of it.
pub(super) struct HostModule {
    pub(super) module: Module,
    pub(super) surface: Rc<Surface>,
}

impl HostModule {
    /// Both, to keep.
    pub(super) fn parts(&self) -> (Module, Rc<Surface>) {
        (self.module.clone(), Rc::clone(&self.surface))
    }
}

/// What can be seen of a module from outside: custom sections, and which exports are the same thing.
#[derive(Default)]
pub(super) struct Surface {
    custom: Vec<(String, Vec<u8>)>,
    /// What each import is, in order.
    pub(super) imports: Vec<Item>,
    /// What each export is, by name.
    pub(super) exports: HashMap<String, Item>,
}

/// One thing inside a module: its kind, by the JavaScript API's name, and its index among those.
pub(super) type Item = (&'static str, u32);

/// `compile(bytes)`: the handle of a module.
fn compile(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let compiled = call.argument(0).with_bytes(|bytes| {
        let module = compiled(host, bytes)?;
        Ok::<_, wasmtime::Error>(HostModule { module, surface: Rc::new(surface(bytes)?) })
    })?;
    match compiled {
        Ok(module) => Ok(call.context.count(host.objects.modules.borrow_mut().insert(module))),
        Err(error) => Err(host.objects.error(call.context, ErrorClass::Compile, &reasons(&error))),
    }
}

/// `moduleDrop(module)`: its instances keep what they need of it.
fn forget(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let module = host.objects.modules.borrow_mut().remove(handle(call, 0)?);
    drop(module);
    Ok(call.context.undefined())
}

/// `validate(bytes)`
fn validate(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let valid = call.argument(0).with_bytes(|bytes| {
        let rewritten = legacy_eh::translate(bytes).ok().flatten();
        Module::validate(&host.group.engine, rewritten.as_deref().unwrap_or(bytes)).is_ok()
    })?;
    Ok(call.context.boolean(valid))
}

fn compiled(host: HostRef<'_>, bytes: &[u8]) -> wasmtime::Result<Module> {
    if bytes.len() < CACHED_FROM_BYTES {
        return translated(host, bytes);
    }
    let key = Key::new("cwasm", &[&engine_version(host), bytes]);
    if let Some(module) = host.group.module(&key) {
        return Ok(module);
    }
    let module = cached(host, &key, bytes)?;
    host.group.keep_module(key, &module);
    Ok(module)
}

fn cached(host: HostRef<'_>, key: &Key, bytes: &[u8]) -> wasmtime::Result<Module> {
    let (cache, engine) = (&host.group.cache, &host.group.engine);
    if let Some(code) = cache.read(key) {
        // SAFETY: the digest says that these are the bytes `Module::serialize` gave to this cache,
        // and the key that it was the same version and configuration of wasmtime.
        if let Ok(module) = unsafe { Module::deserialize(engine, &code) } {
            return Ok(module);
        }
    }
    // A copy of a process has none of the threads that compiling in parallel needs.
    if fork::is_copy() {
        let module = translated(host, bytes)?;
        cache.write(key, &module.serialize()?);
        return Ok(module);
    }
    let rewritten = legacy_eh::translate(bytes).ok().flatten();
    let code = engine::parallel()?.precompile_module(rewritten.as_deref().unwrap_or(bytes))?;
    cache.write(key, &code);
    // SAFETY: these are the bytes that the same wasmtime just made; the two engines differ in threads alone.
    unsafe { Module::deserialize(engine, &code) }
}

fn translated(host: HostRef<'_>, bytes: &[u8]) -> wasmtime::Result<Module> {
    // What the translator cannot read, wasmtime cannot either, and says so better.
    let rewritten = legacy_eh::translate(bytes).ok().flatten();
    Module::new(&host.group.engine, rewritten.as_deref().unwrap_or(bytes))
}

/// Everything of the engine that compiled code depends on.
fn engine_version(host: HostRef<'_>) -> [u8; 16] {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    host.group.engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut version = [0; 16];
    version[..8].copy_from_slice(&hasher.finish().to_le_bytes());
    version[8..].copy_from_slice(&legacy_eh::VERSION.to_le_bytes());
    version
}

fn surface(bytes: &[u8]) -> wasmtime::Result<Surface> {
    let mut surface = Surface::default();
    let mut counts: HashMap<&'static str, u32> = HashMap::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::CustomSection(section) => {
                surface.custom.push((section.name().to_owned(), section.data().to_vec()));
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let kind = imported_kind(import?.ty);
                    let count = counts.entry(kind).or_default();
                    surface.imports.push((kind, *count));
                    *count += 1;
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    surface.exports.insert(export.name.to_owned(), (name_of(export.kind), export.index));
                }
            }
            _ => {}
        }
    }
    Ok(surface)
}

fn imported_kind(ty: TypeRef) -> &'static str {
    name_of(match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => ExternalKind::Func,
        TypeRef::Table(_) => ExternalKind::Table,
        TypeRef::Memory(_) => ExternalKind::Memory,
        TypeRef::Global(_) => ExternalKind::Global,
        TypeRef::Tag(_) => ExternalKind::Tag,
    })
}

fn name_of(kind: ExternalKind) -> &'static str {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => "function",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
    }
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
    let sections = known.surface.custom.iter().filter(|(own, _)| *own == name);
    Ok(call.context.array(sections.map(|(_, data)| call.context.array_buffer(data))))
}
