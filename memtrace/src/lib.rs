//! `memtrace` profiles the memory of a Python (or any dynamically linked) program, exactly.
//!
//! The rooms, in the order the data flows:
//!
//! - [`cli`], [`config`]: the command line; what it means, made valid once
//! - [`run`]: wires the rooms below for each command
//! - [`source`]: where events come from: `source/launch` starts the program with the preload library (the
//!   crate in `preload/`, carried in this binary), `source/attach` loads it into one that runs, `source/capture`
//!   reads its capture (format in `wire/`), `source/symbolize` says what native addresses stand for, `source/remote`
//!   brings a capture from another machine, `source/records` reads records on standard input; `source/ahead` reads
//!   in a thread of its own
//! - [`events`]: what flows: allocations and frees with numbered stacks; the records of this tool
//! - [`reduce`]: events to answers: what is in use, high-water mark, leaks, memory over time, call trees; pure
//! - [`render`]: answers to text, records, HTML pages, views of the whole terminal, files of other programs; the
//!   only room that prints
//! - [`error`]: failures, each with a hint
//!
//! Invariants: the traced program's output and exit code are its own; only `source/launch` and
//! `source/attach` are unsafe.

pub mod cli;
pub mod config;
pub mod error;
pub mod events;
pub mod reduce;
pub mod render;
pub mod run;
pub mod source;

use common::Tool;

/// What the common wrapper needs to know of this tool.
pub static TOOL: Tool = Tool {
    name: "memtrace",
    version: env!("CARGO_PKG_VERSION"),
    schema: || common::schema::of::<events::Record>("memtrace"),
};
