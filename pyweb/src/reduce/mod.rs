//! Events to answers, without input or output: what a page did, as records and a verdict.
//!
//! - [`traceback`]: a Python traceback read
//! - [`sources`]: line numbers of running code back to the page's own files
//! - [`stderr`]: tracebacks that Python only printed, put together from console lines
//! - [`javascript`]: where an error of JavaScript came from
//! - [`page`]: the run of one page: its records, its tests, what it was doing when it stopped

pub mod javascript;
pub mod page;
pub mod sources;
pub mod stderr;
pub mod traceback;
