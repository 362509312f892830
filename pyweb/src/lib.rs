//! `pyweb`: makes, serves, bundles and headlessly tests PyScript pages.
//!
//! The rooms, in the order the data flows:
//!
//! - [`cli`], [`config`]: the command line; its arguments made valid, once
//! - [`run`]: from a command to the rooms that do it
//! - [`runtime`]: Pyodide, MicroPython, PyScript's core and linkedom, pinned by digest, got and verified
//! - [`headless`]: a small browser without a window; the only room that knows wasmtime and QuickJS
//! - [`chromium`]: the same page in a real Chromium; the only room that knows its debugger's protocol
//! - [`page`]: one page under way: loaded, waited for, clicked, read; with what it finds there (`pyweb/js`)
//! - [`steps`]: a test told step by step: pages in processes of their own, warmed once, copied for each test
//! - [`reduce`]: what a page did, as records and a verdict; pure
//! - [`new`]: a first page, with its tests
//! - [`serve`]: a server for who writes pages; reloads them when a file changes
//! - [`packages`]: the Python packages of a site, as wheels for Pyodide
//! - [`bundle`]: a site folder made into one that needs no network
//! - [`pwa`]: what makes a bundle an app that can be installed
//! - [`events`]: the records of this tool
//! - [`render`]: the records as text for people; the only room that prints
//! - [`digest`]: SHA-256 and npm's integrity strings
//! - [`error`]: typed failures, each with a hint

pub mod bundle;
pub mod chromium;
pub mod cli;
pub mod config;
pub mod digest;
pub mod error;
pub mod events;
pub mod headless;
pub mod new;
pub mod packages;
pub mod page;
pub mod pwa;
pub mod reduce;
pub mod render;
pub mod run;
pub mod runtime;
pub mod serve;
pub mod steps;

/// This tool, as the wrapper in `common` sees it.
pub static TOOL: common::Tool = common::Tool {
    name: "pyweb",
    version: env!("CARGO_PKG_VERSION"),
    schema: || common::schema::of::<events::Record>("pyweb"),
};
