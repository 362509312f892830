//! Exceptions across the boundary, both ways, and `WebAssembly.Exception` objects.
//!
//! A JavaScript value that crosses WebAssembly travels under [`JsTag`]; an exception of WebAssembly's
//! own travels in JavaScript as an object that carries its handle. Neither is changed on the way.

use wasmtime::{
    AsContextMut, Error, ExnRef, ExnRefPre, ExnType, FuncType, RootScope, Rooted, Tag, TagType,
    ThrownException, Trap, Val, ValType,
};

use super::super::host::State;
use super::super::natives::Native;
use super::super::quickjs::{Call, Handles, Result, Thrown, Value};
use super::boundary::{Crossing, Kind};
use super::{Classes, ErrorClass, HostRef};

pub(super) const NATIVES: &[(&str, Native)] =
    &[("setup", setup), ("exnNew", create), ("exnIs", is), ("exnArg", argument)];

/// The tag of JavaScript values that fly through WebAssembly, and what allocates such exceptions.
pub(super) struct JsTag {
    pub(super) tag: Tag,
    layout: ExnRefPre,
}

impl JsTag {
    pub(super) fn of(host: HostRef<'_>, mut store: impl AsContextMut) -> wasmtime::Result<&JsTag> {
        if let Some(known) = host.objects.js_tag.get() {
            return Ok(known);
        }
        let engine = &host.group.engine;
        let layout = ExnRefPre::new(&mut store, ExnType::new(engine, [ValType::EXTERNREF])?);
        let ty = TagType::new(FuncType::new(engine, [ValType::EXTERNREF], []));
        let tag = Tag::new(&mut store, &ty)?;
        Ok(host.objects.js_tag.get_or_init(|| JsTag { tag, layout }))
    }
}

/// How a call into WebAssembly ended that did not return.
pub(super) enum Escaped {
    /// A JavaScript value went right through.
    JavaScript(Crossing),
    /// An exception of WebAssembly's, by its handle.
    Exception(usize),
    /// A trap, with its message.
    Trap(String),
    StackOverflow,
    /// The time limit.
    Interrupted,
}

impl Escaped {
    /// The same in JavaScript.
    pub(super) fn thrown(self, host: HostRef<'_>) -> Thrown {
        let context = host.context;
        match self {
            Escaped::JavaScript(value) => match value.show(host) {
                Ok(value) => Thrown(value),
                Err(thrown) => thrown,
            },
            Escaped::Exception(handle) => match wrap(host, handle) {
                Ok(object) => Thrown(object),
                Err(thrown) => thrown,
            },
            Escaped::Trap(message) => host.objects.error(context, ErrorClass::Runtime, &message),
            Escaped::StackOverflow => context.range_error("Maximum call stack size exceeded"),
            Escaped::Interrupted => {
                let thrown = context.uncatchable_error("interrupted");
                host.stopped_at(&thrown.0.describe().1);
                thrown
            }
        }
    }
}

/// Sorts what a call into WebAssembly ended with.
pub(super) fn escaped(host: HostRef<'_>, mut store: impl AsContextMut, error: &Error) -> Escaped {
    if error.is::<ThrownException>()
        && let Some(exception) = store.as_context_mut().take_pending_exception()
    {
        return caught(host, store, exception).unwrap_or_else(|error| Escaped::Trap(super::reasons(&error)));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => Escaped::Trap("unreachable".to_owned()),
        Some(Trap::StackOverflow) => Escaped::StackOverflow,
        Some(Trap::Interrupt) => Escaped::Interrupted,
        Some(trap) => Escaped::Trap(trap.to_string()),
        None => Escaped::Trap(super::reasons(error)),
    }
}

fn caught(
    host: HostRef<'_>,
    mut store: impl AsContextMut,
    exception: Rooted<ExnRef>,
) -> wasmtime::Result<Escaped> {
    let tag = exception.tag(&mut store)?;
    let js_tag = JsTag::of(host, &mut store)?.tag;
    if Tag::eq(&tag, &js_tag, &store) {
        let value = exception.field(&mut store, 0)?;
        return Ok(Escaped::JavaScript(Crossing::lift(host, &mut store, &value)));
    }
    let kept = exception.to_owned_rooted(&mut store)?;
    host.objects.sweep_exceptions(host.context);
    Ok(Escaped::Exception(host.objects.exceptions.borrow_mut().insert(kept)))
}

/// Makes what an imported function threw fly on through WebAssembly.
pub(super) fn raised(host: HostRef<'_>, mut store: impl AsContextMut<Data = State>, thrown: Thrown) -> Error {
    if host.is_ending() {
        // No handler of the page may see this one.
        host.stopped_at(&thrown.0.describe().1);
        return Trap::Interrupt.into();
    }
    match exception_of(host, &mut store, thrown.0) {
        Ok(exception) => match store.as_context_mut().throw::<()>(exception) {
            Ok(()) => Error::msg("an exception was not thrown"),
            Err(error) => error,
        },
        Err(error) => error,
    }
}

fn exception_of(
    host: HostRef<'_>,
    mut store: impl AsContextMut,
    value: Value,
) -> wasmtime::Result<Rooted<ExnRef>> {
    if let Some(handle) = Handles::of(&value)
        && let Some(kept) = host.objects.exceptions.borrow().get(handle)
    {
        return Ok(kept.to_rooted(store));
    }
    let payload = Crossing::Extern((!value.is_null()).then_some(value)).lower(host, &mut store)?;
    let js_tag = JsTag::of(host, &mut store)?;
    ExnRef::new(store, &js_tag.layout, &js_tag.tag, &[payload])
}

fn wrap(host: HostRef<'_>, handle: usize) -> Result<Value> {
    let prototype = host.objects.classes.borrow().as_ref().map(|classes| classes.exception_prototype.clone());
    Handles::wrap(&prototype.unwrap_or_else(|| host.context.null()), handle)
}

/// `setup(Exception.prototype, RuntimeError, CompileError, LinkError)`
fn setup(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    if !(0..4).all(|index| call.argument(index).is_object()) {
        return Err(call.context.type_error("setup: four objects are needed"));
    }
    *host.objects.classes.borrow_mut() = Some(Classes {
        exception_prototype: call.argument(0),
        runtime_error: call.argument(1),
        compile_error: call.argument(2),
        link_error: call.argument(3),
    });
    Ok(call.context.undefined())
}

/// `exnNew(tag, payload)`: a new `WebAssembly.Exception`.
fn create(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let tag = super::tag::of(host, call, 0)?;
    let kinds: Vec<Kind> =
        host.store.with(|store| tag.ty(&store).ty().params().map(|ty| Kind::of(&ty)).collect());
    let payload = call.argument(1);
    let payload: Vec<Crossing> = (0..)
        .zip(kinds)
        .map(|(index, kind)| Crossing::read(host, &payload.at(index)?, kind))
        .collect::<Result<_>>()?;
    let kept = host.store.with(|store| {
        let mut scope = RootScope::new(store);
        let fields = payload
            .into_iter()
            .map(|value| value.lower(host, &mut scope))
            .collect::<wasmtime::Result<Vec<Val>>>()?;
        let ty = ExnType::new(&host.group.engine, tag.ty(&scope).ty().params())?;
        let layout = ExnRefPre::new(&mut scope, ty);
        ExnRef::new(&mut scope, &layout, &tag, &fields)?.to_owned_rooted(&mut scope)
    });
    let kept = kept.map_err(|error| call.context.range_error(&super::reasons(&error)))?;
    host.objects.sweep_exceptions(call.context);
    let handle = host.objects.exceptions.borrow_mut().insert(kept);
    wrap(host, handle)
}

/// `exnIs(exception, tag)`
fn is(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let tag = super::tag::of(host, call, 1)?;
    with_exception(host, call, |scope, exception| {
        let own = exception.tag(&mut *scope)?;
        Ok(Tag::eq(&own, &tag, &*scope))
    })
    .map(|same| call.context.boolean(same))
}

/// `exnArg(exception, index)`
fn argument(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let index = call.argument(1).to_u32()? as usize;
    with_exception(host, call, |scope, exception| {
        let field = exception.field(&mut *scope, index)?;
        Ok(Crossing::lift(host, scope, &field))
    })?
    .show(host)
}

fn with_exception<R>(
    host: HostRef<'_>,
    call: &Call<'_>,
    look: impl FnOnce(&mut RootScope<wasmtime::StoreContextMut<'_, State>>, Rooted<ExnRef>) -> wasmtime::Result<R>,
) -> Result<R> {
    let Some(handle) = Handles::of(&call.argument(0)) else {
        return Err(super::unknown(call, "Exception"));
    };
    let outcome = host.store.with(|store| {
        let mut scope = RootScope::new(store);
        let exception = match host.objects.exceptions.borrow().get(handle) {
            Some(kept) => kept.to_rooted(&mut scope),
            None => wasmtime::bail!("the exception is gone"),
        };
        look(&mut scope, exception)
    });
    outcome.map_err(|error| call.context.range_error(&super::reasons(&error)))
}
