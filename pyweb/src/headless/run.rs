//! Runs a page: the thread with the big stack, the scripts, the event loop, the time limit.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use wasmtime::{AsContextMut, Engine, Store, UpdateDeadline};

use super::cache::Cache;
use super::engine;
use super::host::{Host, State, StoreAccess};
use super::loader::Loader;
use super::quickjs::{Runtime, Thrown, Value};
use super::{Busy, Ended, Event, HeadlessError, Options, Script, Site, natives, wasm};

/// A page that says more than is heard waits, so that it cannot fill the memory with words.
const EVENTS_WAITING: usize = 1024;

/// The engine's own scripts, evaluated before all others.
const OWN_SCRIPTS: &[(&str, &str)] = &[
    ("pyweb://js/quickjs.js", include_str!("../../js/quickjs.js")),
    ("pyweb://js/webassembly.js", include_str!("../../js/webassembly.js")),
];

/// Runs `scripts` in order, then the entry module of `options`, then timers and jobs, until a script
/// calls `__native.exit`, nothing is left to do, or the time limit has passed.
///
/// Events arrive while it runs, on the calling thread.
pub fn run(
    site: Box<dyn Site>,
    scripts: &[Script],
    options: &Options,
    on_event: &mut dyn FnMut(Event),
) -> Result<Ended, HeadlessError> {
    let started = Instant::now();
    let engine = engine::new().map_err(|error| HeadlessError::Engine(error.into()))?;
    let (sender, events) = mpsc::sync_channel(EVENTS_WAITING);
    std::thread::scope(|scope| {
        let page = std::thread::Builder::new().name("page".into()).stack_size(engine::THREAD_STACK_BYTES);
        let own = engine.clone();
        let page = page
            .spawn_scoped(scope, move || Page::new(&own, site, options, started, sender)?.run(scripts))
            .map_err(|cause| HeadlessError::Thread { mebibytes: engine::THREAD_STACK_BYTES >> 20, cause })?;
        // This thread is idle anyway, so it keeps the time for the other.
        relay(&events, options.time_limit.saturating_sub(started.elapsed()), on_event);
        engine.increment_epoch();
        events.iter().for_each(on_event);
        page.join().unwrap_or_else(|panic| Err(HeadlessError::Panicked(panic_text(panic.as_ref()))))
    })
}

/// Passes events on until `limit` has passed or there will be no more.
fn relay(events: &Receiver<Event>, limit: Duration, on_event: &mut dyn FnMut(Event)) {
    let started = Instant::now();
    while let Some(left) = limit.checked_sub(started.elapsed()) {
        match events.recv_timeout(left) {
            Ok(event) => on_event(event),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// One page on its own thread. The order of the fields is the order in which they are dropped:
/// the store may hold values of JavaScript, and the runtime outlives them all.
struct Page {
    store: Store<State>,
    host: Rc<Host>,
    runtime: Runtime,
}

impl Page {
    fn new(
        engine: &Engine,
        site: Box<dyn Site>,
        options: &Options,
        started: Instant,
        events: SyncSender<Event>,
    ) -> Result<Page, HeadlessError> {
        let runtime = Runtime::new(engine::JAVASCRIPT_STACK_BYTES).ok_or(HeadlessError::JavaScript)?;
        let host = Rc::new(Host {
            context: runtime.context(),
            engine: engine.clone(),
            store: StoreAccess::default(),
            objects: wasm::Objects::default(),
            site,
            cache: Cache::new(options.cache_dir.clone()),
            options: options.clone(),
            started,
            events,
            ended: RefCell::new(None),
        });
        let mut store = Store::new(engine, Rc::clone(&host));
        store.set_epoch_deadline(1);
        // Only the time limit moves the epoch.
        store.epoch_deadline_callback(|store| {
            store.data().time_out(Busy::WebAssembly);
            Ok(UpdateDeadline::Interrupt)
        });
        runtime.set_modules(Rc::new(Loader { host: Rc::clone(&host) }));
        let hook = Rc::clone(&host);
        runtime.on_interrupt(Box::new(move || {
            if hook.out_of_time() {
                hook.time_out(Busy::JavaScript);
            }
            hook.is_ending()
        }));
        let hook = Rc::clone(&host);
        runtime.on_rejection(Box::new(move |promise, reason, handled| {
            let context = hook.context;
            let tracker = context.global().get("__onRejection");
            if let Ok(tracker) = tracker
                && tracker.is_function()
                && let Err(thrown) = tracker.call(&[promise, reason, context.boolean(handled)])
            {
                uncaught(&hook, &thrown);
            }
        }));
        Ok(Page { store, host, runtime })
    }

    fn run(mut self, scripts: &[Script]) -> Result<Ended, HeadlessError> {
        let Page { store, host, runtime } = &mut self;
        let outcome = host.store.lend(store.as_context_mut(), || {
            start(host, runtime, scripts)?;
            Ok(turn(host, runtime))
        });
        match host.ended.take() {
            Some(ended) => Ok(ended),
            None => outcome,
        }
    }
}

/// Evaluates everything that comes before the event loop.
fn start(host: &Rc<Host>, runtime: &Runtime, scripts: &[Script]) -> Result<(), HeadlessError> {
    let failed = |url: &str, thrown: &Thrown| {
        let (message, stack) = thrown.0.describe();
        host.stopped_at(&stack);
        HeadlessError::Script { url: url.to_owned(), message, stack }
    };
    natives::install(host).map_err(|thrown| failed("__native", &thrown))?;
    let given = scripts.iter().map(|script| (script.url.as_str(), &*script.source));
    for (url, source) in OWN_SCRIPTS.iter().copied().chain(given) {
        host.context.evaluate(source, url).map_err(|thrown| failed(url, &thrown))?;
        run_jobs(host, runtime);
    }
    if let Some(entry) = &host.options.entry {
        let namespace = host.context.import(entry).map_err(|thrown| failed(entry, &thrown))?;
        report_failure(host, &namespace, entry).map_err(|thrown| failed(entry, &thrown))?;
    }
    Ok(())
}

/// Makes the failure of the entry module, which may come long after, an event.
fn report_failure(host: &Rc<Host>, namespace: &Value, entry: &str) -> Result<(), Thrown> {
    let (hook, entry) = (Rc::clone(host), entry.to_owned());
    let report = host.context.register(move |call| {
        let (message, stack) = call.argument(0).describe();
        hook.emit(Event::Uncaught { message: format!("{entry}: {message}"), stack });
        Ok(call.context.undefined())
    });
    let report = host.context.function(report, "report", 1, 0);
    namespace.get("then")?.call_on(namespace, &[host.context.undefined(), report]).map(drop)
}

/// The event loop: all jobs, then one due task of the scripts', then what is due next.
fn turn(host: &Rc<Host>, runtime: &Runtime) -> Ended {
    loop {
        run_jobs(host, runtime);
        host.objects.sweep();
        if let Some(ended) = host.ended.take() {
            return ended;
        }
        let wait = match tick(host) {
            Ok(wait) => wait,
            Err(thrown) => {
                uncaught(host, &thrown);
                continue;
            }
        };
        if wait < 0.0 && !runtime.has_jobs() {
            return host.ended.take().unwrap_or(Ended::Idle);
        }
        if wait > 0.0 && !runtime.has_jobs() {
            sleep(host, Duration::from_secs_f64(wait / 1e3));
        }
    }
}

/// Asks the scripts for their next task. Without `__tick` there are only jobs.
fn tick(host: &Rc<Host>) -> Result<f64, Thrown> {
    let tick = host.context.global().get("__tick")?;
    if tick.is_function() { tick.call(&[])?.to_f64() } else { Ok(-1.0) }
}

fn sleep(host: &Rc<Host>, wait: Duration) {
    let left = host.options.time_limit.saturating_sub(host.started.elapsed());
    std::thread::sleep(wait.min(left));
    if wait >= left {
        host.time_out(Busy::Waiting);
    }
}

fn run_jobs(host: &Rc<Host>, runtime: &Runtime) {
    while !host.is_ending() {
        match runtime.run_job() {
            None => return,
            Some(Ok(())) if host.out_of_time() => host.time_out(Busy::JavaScript),
            Some(Ok(())) => {}
            Some(Err(thrown)) => uncaught(host, &thrown),
        }
    }
}

/// An error that nothing in the page caught. The one that ends the page is not the page's.
fn uncaught(host: &Host, thrown: &Thrown) {
    let (message, stack) = thrown.0.describe();
    if host.is_ending() {
        host.stopped_at(&stack);
    } else {
        host.emit(Event::Uncaught { message, stack });
    }
}
