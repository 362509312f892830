//! Gets many files at once: threads that wait for the network, fed from one queue, telling what happens.
//! Must not know what is shown of it.

mod check;
mod claims;
mod hosts;
mod job;
mod process;
mod receive;
mod retry;
mod segments;
mod stop;

pub use claims::Claims;
pub use hosts::Hosts;
pub use retry::Policy;
pub use stop::Stop;

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use crate::archive::Limit;
use crate::cache::{Cache, Verify};
use crate::error::{Error, Problem};
use crate::events::Event;
use crate::queue::Queue;
use crate::registry::Lock;
use crate::source::{Process, Request, Requests};
use crate::transfer::Transfer;
use job::Job;

/// How many requests are read ahead of the workers.
const WAITING: usize = 256;
/// So many events wait for a standard output that cannot keep up; then the workers wait, too.
const UNSHOWN: usize = 256;
/// How often a run that hears of nothing looks whether it is to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// How files are got.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Ask whether files are there, and get none.
    pub check: bool,
    /// Use the cache alone.
    pub offline: bool,
    /// Ask the servers whether files without a known digest have changed.
    pub refresh: bool,
    /// How files that are there are checked.
    pub verify: Verify,
    /// How much may come out of an archive.
    pub max_unpacked: Limit,
    /// By how many connections a long file may come.
    pub segments: usize,
}

/// What gets files: one for a run, shared by its threads.
pub struct Getter {
    /// Where files lie.
    pub cache: Cache,
    /// Where bytes come from.
    pub transfer: Arc<Transfer>,
    /// How many connections each host bears.
    pub hosts: Hosts,
    /// How files are got.
    pub options: Options,
    /// What is done with files whose requests do not say it.
    pub process: Option<Process>,
    /// How often a URL is tried.
    pub policy: Policy,
    /// Whether to go on.
    pub stop: Stop,
    /// What each place is for.
    pub claims: Claims,
    /// What earlier runs got, and what this one gets.
    pub lock: Option<Lock>,
}

/// A numbered request, or the error that the source ended with.
type Item = Result<(u64, Request), Error>;

impl Getter {
    /// Gets all files, `jobs` at once, and calls `show` with each event as it happens.
    ///
    /// The requests are read by a thread that nobody waits for, as it may hang on a standard input that stays
    /// open. An error among the requests ends the run once the files under way are there.
    pub fn get_all(&self, requests: Requests, jobs: usize, mut show: impl FnMut(Event)) -> Result<(), Error> {
        let (queue, events) = (Arc::new(Queue::new(WAITING)), Arc::new(Queue::new(UNSHOWN)));
        let feeding = (Arc::clone(&queue), Arc::clone(&events));
        thread::spawn(move || feed(requests, &feeding.0, &feeding.1));
        let working = AtomicUsize::new(jobs);
        thread::scope(|scope| {
            let work = || {
                let _last = LastOf { working: &working, events: &events };
                self.work(&queue, &events)
            };
            let workers: Vec<_> = std::iter::repeat_with(|| scope.spawn(work)).take(jobs).collect();
            // Should `show` panic, no worker waits for room any more.
            let _closing = events.closing();
            let mut happened = VecDeque::new();
            while events.take(&mut happened, GLANCE) {
                happened.drain(..).for_each(&mut show);
                if self.stop.is_set() {
                    queue.abandon();
                }
            }
            let join =
                |worker: ScopedJoinHandle<_>| worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            workers.into_iter().try_for_each(join)
        })
    }

    /// Gets files until the queue is closed; an error from the source closes it.
    fn work(&self, queue: &Queue<Item>, events: &Queue<Event>) -> Result<(), Error> {
        while let Some(item) = queue.pop() {
            let (number, mut request) = item.inspect_err(|_| queue.close())?;
            let allowed = self.pin(&mut request);
            let who = |address| self.transfer.who(address, &request.access);
            request.who = request.addresses.iter().map(who).collect();
            let job = Job::new(self, events, number, &request);
            let outcome = if self.options.check { job.availability(allowed) } else { job.run(allowed) };
            if let Some(outcome) = outcome {
                tell(events, Event::Ended { job: number, outcome: Box::new(outcome) });
            }
        }
        Ok(())
    }
}

impl Getter {
    /// Has the lock file's digest go with the request, where it has one.
    fn pin(&self, request: &mut Request) -> Result<(), Problem> {
        if let Some(lock) = &self.lock {
            request.locked = lock.pin(request)?;
        }
        Ok(())
    }
}

/// Reads the requests and hands them to the workers.
fn feed(requests: Requests, queue: &Queue<Item>, events: &Queue<Event>) {
    let known = requests.count();
    if let Some(count) = known {
        tell(events, Event::Requested(count));
    }
    for (number, request) in (0..).zip(requests.into_stream()) {
        if known.is_none() {
            tell(events, Event::Requested(1));
        }
        if !queue.push(request.map(|request| (number, request))) {
            break;
        }
    }
    queue.close();
}

/// The one who works last closes the events, also when it panics.
struct LastOf<'a> {
    working: &'a AtomicUsize,
    events: &'a Queue<Event>,
}

impl Drop for LastOf<'_> {
    fn drop(&mut self) {
        if self.working.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.events.close();
        }
    }
}

fn tell(events: &Queue<Event>, event: Event) {
    use Event::{Advanced, Requested, Started, Unpacked};
    // Nobody can see how far a file is more than ten times a second.
    let urgent = !matches!(event, Requested(_) | Started { .. } | Advanced { .. } | Unpacked { .. });
    // Nobody listens only when the run is over.
    let _ = if urgent { events.push(event) } else { events.push_quietly(event) };
}
