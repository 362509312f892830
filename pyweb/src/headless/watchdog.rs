//! Keeps the time for a page that cannot: raises the engine's epoch once a deadline has passed, so that endless
//! WebAssembly comes to an end. Must not know what the deadline is for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use wasmtime::Engine;

/// No deadline.
const NEVER: u64 = u64::MAX;
/// How often the epoch is raised once the deadline has passed, until what runs has seen it.
const AGAIN: Duration = Duration::from_millis(50);

/// A deadline and the thread that watches it. Atomic, so that a copy of the process made by `fork`, which has no
/// such thread, finds no lock held.
pub(super) struct Watchdog {
    engine: Engine,
    limit: Duration,
    began: Instant,
    deadline_us: Arc<AtomicU64>,
}

impl Watchdog {
    /// Starts the thread, with no deadline yet. It ends some time after this is dropped.
    pub(super) fn start(engine: &Engine, limit: Duration) -> std::io::Result<Watchdog> {
        let deadline_us = Arc::new(AtomicU64::new(NEVER));
        let watchdog = Watchdog { engine: engine.clone(), limit, began: Instant::now(), deadline_us };
        watchdog.watch()?;
        Ok(watchdog)
    }

    /// Starts the thread anew, in a copy of the process.
    pub(super) fn watch(&self) -> std::io::Result<()> {
        let (engine, limit, began) = (self.engine.clone(), self.limit, self.began);
        let deadline = Arc::downgrade(&self.deadline_us);
        let thread = std::thread::Builder::new().name("watchdog".into()).stack_size(64 << 10);
        thread.spawn(move || keep(&engine, limit, began, &deadline)).map(drop)
    }

    /// From now on, what runs may run for the limit.
    pub(super) fn arm(&self) {
        let deadline = self.began.elapsed() + self.limit;
        self.deadline_us.store(u64::try_from(deadline.as_micros()).unwrap_or(NEVER), Ordering::Relaxed);
    }

    /// Nothing runs; waiting takes as long as it takes.
    pub(super) fn rest(&self) {
        self.deadline_us.store(NEVER, Ordering::Relaxed);
    }

    /// Whether the deadline has passed.
    pub(super) fn is_over(&self) -> bool {
        is_over(self.deadline_us.load(Ordering::Relaxed), self.began)
    }

    /// How long it is until the deadline.
    pub(super) fn left(&self) -> Duration {
        let deadline = Duration::from_micros(self.deadline_us.load(Ordering::Relaxed));
        deadline.saturating_sub(self.began.elapsed())
    }
}

fn is_over(deadline_us: u64, began: Instant) -> bool {
    deadline_us != NEVER && began.elapsed() >= Duration::from_micros(deadline_us)
}

fn keep(engine: &Engine, limit: Duration, began: Instant, deadline: &Weak<AtomicU64>) {
    while let Some(deadline) = deadline.upgrade() {
        let deadline_us = deadline.load(Ordering::Relaxed);
        drop(deadline);
        if is_over(deadline_us, began) {
            engine.increment_epoch();
            std::thread::sleep(AGAIN);
            continue;
        }
        // A deadline that is set later lies at least the limit ahead, so this never sleeps past one.
        let left = Duration::from_micros(deadline_us).saturating_sub(began.elapsed());
        std::thread::sleep(left.min(limit));
    }
}
