//! Wires `memtrace run --aggregate`: while the program runs, its events become sums, and every now and then the sums
//! become the capture, so that there is one whatever happens to the program or to memtrace.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use common::Failure;
use memtrace_wire::header::Header;

use crate::reduce::aggregate::tables::to_tables;
use crate::reduce::profile::Profile;
use crate::source::capture::{Ending, Follower, write_tables};

/// How often to look for new events.
const LOOK: Duration = Duration::from_millis(100);
/// How often to write a capture at most; and it may take this share of the time.
const WRITE: Duration = Duration::from_secs(1);
const SHARE: u32 = 20;

/// Makes the capture at `capture` of the events that a program writes to `events`, until it `ended`. What was read is
/// freed there.
pub fn aggregate(events: &Path, capture: &Path, ended: &Receiver<Ending>) -> Result<Header, Failure> {
    let mut follower = Follower::new(events)?;
    let mut profile = Profile::default().with_lifetimes();
    let mut next = Instant::now();
    loop {
        let ending = match ended.recv_timeout(LOOK) {
            Ok(ending) => Some(ending),
            Err(RecvTimeoutError::Timeout) => None,
            // Whoever waits for the program is gone without a word.
            Err(RecvTimeoutError::Disconnected) => Some(Ending::default()),
        };
        follower.poll(ending.is_some(), &mut |events| profile.apply_all(events))?;
        follower.free_what_was_read()?;
        let begun = Instant::now();
        if ending.is_some() || begun >= next {
            let tables = to_tables(&profile.aggregate(), follower.symbols());
            let header = write_tables(capture, follower.header(), ending, &tables)?;
            if ending.is_some() {
                return Ok(header);
            }
            next = begun + WRITE.max(begun.elapsed() * SHARE);
        }
    }
}
