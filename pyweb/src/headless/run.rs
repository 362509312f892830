//! Runs a page, or a worker of it: the thread with the big stack, the scripts, the event loop, the time limit.

use std::cell::RefCell;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use wasmtime::{AsContextMut, Store, UpdateDeadline};

use super::host::{Host, State, StoreAccess};
use super::loader::Loader;
use super::orders::Orders;
use super::quickjs::{Runtime, Thrown, Value};
use super::threads::{Group, Seat, Woken};
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
            Page::first(site, scripts, options, tell)?.run(None, &|_| ())
        })?;
        events.iter().for_each(on_event);
        joined(page)
    })
}

/// The same for a page that is told what to do while it runs: `command` is called with each command, until there
/// are no more. The time limit is for each task of the event loop; waiting for commands has none.
///
/// Events are told on the thread that they happen on; a copy of a page (`__native.fork`) begins with its own alone. A copy ends its process instead of returning, after `on_end`.
pub fn obey(
    site: Box<dyn Site>,
    scripts: &[Script],
    options: &Options,
    commands: Box<dyn Commands>,
    on_event: Box<dyn Fn(Event) + Send + Sync>,
    on_end: &(dyn Fn(&Ended) + Sync),
) -> Result<(), HeadlessError> {
    std::thread::scope(|scope| {
        let page = on_big_stack(scope, move || {
            Page::first(site, scripts, options, on_event)?.run(Some(commands), on_end).map(drop)
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

/// One page, or a worker of it, on its own thread. The order of the fields is the order in which they are dropped:
/// the store may hold values of JavaScript, and the runtime outlives them all.
pub(super) struct Page {
    store: Store<State>,
    host: Rc<Host>,
    runtime: Runtime,
}

impl Page {
    /// A page, the first of its threads.
    fn first(
        site: Box<dyn Site>,
        scripts: &[Script],
        options: &Options,
        events: Box<dyn Fn(Event) + Send + Sync>,
    ) -> Result<Page, HeadlessError> {
        let group = Group::new(site, scripts, options, events)?;
        Page::new(&group, &group.first_seat(), options.clone())
    }

    /// The one that has `seat`.
    pub(super) fn new(group: &Arc<Group>, seat: &Arc<Seat>, options: Options) -> Result<Page, HeadlessError> {
        let runtime = Runtime::new(engine::JAVASCRIPT_STACK_BYTES).ok_or(HeadlessError::JavaScript)?;
        let host = Rc::new(Host {
            context: runtime.context(),
            group: Arc::clone(group),
            seat: Arc::clone(seat),
            store: StoreAccess::default(),
            objects: wasm::Objects::default(),
            options,
            import_map: RefCell::default(),
            ended: RefCell::new(None),
            natives: RefCell::new(None),
            orders: Orders::default(),
        });
        let mut store = Store::new(&group.engine, State { host: Rc::clone(&host), limits: wasm::Limits });
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            // The time may have been up for a task before this one, or for another thread.
            if store.data().host.must_stop(Busy::WebAssembly) {
                return Ok(UpdateDeadline::Interrupt);
            }
            Ok(UpdateDeadline::Continue(1))
        });
        runtime.set_modules(Rc::new(Loader { host: Rc::clone(&host) }));
        let hook = Rc::clone(&host);
        runtime.on_interrupt(Box::new(move || hook.must_stop(Busy::JavaScript)));
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

    /// Runs everything, to the end.
    pub(super) fn run(
        mut self,
        commands: Option<Box<dyn Commands>>,
        on_end: &dyn Fn(&Ended),
    ) -> Result<Ended, HeadlessError> {
        let Page { store, host, runtime } = &mut self;
        host.orders.listen(commands);
        let outcome = host.store.lend(store.as_context_mut(), || {
            start(host, runtime)?;
            Ok(turn(host, runtime))
        });
        drop(host.natives.take());
        let mut ended = match host.ended.take() {
            Some(ended) => Ok(ended),
            None => outcome,
        };
        if host.seat.is_page()
            && let Some((busy, stack)) = host.group.end_workers(&host.seat)
            && let Ok(Ended::Idle | Ended::TimedOut { busy: Busy::Waiting, .. }) = &ended
        {
            // The page waited for the worker.
            ended = Ok(Ended::TimedOut { busy, stack });
        }
        if let Ok(ended) = &ended {
            on_end(ended);
        }
        if fork::is_copy() {
            fork::end_copy(i32::from(ended.is_err()));
        }
        ended
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // Also when this thread panicked: nothing of a page outlives it.
        if self.host.seat.is_page() {
            self.host.group.end_workers(&self.host.seat);
        }
    }
}

/// Evaluates everything that comes before the event loop.
fn start(host: &Rc<Host>, runtime: &Runtime) -> Result<(), HeadlessError> {
    let failed = |url: &str, thrown: &Thrown| {
        let (message, stack) = thrown.0.describe();
        host.stopped_at(&stack);
        HeadlessError::Script { url: url.to_owned(), message, stack }
    };
    natives::install(host).map_err(|thrown| failed("__native", &thrown))?;
    let given = host.group.scripts().iter().map(|script| (script.url.as_str(), &*script.source));
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
fn turn(host: &Rc<Host>, runtime: &Runtime) -> Ended {
    loop {
        run_jobs(host, runtime);
        host.objects.sweep();
        if let Some(ended) = host.ended.take() {
            return ended;
        }
        let received = receive(host);
        if received {
            run_jobs(host, runtime);
        }
        let wait = match tick(host) {
            Ok(wait) => wait,
            Err(thrown) => {
                uncaught(host, &thrown);
                continue;
            }
        };
        if received || host.is_ending() || wait == 0.0 || runtime.has_jobs() {
            continue;
        }
        let wait = (wait > 0.0).then(|| Duration::try_from_secs_f64(wait / 1e3).unwrap_or(Duration::MAX));
        if !host.orders.are_given() {
            if sleep(host, wait) == Woken::Quiet {
                return Ended::Idle;
            }
            continue;
        }
        match next_command(host, wait) {
            Next::Command(command) => command_page(host, &command),
            Next::Nothing => {}
            Next::Closed => return Ended::Idle,
        }
    }
}

/// Waits for a command, or until something is due.
fn next_command(host: &Host, wait: Option<Duration>) -> Next {
    if host.orders.wait() {
        return host.orders.next(None, None);
    }
    host.group.watchdog.rest();
    let next = |wait, call: Option<BorrowedFd<'_>>| host.orders.next(wait, call);
    let next = host.group.switchboard.wait_with(&host.seat, wait, next);
    host.group.watchdog.arm();
    next
}

/// Hands the next message from another thread to the scripts; whether there was one.
fn receive(host: &Rc<Host>) -> bool {
    let context = host.context;
    let Some(letter) = host.group.switchboard.take(&host.seat) else { return false };
    let handed = letter.message.read(context).and_then(|message| {
        let port = context.count(letter.port as usize);
        host.hook("receive")?.call(&[port, message])
    });
    if let Err(thrown) = handed {
        uncaught(host, &thrown);
    }
    true
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

/// Waits for a message, for `wait` if there is a task due then, and never beyond the time limit.
fn sleep(host: &Rc<Host>, wait: Option<Duration>) -> Woken {
    let woken = host.group.switchboard.wait(&host.seat, wait, host.group.patience(&host.seat));
    let is_over = host.seat.is_page() && host.group.watchdog.is_over();
    if host.seat.is_stopped() {
        host.end(Ended::Done(0));
    } else if woken == Woken::Late && is_over {
        host.time_out(Busy::Waiting);
    }
    woken
}

fn run_jobs(host: &Rc<Host>, runtime: &Runtime) {
    while !host.is_ending() {
        match runtime.run_job() {
            None => return,
            Some(Ok(())) => {
                host.must_stop(Busy::JavaScript);
            }
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
