//! Ctrl-C and its relatives as events, and passing them on. Must not know what a run is.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals as Iterator};

use super::Event;

/// From now to its drop, SIGINT, SIGTERM and SIGHUP are events instead of the end.
#[derive(Debug)]
pub struct Signals {
    handle: Handle,
}

impl Signals {
    /// Begins.
    pub fn watch(events: Sender<Event>) -> io::Result<Signals> {
        let mut signals = Iterator::new([SIGINT, SIGTERM, SIGHUP])?;
        let handle = signals.handle();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in signals.forever() {
                if events.send(Event::Interrupted).is_err() {
                    return;
                }
            }
        })?;
        Ok(Signals { handle })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// Ctrl-C for the zygote, its workers and whatever the tests started in their process group.
pub fn interrupt_group(group: u32) {
    signal_group(group, Signal::INT);
}

/// The end of the zygote, its workers and whatever the tests started in their process group.
pub fn kill_group(group: u32) {
    signal_group(group, Signal::KILL);
}

fn signal_group(group: u32, signal: Signal) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // That nobody is left to get it is as good.
        let _ = kill_process_group(group, signal);
    }
}
