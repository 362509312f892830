//! Makes, serves, bundles and headlessly tests PyScript pages.
//!
//! - [`headless`]: the browser core, wasmtime and QuickJS-ng; the only room that knows either

pub mod headless;
