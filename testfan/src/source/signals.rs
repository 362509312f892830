//! Ctrl-C and its relatives as events, and passing them on. Must not know what a run is.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::{Handle, Signals as Iterator};

use super::Event;

/// From now to its drop, SIGINT, SIGTERM, SIGHUP and SIGTSTP are events instead of the end or a stop.
#[derive(Debug)]
pub struct Signals {
    handle: Handle,
}

impl Signals {
    /// Begins.
    pub fn watch(events: Sender<Event>) -> io::Result<Signals> {
        let mut signals = Iterator::new([SIGINT, SIGTERM, SIGHUP, SIGTSTP])?;
        let handle = signals.handle();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                let event = if signal == SIGTSTP { Event::Suspended } else { Event::Interrupted };
                if events.send(event).is_err() {
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

/// Ctrl-Z: stops the zygote's process group, then this process; returns when it is continued, as they are.
pub fn stand_still(group: u32) {
    signal_group(group, Signal::STOP);
    // SIGTSTP is one that it can emulate.
    let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
    signal_group(group, Signal::CONT);
}

/// Ctrl-Z where nothing runs; returns when this process is continued.
pub fn stop_here() {
    let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
}

fn signal_group(group: u32, signal: Signal) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // That nobody is left to get it is as good.
        let _ = kill_process_group(group, signal);
    }
}
