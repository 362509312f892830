//! Which Python code a thread is running, read from the interpreter's own frames: nothing is installed in
//! the interpreter but a look at each code object that dies. Must not know what is allocated.

pub mod allocators;
mod code;
mod offsets;
pub mod walk;

pub use code::{Held as Known, hold, reset};

use std::ffi::CStr;
use std::sync::OnceLock;

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

static INTERPRETER: OnceLock<Interpreter> = OnceLock::new();

/// The interpreter whose frames are read, if there is one.
#[inline]
pub fn interpreter() -> Option<&'static Interpreter> {
    INTERPRETER.get()
}

/// Looks for an interpreter among the libraries that the program was started with. With `entries`, its stacks say
/// where C code called it.
pub fn find(entries: bool) -> Found {
    let version = version().unwrap_or(0);
    let frames = interpreter().is_some() || read_frames(version, entries).is_some();
    Found { version, frames }
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

fn read_frames(version: u32, entries: bool) -> Option<()> {
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
    INTERPRETER.set(Interpreter { layout, running, this_thread, ends, code_type }).ok()
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
