//! Runs a page: the thread with the big stack, the scripts, the event loop, the time limit.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use wasmtime::{AsContextMut, Store, UpdateDeadline};

use super::cache::Cache;
use super::host::{Host, State, StoreAccess};
use super::loader::Loader;
use super::quickjs::{Runtime, Thrown, Value};
use super::watchdog::Watchdog;
use super::{Busy, Commands, Ended, Event, HeadlessError, Next, Options, Script, Site, natives, wasm};
use super::{engine, fork};

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
    let (sender, events) = mpsc::sync_channel(EVENTS_WAITING);
    std::thread::scope(|scope| {
        let page = on_big_stack(scope, move || {
            // Nobody listening any more is no reason to stop.
            let tell = Box::new(move |event| drop(sender.send(event)));
            Page::new(site, options, tell)?.run(scripts, None, &|_| ())
        })?;
        events.iter().for_each(on_event);
        joined(page)
    })
}

/// The same for a page that is told what to do while it runs: `command` is called with each command, until there
/// are no more. The time limit is for each task of the event loop; waiting for commands has none.
///
/// Events are told on the page's own thread, which is the only one when the page is a copy of another
/// (`__native.fork`). A copy ends its process instead of returning, after `on_end`.
pub fn obey(
    site: Box<dyn Site>,
    scripts: &[Script],
    options: &Options,
    commands: Box<dyn Commands>,
    on_event: Box<dyn Fn(Event) + Send>,
    on_end: &(dyn Fn(&Ended) + Sync),
) -> Result<(), HeadlessError> {
    std::thread::scope(|scope| {
        let page = on_big_stack(scope, move || {
            Page::new(site, options, on_event)?.run(scripts, Some(commands), on_end).map(drop)
        })?;
        joined(page)
    })
}

fn on_big_stack<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    page: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, HeadlessError> {
    let thread = std::thread::Builder::new().name("page".into()).stack_size(engine::THREAD_STACK_BYTES);
    let failed = |cause| HeadlessError::Thread { mebibytes: engine::THREAD_STACK_BYTES >> 20, cause };
    thread.spawn_scoped(scope, page).map_err(failed)
}

fn joined<T>(page: ScopedJoinHandle<'_, Result<T, HeadlessError>>) -> Result<T, HeadlessError> {
    page.join().unwrap_or_else(|panic| Err(HeadlessError::Panicked(panic_text(panic.as_ref()))))
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
        site: Box<dyn Site>,
        options: &Options,
        events: Box<dyn Fn(Event)>,
    ) -> Result<Page, HeadlessError> {
        let engine = engine::new().map_err(|error| HeadlessError::Engine(error.into()))?;
        let watchdog = Watchdog::start(&engine, options.time_limit).map_err(HeadlessError::Watchdog)?;
        watchdog.arm();
        let runtime = Runtime::new(engine::JAVASCRIPT_STACK_BYTES).ok_or(HeadlessError::JavaScript)?;
        let host = Rc::new(Host {
            context: runtime.context(),
            engine: engine.clone(),
            store: StoreAccess::default(),
            objects: wasm::Objects::default(),
            site,
            cache: Cache::new(options.cache_dir.clone()),
            options: options.clone(),
            started: Instant::now(),
            watchdog,
            events,
            ended: RefCell::new(None),
            natives: RefCell::new(None),
        });
        let mut store = Store::new(&engine, Rc::clone(&host));
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            // The time may have been up for a task before this one.
            if !store.data().out_of_time() {
                return Ok(UpdateDeadline::Continue(1));
            }
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
            if let Ok(tracker) = hook.hook("onRejection")
                && tracker.is_function()
                && let Err(thrown) = tracker.call(&[promise, reason, context.boolean(handled)])
            {
                uncaught(&hook, &thrown);
            }
        }));
        Ok(Page { store, host, runtime })
    }

    fn run(
        mut self,
        scripts: &[Script],
        commands: Option<Box<dyn Commands>>,
        on_end: &dyn Fn(&Ended),
    ) -> Result<Ended, HeadlessError> {
        let Page { store, host, runtime } = &mut self;
        let outcome = host.store.lend(store.as_context_mut(), || {
            start(host, runtime, scripts)?;
            Ok(turn(host, runtime, commands))
        });
        drop(host.natives.take());
        let ended = match host.ended.take() {
            Some(ended) => Ok(ended),
            None => outcome,
        };
        if let Ok(ended) = &ended {
            on_end(ended);
        }
        if fork::is_copy() {
            fork::end_copy(i32::from(ended.is_err()));
        }
        ended
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

/// The event loop: all jobs, then one due task of the scripts' or a command, then what is due next.
fn turn(host: &Rc<Host>, runtime: &Runtime, mut commands: Option<Box<dyn Commands>>) -> Ended {
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
        if host.is_ending() || wait == 0.0 || runtime.has_jobs() {
            continue;
        }
        let wait = (wait > 0.0).then(|| Duration::try_from_secs_f64(wait / 1e3).unwrap_or(Duration::MAX));
        match (&mut commands, wait) {
            (Some(commands), wait) => {
                host.watchdog.rest();
                let next = commands.next(wait);
                host.watchdog.arm();
                match next {
                    Next::Command(command) => command_page(host, &command),
                    Next::Nothing => {}
                    Next::Closed => return Ended::Idle,
                }
            }
            (None, Some(wait)) => sleep(host, wait),
            (None, None) => return Ended::Idle,
        }
    }
}

/// Hands a command to the scripts.
fn command_page(host: &Rc<Host>, command: &str) {
    let context = host.context;
    let handed = context.parse_json(command).and_then(|command| host.hook("command")?.call(&[command]));
    if let Err(thrown) = handed {
        uncaught(host, &thrown);
    }
}

/// Asks the scripts for their next task. Without `tick` there are only jobs.
fn tick(host: &Rc<Host>) -> Result<f64, Thrown> {
    let tick = host.hook("tick")?;
    if tick.is_function() { tick.call(&[])?.to_f64() } else { Ok(-1.0) }
}

fn sleep(host: &Rc<Host>, wait: Duration) {
    let left = host.watchdog.left();
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
