//! Ctrl-C and SIGTERM: the run is closed with its last record wherever it is, and everything that it started ends with
//! it: page processes by their parent's death, a browser by the end of its pipe. Must not know what was under way.

use std::io;

use common::{Exit, Session};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

/// From now on, a signal ends the run. To be called once its frame is open.
pub fn close_on_signals(session: &Session) -> io::Result<()> {
    let closer = session.closer();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            let exit = Exit(u8::try_from(128 + signal).unwrap_or(Exit::INTERRUPTED.0));
            // Nobody is left to hear that it failed.
            let _ = closer.close(exit);
            low_level::exit(i32::from(exit.0));
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
}
