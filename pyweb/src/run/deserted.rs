//! A run is closed, too, once both are gone who started it and who read its records: steps whose driver was killed do
//! not go on to their page's time limit. Must not know what was under way.

use std::io;
use std::time::Duration;

use common::{Exit, Session};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::getppid;
use signal_hook::low_level;

const LOOK: Duration = Duration::from_millis(200);

/// From now on, being left alone ends the run. To be called once its frame is open.
pub fn close_when_deserted(session: &Session) -> io::Result<()> {
    let closer = session.closer();
    let starter = getppid();
    let wait = move || {
        if !outlasts_reader() {
            return;
        }
        // A reader that goes away first leaves the verdict to the starter.
        while getppid() == starter {
            std::thread::sleep(LOOK);
        }
        let _ = closer.close(Exit::INTERRUPTED);
        low_level::exit(i32::from(Exit::INTERRUPTED.0));
    };
    std::thread::Builder::new().name("deserted".into()).spawn(wait).map(drop)
}

/// Waits until nobody reads standard output any more; that is never so of a file.
fn outlasts_reader() -> bool {
    let output = io::stdout();
    loop {
        match poll(&mut [PollFd::new(&output, PollFlags::empty())], None) {
            Err(Errno::INTR) => {}
            ended => return ended.is_ok(),
        }
    }
}
