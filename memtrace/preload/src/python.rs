//! Which Python code a thread is running, read from the interpreter's own frames: nothing is installed in
//! the interpreter but a look at each code object that dies. Must not know what is allocated.

pub mod allocators;
mod code;
mod offsets;
pub mod walk;
mod who;

pub use code::{Held as Known, hold, reset};
pub use who::TaskName;

use std::ffi::CStr;
use std::ptr::{from_ref, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::guard;
use crate::python::offsets::Layout;
use crate::word::Address;

/// The interpreter of this process.
pub struct Interpreter {
    layout: Layout,
    /// `PyThreadState_GetUnchecked`: the thread state that runs, without any check.
    running: ThreadState,
    /// `PyGILState_GetThisThreadState`: this thread's, whether it runs or not.
    this_thread: ThreadState,
    /// `Py_IsFinalizing`
    ends: unsafe extern "C" fn() -> libc::c_int,
    /// `PyCode_Type`
    code_type: Address,
}

type ThreadState = unsafe extern "C" fn() -> Address;

/// What [`find`] found.
pub struct Found {
    /// `Py_Version`, such as 0x030c01f0; 0 when the program is no Python.
    pub version: u32,
    /// Whether its frames can be read.
    pub frames: bool,
}

/// How it is read without [`Layout::entries`], and with them: one recording may want them and the next one not.
static INTERPRETERS: [OnceLock<Interpreter>; 2] = [const { OnceLock::new() }; 2];
/// The one of them that is in use, or null.
static IN_USE: AtomicPtr<Interpreter> = AtomicPtr::new(null_mut());

/// The interpreter whose frames are read, if there is one.
#[inline]
pub fn interpreter() -> Option<&'static Interpreter> {
    // SAFETY: it is null or points into `INTERPRETERS`, where nothing is written any more.
    unsafe { IN_USE.load(Ordering::Acquire).as_ref() }
}

/// Looks for an interpreter among the libraries that the program has. With `entries`, its stacks say where C code
/// called it.
pub fn find(entries: bool) -> Found {
    let version = version().unwrap_or(0);
    let place = &INTERPRETERS[usize::from(entries)];
    if place.get().is_none()
        && let Some(interpreter) = read_frames(version, entries)
    {
        // Nobody else is at it: there is one recording at a time.
        let _ = place.set(interpreter);
    }
    let interpreter = place.get();
    IN_USE.store(interpreter.map_or(null_mut(), |found| from_ref(found).cast_mut()), Ordering::Release);
    Found { version, frames: interpreter.is_some() }
}

/// `Py_Version`, or what stands for it before 3.11.
fn version() -> Option<u32> {
    if let Some(version) = symbol(c"Py_Version") {
        // SAFETY: it is a constant `unsigned long`, of which 32 bits are used.
        return Some(unsafe { version.read(0) });
    }
    let get_version = symbol(c"Py_GetVersion")?;
    // SAFETY: it may be called before the interpreter begins, and answers a string such as "3.10.13 (…)".
    let text = unsafe {
        let get_version =
            std::mem::transmute::<Address, unsafe extern "C" fn() -> *const libc::c_char>(get_version);
        CStr::from_ptr(get_version()).to_string_lossy()
    };
    let mut numbers =
        text.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    Some(numbers.next()? << 24 | numbers.next()? << 16)
}

fn read_frames(version: u32, entries: bool) -> Option<Interpreter> {
    let layout = Layout::of(version, symbol(c"_PyRuntime"))?;
    let layout = if entries { layout } else { layout.without_entries() };
    let running = symbol(c"PyThreadState_GetUnchecked").or_else(|| symbol(c"_PyThreadState_UncheckedGet"))?;
    let this_thread = symbol(c"PyGILState_GetThisThreadState")?;
    let code_type = symbol(c"PyCode_Type")?;
    let ends = symbol(c"Py_IsFinalizing").or_else(|| symbol(c"_Py_IsFinalizing"))?;
    // SAFETY: these are functions without arguments; two answer a pointer and one a truth value.
    let (running, this_thread, ends) = unsafe {
        (
            std::mem::transmute::<Address, ThreadState>(running),
            std::mem::transmute::<Address, ThreadState>(this_thread),
            std::mem::transmute::<Address, unsafe extern "C" fn() -> libc::c_int>(ends),
        )
    };
    code::watch(code_type);
    Some(Interpreter { layout, running, this_thread, ends, code_type })
}

impl Interpreter {
    /// This thread's thread state, or null.
    #[inline]
    fn thread_state(&self) -> Address {
        // SAFETY: the functions may be called at any time, before the interpreter begins and after it
        // ended too, and do not need the GIL.
        unsafe {
            let running = (self.running)();
            if !running.is_null() && self.is_this_thread(running) {
                return running;
            }
            // An interpreter that ends frees the states of threads that it does not wait for.
            if (self.ends)() != 0 { Address::NULL } else { (self.this_thread)() }
        }
    }

    /// Whether this thread holds the GIL: then no other thread changes objects.
    fn has_gil(&self) -> bool {
        // SAFETY: it may be called at any time.
        let running = unsafe { (self.running)() };
        // SAFETY: what runs is a thread state.
        !running.is_null() && unsafe { self.is_this_thread(running) }
    }

    /// Up to 3.11 the running thread state is that of whoever holds the GIL; later it is the thread's own.
    ///
    /// # Safety
    /// `thread_state` must be one.
    #[inline]
    unsafe fn is_this_thread(&self, thread_state: Address) -> bool {
        let Some(offset) = self.layout.thread_id else { return true };
        // SAFETY: the caller vouches for the thread state.
        unsafe { thread_state.read::<usize>(offset) == guard::thread() }
    }
}

fn symbol(name: &CStr) -> Option<Address> {
    // SAFETY: the name is a C string; nothing is called.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if found.is_null() {
        // The program must not find this failure when it asks for its own.
        // SAFETY: it may be called at any time; the answer is not looked at.
        unsafe { libc::dlerror() };
        return None;
    }
    Some(Address(found as usize))
}
