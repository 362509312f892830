//! The real binary, run from outside on real pytest.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod cases;
mod collects;
mod daemon;
mod debugger;
mod ends;
mod failing;
mod interrupts;
mod kills;
mod live;
mod memory;
mod parts;
mod plugins;
mod replays;
mod reports;
mod retries;
mod runs;
mod suites;
mod support;
mod threads;
mod turns;
mod watch;
mod xdist;
