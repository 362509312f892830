//! The one switch that ends a run early: Ctrl-C, or a reader of standard output that went away.
//! Must not know who looks at it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Off until the run is to end.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    set: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
}

impl Stop {
    /// A switch that Ctrl-C and SIGTERM turn on; at the second one the program ends on the spot.
    pub fn on_signals() -> io::Result<Stop> {
        let stop = Stop::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let code = 128 + signal;
            signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&stop.interrupted))?;
            signal_hook::flag::register(signal, Arc::clone(&stop.interrupted))?;
        }
        Ok(stop)
    }

    /// Turns it on.
    pub fn set(&self) {
        self.set.store(true, Ordering::Relaxed);
    }

    /// Whether it is on.
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Relaxed) || self.was_interrupted()
    }

    /// Whether a signal turned it on.
    pub fn was_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
