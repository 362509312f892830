//! Runs a pytest suite in parallel: one process collects, its forked copies run the tests.
//!
//! The code map, in the order the data flows:
//!
//! - [`cli`] what may be written on the command line; [`config`] the same made valid, once
//! - [`run`] wires the rooms below: events in, decisions out, until the last worker is done
//! - [`protocol`] the messages between testfan and its Python processes
//! - [`daemon`] Python processes that outlive runs, for those that ask it for their zygote
//! - [`source`] where events come from: the zygote and worker processes (`testfan/python/`), their
//!   channels, signals, and what is kept of earlier runs: durations, history, records
//! - [`reduce`] events to answers, pure: which worker runs which test next, how many passed
//! - [`events`] the records that this tool writes
//! - [`render`] events to people or to JSON lines; the only place that prints
//! - [`error`] what can go wrong, each with a hint

pub mod cli;
pub mod config;
pub mod daemon;
pub mod error;
pub mod events;
pub mod protocol;
pub mod reduce;
pub mod render;
pub mod run;
pub mod source;

/// What the wrapper needs to know of this tool.
pub static TOOL: common::app::Tool = common::app::Tool {
    name: "testfan",
    version: env!("CARGO_PKG_VERSION"),
    schema: || common::schema::of::<events::Record>("testfan"),
};
