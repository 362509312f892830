//! Who is at work: what Python calls a thread and asyncio a task. Both are read from objects that the thread's own
//! frames hold: `threading` begins a thread with a method of its `Thread`, and an event loop runs a step of a task
//! by a method of the `Handle` that knows it. No code of the program's is run for it.
//!
//! Must not know where the names are written.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::python::code::text;
use crate::python::offsets::{CONTENT, Instance, Layout, SIZE, TYPE};
use crate::word::Address;

/// `Handle._run` of `asyncio/events.py`, once it was met.
static RUNS_HANDLE: AtomicUsize = AtomicUsize::new(NOT_MET);
/// `Thread._bootstrap_inner` of `threading.py`, once it was met.
static BEGINS_THREAD: AtomicUsize = AtomicUsize::new(NOT_MET);
/// No object is there.
const NOT_MET: usize = 1;

/// Takes note of a code object that tells who is at work.
pub fn note(code: Address, file: &str, function: &str) {
    // Before 3.11 code objects do not know in which class they are.
    if file.ends_with("/asyncio/events.py") && (function == "Handle._run" || function == "_run") {
        RUNS_HANDLE.store(code.0, Ordering::Relaxed);
    } else if file.ends_with("/threading.py") && function.ends_with("_bootstrap_inner") {
        BEGINS_THREAD.store(code.0, Ordering::Relaxed);
    }
}

/// The code object died: another one may get its address.
pub fn forget(code: Address) {
    for known in [&RUNS_HANDLE, &BEGINS_THREAD] {
        // Where it is another one there is nothing to do.
        let _ = known.compare_exchange(code.0, NOT_MET, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Whether a frame that executes it knows a task.
#[inline]
pub fn runs_handle(code: Address) -> bool {
    code.0 == RUNS_HANDLE.load(Ordering::Relaxed)
}

/// Whether a frame that executes it knows a thread.
#[inline]
pub fn begins_thread(code: Address) -> bool {
    code.0 == BEGINS_THREAD.load(Ordering::Relaxed)
}

/// What a task is called.
#[derive(Debug, PartialEq, Eq)]
pub enum TaskName {
    /// As it was known before.
    Known,
    /// This.
    New(String),
}

/// What the task is called whose step is run; none where it is no task, or nobody gave it a name.
///
/// # Safety
/// `frame` must be a frame of this thread, of which [`runs_handle`] is true. As long as it is there, it holds the
/// handle, the handle or the call that it makes holds the task, and that its name, which no other thread may change:
/// asyncio's objects belong to one thread.
pub unsafe fn task_name(layout: &Layout, frame: Address, known: &str) -> Option<TaskName> {
    // SAFETY: passed on to the caller; what is found is a living string.
    unsafe {
        let name = task_name_object(layout, frame);
        if name.is_null() {
            return None;
        }
        if is_same(layout, name, known) {
            return Some(TaskName::Known);
        }
        let name = text(layout, name);
        (!is_automatic(&name)).then_some(TaskName::New(name))
    }
}

/// Whether asyncio made it up: it only counts tasks, of which there may be very many, and what they do is in their
/// stacks.
fn is_automatic(name: &str) -> bool {
    name.strip_prefix("Task-").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The name of the task whose step is run, a `str`; null where it is no task.
///
/// # Safety
/// As for [`task_name`].
unsafe fn task_name_object(layout: &Layout, frame: Address) -> Address {
    /// `Handle._callback`: the second of its slots by the alphabet, in which they lie behind the object's head.
    const CALLBACK: usize = 24;
    /// `TaskStepMethWrapper.sw_task`, and that of the wrapper for what wakes a task up.
    const WRAPPED: usize = 16;
    /// `PyCFunctionObject.m_self`
    const SELF: usize = 24;
    // SAFETY: every step looks at the type of the object first, whose fields say where they lie.
    unsafe {
        let handle = frame.pointer(layout.names.first_local);
        if !is_a(handle, |name| name == b"Handle") {
            return Address::NULL;
        }
        let callback = handle.pointer(CALLBACK);
        if callback.is_null() {
            return Address::NULL;
        }
        let kind = type_name(callback.pointer(TYPE));
        let task = match kind {
            b"builtin_function_or_method" => callback.pointer(SELF),
            _ if kind.ends_with(b"TaskStepMethWrapper") => callback.pointer(WRAPPED),
            _ if kind.ends_with(b"TaskWakeupMethWrapper") => callback.pointer(WRAPPED),
            _ => return Address::NULL,
        };
        let is_task = |name: &[u8]| name == b"_asyncio.Task";
        if task.is_null() || !is_a(task, is_task) || !has_known_size(layout, task) {
            return Address::NULL;
        }
        let name = task.pointer(layout.names.task_name);
        if is_text(name) { name } else { Address::NULL }
    }
}

/// What Python calls the thread that `frame` begins.
///
/// # Safety
/// `frame` must be a frame of this thread, of which [`begins_thread`] is true, and the thread must hold the GIL.
pub unsafe fn thread_name(layout: &Layout, frame: Address) -> Option<String> {
    // SAFETY: the first argument of a method is its object, which lives as long as the frame.
    unsafe {
        let thread = frame.pointer(layout.names.first_local);
        if !is_a(thread, |name| name == b"Thread") {
            return None;
        }
        let name = attribute(layout, thread, "_name");
        is_text(name).then(|| text(layout, name))
    }
}

/// `tp_name`
const TYPE_NAME: usize = 24;
/// `tp_basicsize`
const BASIC_SIZE: usize = 32;
/// `tp_flags`
const FLAGS: usize = 168;
/// `tp_base`
const BASE: usize = 256;
/// `tp_dictoffset`
const DICT_OFFSET: usize = 288;
/// `Py_TPFLAGS_INLINE_VALUES`, `Py_TPFLAGS_MANAGED_DICT` and `Py_TPFLAGS_UNICODE_SUBCLASS`
const INLINE_VALUES: u64 = 1 << 2;
const MANAGED_DICT: u64 = 1 << 4;
const IS_TEXT: u64 = 1 << 28;
/// `PyDictObject.ma_keys` and `ma_values`
const KEYS: usize = 32;
const VALUES: usize = 40;

/// # Safety
/// `kind` must be a type.
unsafe fn type_name<'a>(kind: Address) -> &'a [u8] {
    // SAFETY: it is a C string that lives as long as the type.
    unsafe { CStr::from_ptr(kind.pointer(TYPE_NAME).0 as *const _).to_bytes() }
}

/// Whether an object is of a type with such a name, or of one that is derived from it.
///
/// # Safety
/// `object` must be null or an object.
unsafe fn is_a(object: Address, is_name: impl Fn(&[u8]) -> bool) -> bool {
    if object.is_null() {
        return false;
    }
    // SAFETY: every object has a type, and every type but the first one a base.
    unsafe {
        let mut kind = object.pointer(TYPE);
        while !kind.is_null() {
            if is_name(type_name(kind)) {
                return true;
            }
            kind = kind.pointer(BASE);
        }
    }
    false
}

/// Whether the task is laid out as expected, which nobody promises: its C type is as large.
///
/// # Safety
/// `task` must be an `_asyncio.Task`.
unsafe fn has_known_size(layout: &Layout, task: Address) -> bool {
    // SAFETY: that type is among the bases of its type.
    unsafe {
        let mut kind = task.pointer(TYPE);
        while type_name(kind) != b"_asyncio.Task" {
            kind = kind.pointer(BASE);
        }
        kind.read::<usize>(BASIC_SIZE) == layout.names.task_size
    }
}

/// # Safety
/// `object` must be null or an object.
unsafe fn is_text(object: Address) -> bool {
    // SAFETY: every object has a type.
    !object.is_null() && unsafe { object.pointer(TYPE).read::<u64>(FLAGS) } & IS_TEXT != 0
}

/// What an object's own attribute of this name is, or null.
///
/// # Safety
/// `object` must be of a class that was made by `class`, without slots, and the thread must hold the GIL.
unsafe fn attribute(layout: &Layout, object: Address, name: &str) -> Address {
    /// Where a managed dict, or what stands for it, lies before the object, in words.
    const BEFORE: usize = 3;
    // SAFETY: the type says which of the forms it has; the GIL keeps others from changing it.
    unsafe {
        let kind = object.pointer(TYPE);
        let flags = kind.read::<u64>(FLAGS);
        let before = |words: usize| Address(object.0 - 8 * words).pointer(0);
        let cached_keys = |offset: usize| kind.pointer(offset);
        let own = match layout.names.instance {
            Instance::Dict => Values::Dict(object.pointer(kind.read(DICT_OFFSET))),
            _ if flags & MANAGED_DICT == 0 => return Address::NULL,
            Instance::Beside(keys) => match before(BEFORE + 1) {
                Address::NULL => Values::Dict(before(BEFORE)),
                values => Values::Shared(cached_keys(keys), values),
            },
            Instance::Tagged(keys) => match before(BEFORE) {
                values if values.0 & 1 != 0 => Values::Shared(cached_keys(keys), values.plus(1)),
                dict => Values::Dict(dict),
            },
            Instance::Inline(keys) => {
                let inline = object.plus(kind.read(BASIC_SIZE));
                // `PyDictValues`: its capacity, size, whether it is embedded and valid; then the values.
                if flags & INLINE_VALUES != 0 && inline.read::<u8>(3) != 0 {
                    Values::Shared(cached_keys(keys), inline.plus(8))
                } else {
                    Values::Dict(before(BEFORE))
                }
            }
        };
        let (keys, values) = match own {
            Values::Dict(Address::NULL) => return Address::NULL,
            Values::Dict(dict) => (dict.pointer(KEYS), values_of(layout, dict)),
            Values::Shared(keys, values) => (keys, values),
        };
        if keys.is_null() { Address::NULL } else { value(layout, keys, values, name) }
    }
}

/// Where an object's own attributes are.
enum Values {
    /// In a dict, or nowhere where that is null.
    Dict(Address),
    /// The keys in a table that objects of a class share, the values with the object.
    Shared(Address, Address),
}

/// The values of a dict that shares its keys; null where it has its own.
///
/// # Safety
/// `dict` must be a dict.
unsafe fn values_of(layout: &Layout, dict: Address) -> Address {
    // SAFETY: it is a field of every dict.
    let values = unsafe { dict.pointer(VALUES) };
    match layout.names.instance {
        // Before the values are four bytes about them.
        Instance::Inline(_) if !values.is_null() => values.plus(8),
        _ => values,
    }
}

/// The value of a key in a `PyDictKeysObject`, where `values` are beside it, or else in it.
///
/// # Safety
/// `keys` must be one and `values` null or the values of its entries; the thread must hold the GIL.
unsafe fn value(layout: &Layout, keys: Address, values: Address, wanted: &str) -> Address {
    // SAFETY: these are its fields; entries lie behind an index whose size depends on theirs.
    unsafe {
        let (count, entries, stride, key_at) = if matches!(layout.names.instance, Instance::Dict) {
            let size: usize = keys.read(8);
            let width = match size {
                0..=0xff => 1,
                0x100..=0xffff => 2,
                0x1_0000..=0xffff_ffff => 4,
                _ => 8,
            };
            (keys.read::<usize>(32), keys.plus(40 + size * width), 24, 8)
        } else {
            let entries = keys.plus(32 + (1 << keys.read::<u8>(9)));
            // `DICT_KEYS_GENERAL`: only those have the hash of each key.
            let (stride, key_at) = if keys.read::<u8>(10) == 0 { (24, 8) } else { (16, 0) };
            (keys.read::<usize>(24), entries, stride, key_at)
        };
        for index in 0..count {
            let entry = entries.plus(index * stride);
            let key = entry.pointer(key_at);
            if is_text(key) && is_same(layout, key, wanted) {
                let beside = || values.pointer(8 * index);
                return if values.is_null() { entry.pointer(key_at + 8) } else { beside() };
            }
        }
        Address::NULL
    }
}

/// Whether a `str` is this text; what is not ASCII is compared by way of a copy.
///
/// # Safety
/// `string` must be a living `str`.
unsafe fn is_same(layout: &Layout, string: Address, wanted: &str) -> bool {
    /// `compact` and `ascii` of a string's `state`.
    const PLAIN: u32 = 0b11 << 5;
    // SAFETY: the state says where the characters lie.
    unsafe {
        if string.read::<u32>(CONTENT) & PLAIN == PLAIN {
            string.read::<usize>(SIZE) == wanted.len()
                && string.bytes(layout.ascii, wanted.len()) == wanted.as_bytes()
        } else {
            text(layout, string) == wanted
        }
    }
}
