//! The real binary, run from outside on real pytest.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod daemon;
mod ends;
mod failing;
mod interrupts;
mod live;
mod parts;
mod retries;
mod runs;
mod suites;
mod support;
mod watch;
mod xdist;
