//! What the four snakepipe tools share, and nothing that only one of them needs.
//!
//! The rooms, in the order a program meets them:
//!
//! - [`app`]: the wrapper that every `main` calls: arguments, output form, fatal errors, exit code
//!   (with `title`, which keeps its secrets out of `/proc`)
//! - [`format`], [`term`], [`progress`]: for people or for pipes; colours and tables; progress bars
//! - [`record`], [`writer`], [`reader`]: the record contract of `RECORDS.md`, out and in
//! - [`outcome`]: the `test.*` records, which several tools emit
//! - [`schema`]: the record types as JSON Schema, kept in `schemas/`
//! - [`error`], [`exit`]: failures with a hint; the documented exit codes
//! - [`fs`]: files that appear whole or not at all, locks, cache folders
//! - [`below`], [`conditions`]: for small servers of a folder: what a URL names in it; what a client asks of a file
//! - [`server`]: their connections, and the signal that ends them

pub mod app;
pub mod below;
pub mod conditions;
pub mod error;
pub mod exit;
pub mod format;
pub mod fs;
pub mod outcome;
pub mod progress;
pub mod reader;
pub mod record;
pub mod schema;
pub mod server;
pub mod term;
mod title;
pub mod writer;

pub use app::{OutputArgs, Session, Tool};
pub use error::{Explain, Failure};
pub use exit::Exit;
pub use format::Format;
