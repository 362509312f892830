//! The library that `memtrace run` loads into the traced program with `LD_PRELOAD`, and `memtrace attach` and the
//! Python package `memtrace` when it runs already.
//!
//! The rooms, in the order an allocation meets them:
//!
//! - [`hooks`]: the functions that the program calls instead of libc's
//! - [`guard`]: one flag per thread, so that memtrace's own allocations are not recorded
//! - [`recorder`]: gives the event its sequence number and hands it to the thread's log
//! - [`python`]: which Python code this thread is running, read from the interpreter's own frames
//! - [`native`]: the native stack of the thread, unwound where it is not the same as before
//! - [`log`], [`definitions`], [`buffer`], [`pool`]: a thread's stream of entries, what they refer to, in
//!   memory shared with the capture file
//! - [`alone`]: whether there are other threads at all
//! - [`clock`]: when it is time for a sample of time and resident memory
//! - [`process`], [`environment`]: how it all begins, what happens on fork and exec, how it ends
//! - [`late`]: the second way in, for a program that runs already
//! - [`real`], [`table`], [`word`]: the allocator beneath the hooks; a hash table; raw memory
//!
//! Invariants: the program's behaviour, its `errno` and its output are never changed; hooks only enqueue;
//! nothing here is an rlib, because its `malloc` would end up in whatever links it.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
compile_error!("the hooks know the thread pointer and libc of x86-64 Linux with glibc only");

mod alone;
mod buffer;
mod clock;
mod definitions;
mod environment;
mod guard;
mod hooks;
mod late;
mod log;
mod native;
mod pool;
mod process;
mod python;
mod real;
mod recorder;
mod table;
mod word;
