//! wasmtime's configuration. Must not know JavaScript.

use wasmtime::{Collector, Config, Engine, OptLevel};

/// How deep calls may nest inside WebAssembly. Browsers give far less; Python recursion wants more.
const WASM_STACK_BYTES: usize = 128 << 20;

/// The stack of the thread that runs it all: WebAssembly's share, JavaScript's, and room between.
pub(super) const THREAD_STACK_BYTES: usize = 512 << 20;

/// How deep JavaScript may nest. Much more never ends a mutual recursion of Python and JavaScript in time.
pub(super) const JAVASCRIPT_STACK_BYTES: usize = 8 << 20;

/// An engine for what Pyodide and MicroPython are compiled to. It compiles on the thread that asks: most modules
/// are small, and a page that is to be copied by `fork` can have no other threads at work.
pub(super) fn new() -> wasmtime::Result<Engine> {
    with_threads(false)
}

/// An engine that compiles the same, on all processors.
pub(super) fn parallel() -> wasmtime::Result<Engine> {
    with_threads(true)
}

fn with_threads(parallel: bool) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_exceptions(true)
        .wasm_reference_types(true)
        .wasm_function_references(true)
        // A 32-bit memory never moves as it grows, on which `wasm/memory.rs` relies; a 64-bit one may.
        .wasm_memory64(false)
        // Pyodide tries two small modules with GC types and falls back, as it does on iOS.
        .wasm_gc(false)
        .collector(Collector::DeferredReferenceCounting)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(WASM_STACK_BYTES + (12 << 20))
        .parallel_compilation(parallel)
        // The time limit raises the epoch once, which stops endless WebAssembly.
        .epoch_interruption(true);
    Engine::new(&config)
}
