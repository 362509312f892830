//! One page under way: loaded, waited for, clicked, read. Must not know wasmtime.
