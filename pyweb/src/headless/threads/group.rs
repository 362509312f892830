//! What the threads of one page have in common, and how its workers come and go.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wasmtime::{Engine, Module};

use super::super::cache::{Cache, Key};
use super::super::engine;
use super::super::run::Page;
use super::super::watchdog::Watchdog;
use super::super::{Busy, Ended, Event, HeadlessError, Options, Script, Site};
use super::stored::Stored;
use super::switchboard::{Seat, Switchboard};
use super::waiters::Waiters;

/// One page's threads together.
pub(in super::super) struct Group {
    pub(in super::super) engine: Engine,
    pub(in super::super) site: Arc<dyn Site>,
    pub(in super::super) cache: Cache,
    pub(in super::super) watchdog: Watchdog,
    pub(in super::super) started: Instant,
    pub(in super::super) switchboard: Switchboard,
    pub(super) waiters: Waiters,
    pub(super) stored: Stored,
    events: Box<dyn Fn(Event) + Send + Sync>,
    options: Options,
    scripts: Vec<Script>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    /// What a worker was doing when the time was up.
    overtime: Mutex<Option<(Busy, String)>>,
    /// Compiled modules that every thread may instantiate.
    modules: Mutex<HashMap<Key, Module>>,
    serial: AtomicU32,
    routed: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Group {
    /// A group of nobody yet, with its engine and the thread that keeps the time.
    pub(in super::super) fn new(
        site: Box<dyn Site>,
        scripts: &[Script],
        options: &Options,
        events: Box<dyn Fn(Event) + Send + Sync>,
    ) -> Result<Arc<Group>, HeadlessError> {
        let engine = engine::new().map_err(|error| HeadlessError::Engine(error.into()))?;
        let watchdog = Watchdog::start(&engine, options.time_limit).map_err(HeadlessError::Watchdog)?;
        watchdog.arm();
        Ok(Arc::new(Group {
            engine,
            site: Arc::from(site),
            cache: Cache::new(options.cache_dir.clone()),
            watchdog,
            started: Instant::now(),
            switchboard: Switchboard::default(),
            waiters: Waiters::default(),
            stored: Stored::default(),
            events,
            options: options.clone(),
            scripts: scripts.to_vec(),
            workers: Mutex::default(),
            overtime: Mutex::default(),
            modules: Mutex::default(),
            serial: AtomicU32::new(0),
            routed: AtomicBool::new(false),
        }))
    }

    /// The place of the page's own thread; to be asked for once, before any other.
    pub(in super::super) fn first_seat(&self) -> Arc<Seat> {
        self.switchboard.enter(None)
    }

    /// Tells the outside.
    pub(in super::super) fn emit(&self, event: Event) {
        (self.events)(event);
    }

    /// The scripts that come first on every thread.
    pub(in super::super) fn scripts(&self) -> &[Script] {
        &self.scripts
    }

    /// The first of `count` numbers that no thread has got before.
    pub(super) fn numbers(&self, count: u32) -> u32 {
        self.serial.fetch_add(count, Ordering::Relaxed)
    }

    /// Whether requests of any thread must be shown to the page's own.
    pub(super) fn is_routed(&self) -> bool {
        self.routed.load(Ordering::SeqCst)
    }

    /// Says so.
    pub(super) fn set_routed(&self, routed: bool) {
        self.routed.store(routed, Ordering::SeqCst);
    }

    /// The module that some thread compiled from what `key` names.
    pub(in super::super) fn module(&self, key: &Key) -> Option<Module> {
        locked(&self.modules).get(key).cloned()
    }

    /// Keeps a compiled module for the other threads.
    pub(in super::super) fn keep_module(&self, key: Key, module: &Module) {
        locked(&self.modules).insert(key, module.clone());
    }

    /// Starts a worker that reads `config`, below `parent`; its number.
    pub(super) fn start(
        self: &Arc<Self>,
        parent: &Seat,
        config: serde_json::Value,
    ) -> Result<usize, HeadlessError> {
        let seat = self.switchboard.enter(Some(parent));
        let number = seat.number();
        let options = Options { config, entry: self.options.worker.clone(), ..self.options.clone() };
        let (group, own) = (Arc::clone(self), Arc::clone(&seat));
        let work = move || {
            let leave = Leave { group: &group, seat: &own };
            group.work(&own, options);
            drop(leave);
        };
        let thread = std::thread::Builder::new().name("worker".into()).stack_size(engine::THREAD_STACK_BYTES);
        match thread.spawn(work) {
            Ok(worker) => locked(&self.workers).push(worker),
            Err(cause) => {
                self.switchboard.leave(&seat);
                return Err(HeadlessError::Thread { mebibytes: engine::THREAD_STACK_BYTES >> 20, cause });
            }
        }
        Ok(number)
    }

    /// All that a worker's thread does.
    fn work(self: &Arc<Self>, seat: &Arc<Seat>, options: Options) {
        let ended = Page::new(self, seat, options).and_then(|page| page.run(None, &|_| ()));
        match ended {
            Ok(Ended::TimedOut { busy, stack }) if busy != Busy::Waiting => {
                locked(&self.overtime).get_or_insert((busy, stack));
            }
            Ok(_) => {}
            Err(error) => self.emit(Event::Uncaught { message: error.to_string(), stack: String::new() }),
        }
    }

    /// Stops the thread of this number and those below it.
    pub(super) fn stop(&self, number: usize) {
        self.switchboard.stop(number);
        self.waiters.look();
        // Whatever WebAssembly runs there looks whether to go on.
        self.engine.increment_epoch();
    }

    /// Ends all workers and waits until they are gone; what one of them was busy with when the time was up.
    pub(in super::super) fn end_workers(&self, seat: &Seat) -> Option<(Busy, String)> {
        loop {
            let workers = std::mem::take(&mut *locked(&self.workers));
            if workers.is_empty() {
                return locked(&self.overtime).take();
            }
            self.stop(seat.number());
            for worker in workers {
                // One that panicked has said so on standard error.
                let _ = worker.join();
            }
        }
    }

    /// How long `seat`'s thread may wait in all: the page's own until the deadline, which is not a worker's to notice.
    pub(in super::super) fn patience(&self, seat: &Seat) -> Option<Duration> {
        seat.is_page().then(|| self.watchdog.left())
    }
}

/// Leaves the group whatever happens.
struct Leave<'a> {
    group: &'a Group,
    seat: &'a Seat,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.group.stored.leave(self.seat, &self.group.switchboard);
        self.group.switchboard.leave(self.seat);
    }
}
