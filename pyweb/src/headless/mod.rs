//! A small browser without a window. The only room that knows wasmtime and QuickJS.
