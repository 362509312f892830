//! libc's functions that give out and take back memory, as the program calls them. Each does what libc's
//! does and tells the recorder. Must not know how events are kept.

mod ends;
mod exec;
mod heap;
mod libraries;
mod mappings;
mod program_break;
mod shell;
mod threads;

use std::ffi::CStr;

/// What the program finds under this name where the library was loaded with it.
pub const MALLOC: unsafe extern "C" fn(usize) -> *mut std::ffi::c_void = heap::malloc;

macro_rules! by_name {
    ($($room:ident: $($name:ident)+;)+) => {
        [$($((
            // The name and a zero behind it.
            match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => c"",
            },
            $room::$name as *const () as usize,
        ),)+)+]
    };
}

/// The hooks by the names of what they stand for. Those that only bring the library into programs that are executed
/// are left out: `posix_spawn`, `system`, `popen`.
pub fn all() -> Vec<(&'static CStr, usize)> {
    by_name! {
        ends: _exit _Exit;
        exec: execve execv execvpe execvp execveat fexecve execl execlp execle;
        heap: malloc calloc free free_sized free_aligned_sized realloc reallocarray posix_memalign aligned_alloc
            memalign valloc pvalloc;
        libraries: dlclose;
        mappings: mmap mmap64 munmap mremap;
        program_break: sbrk brk;
        threads: prctl pthread_setname_np;
    }
    .to_vec()
}
