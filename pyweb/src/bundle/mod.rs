//! A site folder made into one that needs no network. Must not know wasmtime.
