//! `pyweb test --steps`: a test told step by step, as JSON lines; each step is answered by a record. The wire
//! protocol of the pytest plugin (`pyweb/python`), and a script for whoever likes to write one.
//!
//! - [`script`]: the steps in their order: tests, answers, the verdict
//! - [`browser`]: the page that the steps are about: opened, warmed, copied, told, closed
//! - [`process`]: a page process, from outside
//! - [`host`]: the same from inside
//! - [`message`]: what the two say to each other
//!
//! A page is loaded once, by a process of its own. From then on it is warm: each test that opens it gets a copy
//! made by `fork`, unless the test prepared something that must be there before the page loads.

pub mod browser;
pub mod host;
pub mod message;
pub mod process;
pub mod script;

pub use script::run;
