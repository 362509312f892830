//! Wires the rooms: events from `source`, decisions from `reduce`, records to `render`.

mod collect;
mod daemon;
mod ending;
mod lanes;
mod outcomes;
mod report;
mod turns;
mod watch;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use common::app::{Session, completions};
use common::{Exit, Failure};

use crate::cli::{Cli, Commands, Start};
use crate::config::{CollectConfig, ReportConfig, RunConfig, Selection, Workers, replayed};
use crate::error::Error;
use crate::events::{Record, StartedBy, TextSource};
use crate::protocol::{
    Begin, Collected, Done, FromZygote, Halt, Hello, Order, PROTOCOL, WorkerId, worker_name,
};
use crate::reduce::{Dist, Flakiness, Item, Maxfail, Plan, Retries, Scheduler, Tally, partition, scopes};
use crate::render::{Render, run_renderer};
use crate::source::durations::{self, Durations};
use crate::source::history;
use crate::source::journal::Journal;
use crate::source::memory::Memtrace;
use crate::source::{Closed, Event, InMemory, Signals, Zygote, become_pytest, cores};
use lanes::{Beside, Division, Kind};
use watch::Watched;
use workers::Worker;

/// A worker that is lost is replaced, but not for ever: so many times for each worker, as pytest-xdist has it.
const RESTARTS_PER_WORKER: usize = 4;

/// Does what the command line says.
pub fn dispatch(cli: Cli, session: &mut Session) -> Result<Exit, Failure> {
    match cli.command {
        Commands::Completions { shell } => {
            completions::<Cli>(&crate::TOOL, shell, session);
            Ok(Exit::YES)
        }
        Commands::Daemon { command } => daemon::dispatch(command, session),
        Commands::Run(args) => {
            let config = RunConfig::new(args, session)?;
            if config.debugger {
                return Err(become_pytest(&config.python, &config.pytest).into());
            }
            let journal = Journal::begin();
            session.copy_to(journal.output());
            session.begin().map_err(anyhow::Error::from)?;
            Run::start(config, session, journal, None)?.until_done()
        }
        Commands::Collect(args) => {
            let config = CollectConfig::new(args, session)?;
            session.begin().map_err(anyhow::Error::from)?;
            collect::collect(&config, session)
        }
        Commands::Report(args) => {
            let config = ReportConfig::new(args)?;
            session.begin().map_err(anyhow::Error::from)?;
            report::report(&config, session)
        }
        Commands::Replay(args) => {
            let input = replayed(args)?;
            session.begin().map_err(anyhow::Error::from)?;
            report::replay(&input, session)
        }
        Commands::Watch(args) => watch::watch(args, session),
    }
}

/// One run of one suite.
struct Run<'s> {
    session: &'s mut Session,
    config: RunConfig,
    render: Box<dyn Render>,
    journal: Journal,
    events: Receiver<Event>,
    sender: Sender<Event>,
    _signals: Signals,
    zygote: Zygote,
    begin: Begin,
    hello: Option<Hello>,
    suite: Option<Suite>,
    workers: BTreeMap<WorkerId, Worker>,
    next_worker: WorkerId,
    lost_workers: usize,
    /// When a worker was last asked to give something back.
    asked_at: Instant,
    /// Where workers lock the ports that they bind.
    ports: InMemory,
    contested_ports: BTreeSet<u16>,
    /// The tests whose worker was lost and of which hooks have not said what they think.
    unjudged: Vec<(WorkerId, Done)>,
    tally: Tally,
    retries: Retries,
    flakiness: Flakiness,
    halt: Option<Halt>,
    interrupts: usize,
    open_streams: usize,
    finishing: bool,
    watched: Option<&'s mut Watched>,
    memtrace: Option<Memtrace>,
}

/// What pytest collected, and what is known of it.
struct Suite {
    collected: Collected,
    /// Hands the tests to workers that run one after the other: all, but for those in `beside`.
    scheduler: Scheduler,
    beside: Option<Beside>,
    maxfail: Maxfail,
    workers: usize,
    start: StartedBy,
    /// Whether there is one worker, which is told of no other.
    alone: bool,
}

/// How the tests are spread.
struct Spread {
    dist: Dist,
    workers: usize,
}

impl Spread {
    /// The command line's word counts, then that of pytest's options.
    fn of(config: &RunConfig, collected: &Collected, dist: Dist, tests: usize) -> Result<Spread, Error> {
        let wanted = &collected.wanted;
        let asked = match (config.workers, &wanted.workers) {
            (Some(workers), _) => workers,
            (None, Some(text)) => text.parse()?,
            (None, None) => Workers::Auto,
        };
        let counted =
            |count: usize| wanted.auto.unwrap_or(count).clamp(1, wanted.most.unwrap_or(usize::MAX).max(1));
        let number = match asked {
            Workers::Auto => counted(cores::cores()),
            Workers::Logical => counted(cores::threads()),
            Workers::Number(number) => number,
        };
        if dist == Dist::No || number == 0 {
            return Ok(Spread { dist: Dist::No, workers: tests.min(1) });
        }
        let most = if collected.order == Order::OneByOne { 1 } else { number };
        // Each worker beyond the tests would have nothing to do.
        let useful = if dist == Dist::Each && tests > 0 { most } else { most.min(tests) };
        Ok(Spread { dist, workers: useful })
    }
}

impl<'s> Run<'s> {
    fn start(
        config: RunConfig,
        session: &'s mut Session,
        journal: Journal,
        watched: Option<&'s mut Watched>,
    ) -> Result<Self, Failure> {
        let (sender, events) = channel();
        let memtrace = config.memory.then(Memtrace::start).transpose()?;
        let signals = Signals::watch(sender.clone()).map_err(Error::Channel)?;
        let begin = Begin {
            width: config.width,
            run: run_name(),
            retries: config.retries > 0,
            focus: config.focus.clone(),
            imports: watched.is_some(),
            threads: config.threads > 1,
            memory: memtrace.as_ref().map(Memtrace::begin),
            ..Begin::new(config.pytest.clone(), std::process::id())
        };
        let zygote = daemon::zygote(&config, &begin, &sender, session)?;
        Ok(Run {
            render: run_renderer(session, config.width, &journal.output(), config.github.clone()),
            journal,
            retries: Retries::new(config.retries),
            flakiness: Flakiness::default(),
            session,
            config,
            events,
            sender,
            _signals: signals,
            zygote,
            begin,
            hello: None,
            suite: None,
            workers: BTreeMap::new(),
            next_worker: 0,
            lost_workers: 0,
            asked_at: Instant::now(),
            ports: InMemory::new().map_err(Error::Channel)?,
            contested_ports: BTreeSet::new(),
            unjudged: Vec::new(),
            tally: Tally::default(),
            halt: None,
            interrupts: 0,
            open_streams: 1,
            finishing: false,
            watched,
            memtrace,
        })
    }

    /// Takes events until the zygote is gone, then says how it went.
    fn until_done(mut self) -> Result<Exit, Failure> {
        let taken = self.take_events();
        let left: Vec<WorkerId> = self.workers.keys().copied().collect();
        for worker in left {
            self.tests_interrupted(worker)?;
        }
        for (worker, done) in std::mem::take(&mut self.unjudged) {
            self.show(&Record::TestFinished(self.record_of(worker, done)))?;
        }
        match taken? {
            Some(exit) => Ok(exit),
            None => self.conclude(),
        }
    }

    /// Until the zygote is gone; with an exit code when it was ended.
    fn take_events(&mut self) -> Result<Option<Exit>, Failure> {
        loop {
            let event = match self.next_deadline() {
                None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => self.events.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match event {
                Ok(Event::Zygote(message)) => self.zygote_says(message)?,
                Ok(Event::ZygoteClosed(Closed::Garbage(line))) => return Err(Error::Garbage { line }.into()),
                Ok(Event::ZygoteClosed(Closed::Ended)) | Err(RecvTimeoutError::Disconnected) => {
                    return Ok(None);
                }
                Ok(Event::Worker(id, message)) => self.worker_says(id, message)?,
                Ok(Event::WorkerClosed(id, why)) => self.worker_closed(id, &why)?,
                Ok(Event::Printed(worker, source, text)) => self.show(&printed(worker, source, text))?,
                Ok(Event::Changed(_) | Event::Key(_)) => {}
                Ok(Event::StreamClosed) => self.open_streams -= 1,
                Ok(Event::Suspended) => self.suspend(),
                Ok(Event::Interrupted) => {
                    if self.interrupted()? {
                        return Ok(Some(Exit::CANNOT));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.wait_no_longer()?;
                    self.end_overdue()?;
                }
            }
        }
    }

    fn zygote_says(&mut self, message: FromZygote) -> Result<(), Failure> {
        match message {
            FromZygote::Hello(hello) => self.hello = Some(usable(hello, &self.config.python)?),
            FromZygote::Collected(collected) => self.collected(*collected)?,
            FromZygote::Imports { files } => {
                if let Some(watched) = &mut self.watched {
                    watched.impact.learn(files);
                }
            }
            FromZygote::Ended { code } => self.zygote.ends_with(code),
            FromZygote::Halted(halt) => self.halt(halt.kind, halt.reason, halt.code)?,
            FromZygote::Text { text } => self.show(&printed(None, TextSource::Pytest, text))?,
            FromZygote::Started { worker, pid } => self.worker_started(&worker, pid)?,
            FromZygote::Judged { i, again } => self.test_judged(i, again)?,
            FromZygote::Reaped { worker, status, killed } => self.worker_reaped(&worker, status, killed)?,
        }
        Ok(())
    }

    fn collected(&mut self, collected: Collected) -> Result<(), Failure> {
        for warning in &collected.warnings {
            self.session.warn(warning);
        }
        if let Err(error) = self.journal.keep() {
            self.session.warn(&format!("the records of this run are not kept: {error}"));
        }
        self.flakiness = Flakiness::new(history::load(&collected.root));
        let selection = &self.config.selection;
        let dist = selection.dist.or(collected.wanted.dist).unwrap_or_default();
        let chosen = chosen(&collected, selection, dist);
        // Where both know a test, what it took on this machine counts.
        let mut durations = selection.durations.clone();
        durations.extend(durations::load(&collected.root));
        let items = items(&collected, &durations, dist);
        let tests = chosen.as_ref().map_or(items.len(), Vec::len);
        let Spread { dist, workers } = Spread::of(&self.config, &collected, dist, tests)?;
        let (start, reason) = match (self.config.start, &collected.unforkable) {
            (Start::Spawn, _) => (StartedBy::Spawn, None),
            (Start::Auto, Some(reason)) => (StartedBy::Spawn, Some(reason.clone())),
            (Start::Auto | Start::Fork, _) => (StartedBy::Fork, None),
        };
        if let Some(reason) = &reason {
            self.session.warn(&format!("workers are spawned, not forked: {reason}"));
        }
        let hello = self.hello.take();
        self.show(&Record::Collected {
            tests: (tests * if dist == Dist::Each { workers } else { 1 }) as u64,
            workers: workers as u64,
            start,
            reason,
            python: hello.as_ref().map(|hello| hello.python.clone()).unwrap_or_default(),
            pytest: hello.and_then(|hello| hello.pytest).unwrap_or_default(),
            daemon: self.zygote.warm(),
        })?;
        let slowest_first = collected.order == Order::Any && (collected.wanted.reorder || !dist.is_strict());
        let plan = match dist {
            Dist::Each => Plan::Each(workers),
            dist if dist.is_strict() => Plan::Scopes,
            _ => Plan::Any,
        };
        let threads = lanes::threads(self.config.threads, &collected, dist)?;
        let division = Division { items, plan, slowest_first, workers, threads };
        let (scheduler, beside) = self.divide(&division, &collected, chosen.as_deref())?;
        let nothing_to_do = workers == 0 && !collected.ids.is_empty();
        let maxfail = Maxfail::new(collected.maxfail);
        self.begin.workers = workers * threads;
        self.begin.replay_all = collected.replay_all;
        self.begin.hold_after_failure = collected.maxfail > 0;
        self.begin.basetemp.clone_from(&collected.basetemp);
        self.begin.parent = self.zygote.pid();
        self.begin.ports = (workers > 1).then(|| self.ports.path());
        let alone = dist == Dist::No;
        self.suite = Some(Suite { collected, scheduler, beside, maxfail, workers, start, alone });
        if nothing_to_do {
            return self.finish_if_done();
        }
        if threads > 1 {
            return self.fill();
        }
        (0..workers).try_for_each(|_| self.make_worker(Kind::Plain))
    }

    fn show(&mut self, record: &Record) -> Result<(), Failure> {
        if let Some(watched) = &mut self.watched {
            watched.impact.see(record);
        }
        self.render.show(record).map_err(|error| anyhow::Error::from(error).context("failed to print").into())
    }
}

/// No other run's: the clock and the process.
fn run_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}{:06x}", since.as_nanos(), std::process::id())
}

fn printed(worker: Option<WorkerId>, source: TextSource, text: String) -> Record {
    Record::TextPrinted { source, worker: worker.map(worker_name), text }
}

/// A process that can run suites, or why this one cannot.
fn usable(hello: Hello, python: &Path) -> Result<Hello, Error> {
    if hello.usable && hello.protocol == PROTOCOL {
        return Ok(hello);
    }
    Err(Error::Unusable { python: python.to_owned(), version: hello.python, pytest: hello.pytest })
}

/// The items of the part of the suite that is meant; none: all.
fn chosen(collected: &Collected, selection: &Selection, dist: Dist) -> Option<Vec<usize>> {
    // Other machines must find the same parts, so what this one remembers does not count.
    let items = || items(collected, &selection.durations, dist);
    selection.part.map(|part| partition(&items(), part, dist.is_strict()))
}

fn items(collected: &Collected, durations: &Durations, dist: Dist) -> Vec<Item> {
    let scopes = scopes(&collected.ids, &collected.groups, dist);
    let with = collected.ids.iter().zip(scopes);
    with.map(|(id, scope)| Item { scope, duration_us: durations.get(id).copied() }).collect()
}
