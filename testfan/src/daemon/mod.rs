//! Processes that outlive runs, so that the next run need not import and collect what has not changed.
//!
//! - [`request`] what a run asks the daemon for, and the messages to and from Python
//! - [`wire`] one message and its open files over a socket; [`socket`] where the daemon is found, and by whom
//! - [`client`] asks it, and starts it; [`server`] the daemon itself; [`residents`] its Python processes
//! - [`fingerprint`] whether files are what they were
//!
//! Must not know how tests are run: what a run gets is a zygote as it would have started one itself.
//!
//! For each interpreter, environment and folder there is a *base*: Python with pytest imported, and no file of the
//! project looked at. It is copied to collect ahead of runs; the process that did so is *parked* and copied for
//! each run with the same arguments, as long as everything that it read is what it was. Else the run gets a copy of
//! the base and collects for itself.

pub mod client;
pub mod fingerprint;
pub mod request;
mod residents;
mod server;
mod socket;
mod wire;

pub use server::serve;
