//! fetch gets files once, verified and cached.
//!
//! The rooms, in the order the data flows:
//!
//! - [`cli`], [`config`]: the arguments as given; the arguments made valid
//! - [`run`]: wires one command
//! - [`source`]: requests from URLs, pooch's registries, and JSON of ours, npm's and pip's
//! - [`registry`]: registries as files of their own: made, checked, converted, kept as a lock
//! - [`get`]: many requests at once, each from the look into the cache to the file in its place; retries and mirrors
//!   - [`cache`]: which files are there, whole and right; places, index, partials that outlive a kill, what is swept
//!   - [`transfer`]: bytes from where they are, one room for each protocol; only `transfer/http` knows ureq;
//!     who a server is told to be asking ([`transfer::credentials`]), and through which proxy;
//!     DOIs and the files of the repositories' records ([`transfer::doi`])
//!   - [`archive`]: what comes out of archives and compressed files
//!   - [`hash`]: digests and how they are written
//! - [`serve`]: the other side, a small server of one folder
//! - [`events`]: what happens on the way, and the records of it
//! - [`reduce`]: events into the run's answer, pure
//! - [`render`]: records, lines for people, progress bars; the only room that prints
//! - [`queue`]: how threads pass things on to one another
//! - [`error`]: what can go wrong, with the run and with one file

pub mod archive;
pub mod cache;
pub mod cli;
pub mod config;
pub mod error;
pub mod events;
pub mod get;
pub mod hash;
pub mod queue;
pub mod reduce;
pub mod registry;
pub mod render;
pub mod run;
pub mod serve;
pub mod source;
pub mod transfer;
