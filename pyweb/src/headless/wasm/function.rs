//! Functions both ways: exported ones that JavaScript calls, imported ones that WebAssembly calls.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;

use wasmtime::{AsContextMut, Caller, Func, FuncType, RootScope, Val};

use super::super::host::State;
use super::super::quickjs::{Call, NativeId, Result, Value};
use super::HostRef;
use super::boundary::{Crossing, Kind};
use super::exception::{self, Escaped};
use super::memory;

/// The functions that JavaScript has seen. Each keeps its one object for good: identity matters,
/// as `table.get(i) === exports.f` shows.
#[derive(Default)]
pub(super) struct Functions {
    list: Vec<Rc<Exported>>,
    by_address: HashMap<usize, usize>,
    by_object: HashMap<usize, usize>,
    native: OnceCell<NativeId>,
}

impl Functions {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
}

struct Exported {
    func: Func,
    parameters: Vec<Kind>,
    results: Vec<Kind>,
    object: Value,
}

/// The function behind `value`, if it is an exported one.
pub(super) fn exported(host: HostRef<'_>, value: &Value) -> Option<Func> {
    let functions = host.objects.functions.borrow();
    let index = *functions.by_object.get(&value.address()?)?;
    functions.list.get(index).map(|function| function.func)
}

/// The JavaScript object of `func`, always the same one.
pub(super) fn object(host: HostRef<'_>, func: Func) -> Value {
    let (address, ty) = host.store.with(|mut store| {
        let address = func.to_raw(&mut store).addr();
        let known = host.objects.functions.borrow().by_address.contains_key(&address);
        (address, (!known).then(|| func.ty(&store)))
    });
    let mut functions = host.objects.functions.borrow_mut();
    let Some(ty) = ty else {
        return functions.list[functions.by_address[&address]].object.clone();
    };
    let native = *functions.native.get_or_init(|| {
        let host = Rc::clone(host);
        host.context.register(move |call| called(&host, call))
    });
    let index = functions.list.len();
    let parameters: Vec<Kind> = ty.params().map(|ty| Kind::of(&ty)).collect();
    let results = ty.results().map(|ty| Kind::of(&ty)).collect();
    let number = i32::try_from(index).unwrap_or(i32::MAX);
    let object = host.context.function(native, &index.to_string(), parameters.len(), number);
    if let Some(object) = object.address() {
        functions.by_object.insert(object, index);
    }
    functions.by_address.insert(address, index);
    functions.list.push(Rc::new(Exported { func, parameters, results, object: object.clone() }));
    object
}

/// JavaScript calls an exported function.
fn called(host: HostRef<'_>, call: &Call<'_>) -> Result<Value> {
    let index = usize::try_from(call.data).unwrap_or_default();
    let function = host.objects.functions.borrow().list.get(index).map(Rc::clone);
    let Some(function) = function else {
        return Err(super::unknown(call, "Function"));
    };
    let arguments = function.parameters.iter().enumerate();
    let arguments: Vec<Crossing> = arguments
        .map(|(index, kind)| Crossing::read(host, &call.argument(index), *kind))
        .collect::<Result<_>>()?;

    let depth = &host.objects.depth;
    depth.set(depth.get() + 1);
    let outcome = host.store.with(|store| {
        let mut scope = RootScope::new(store);
        let outcome = run(host, &mut scope, &function, arguments)
            .map_err(|error| exception::escaped(host, &mut scope, &error));
        memory::keep_up(host, &scope);
        outcome
    });
    depth.set(depth.get() - 1);
    host.objects.sweep();

    let mut results = outcome.map_err(|escaped: Escaped| escaped.thrown(host))?.into_iter();
    match results.len() {
        0 => Ok(call.context.undefined()),
        1 => results.next().map_or(Ok(call.context.undefined()), |result| result.show(host)),
        _ => {
            let values = results.map(|result| result.show(host)).collect::<Result<Vec<_>>>()?;
            Ok(call.context.array(values))
        }
    }
}

fn run(
    host: HostRef<'_>,
    store: &mut impl AsContextMut,
    function: &Exported,
    arguments: Vec<Crossing>,
) -> wasmtime::Result<Vec<Crossing>> {
    let parameters: Vec<Val> = arguments
        .into_iter()
        .map(|argument| argument.lower(host, &mut *store))
        .collect::<wasmtime::Result<_>>()?;
    let mut results = vec![Val::I32(0); function.results.len()];
    function.func.call(&mut *store, &parameters, &mut results)?;
    Ok(results.iter().map(|result| Crossing::lift(host, &mut *store, result)).collect())
}

/// What an instance gets for `function`: an exported one itself, else a new one that calls it.
pub(super) fn import(
    host: HostRef<'_>,
    store: impl AsContextMut<Data = State>,
    function: &Value,
    ty: FuncType,
) -> Func {
    if let Some(func) = exported(host, function) {
        return func;
    }
    let mut imports = host.objects.imports.borrow_mut();
    imports.push(function.clone());
    let index = imports.len() - 1;
    let kinds: Vec<Kind> = ty.results().map(|ty| Kind::of(&ty)).collect();
    Func::new(store, ty, move |caller, arguments, results| {
        imported(caller, index, &kinds, arguments, results)
    })
}

/// WebAssembly calls a JavaScript function.
fn imported(
    mut caller: Caller<'_, State>,
    index: usize,
    kinds: &[Kind],
    arguments: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let host = Rc::clone(&caller.data().host);
    let arguments: Vec<Crossing> =
        arguments.iter().map(|argument| Crossing::lift(&host, &mut caller, argument)).collect();
    memory::keep_up(&host, &caller);
    let outcome = host.store.lend(caller.as_context_mut(), || {
        let arguments =
            arguments.into_iter().map(|argument| argument.show(&host)).collect::<Result<Vec<_>>>()?;
        let function = host.objects.imports.borrow()[index].clone();
        let returned = function.call(&arguments)?;
        match kinds {
            [] => Ok(Vec::new()),
            [kind] => Ok(vec![Crossing::read(&host, &returned, *kind)?]),
            _ => {
                let items = (0..).zip(kinds);
                items.map(|(at, kind)| Crossing::read(&host, &returned.at(at)?, *kind)).collect()
            }
        }
    });
    match outcome {
        Ok(returned) => {
            for (result, returned) in results.iter_mut().zip(returned) {
                *result = returned.lower(&host, &mut caller)?;
            }
            Ok(())
        }
        Err(thrown) => Err(exception::raised(&host, caller, thrown)),
    }
}
