//! Wires the rooms: events from `source`, decisions from `reduce`, records to `render`.

mod outcomes;
mod workers;

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use common::app::{Session, completions};
use common::{Exit, Failure};
use tempfile::TempDir;

use crate::cli::{Cli, Commands, Start};
use crate::config::RunConfig;
use crate::error::Error;
use crate::events::{Record, StartedBy, TextSource};
use crate::protocol::{
    Begin, Collected, FromZygote, Halt, HaltKind, Hello, Order, PROTOCOL, ToZygote, WorkerId, worker_name,
};
use crate::reduce::{Item, Maxfail, Scheduler, Tally};
use crate::render::{Render, renderer};
use crate::source::durations::{self, Durations};
use crate::source::{
    Closed, Event, Signals, Zygote, ZygoteOptions, interrupt_group, kill_group, stand_still,
};
use workers::Worker;

/// A worker that is lost is replaced, but not for ever: so many times for each worker, as pytest-xdist has it.
const RESTARTS_PER_WORKER: usize = 4;

/// Text that the zygote wrote just before its end may come just after it.
const LAST_TEXT: Duration = Duration::from_millis(100);

/// Does what the command line says.
pub fn dispatch(cli: Cli, session: &mut Session) -> Result<Exit, Failure> {
    match cli.command {
        Commands::Completions { shell } => {
            completions::<Cli>(&crate::TOOL, shell, session);
            Ok(Exit::YES)
        }
        Commands::Run(args) => {
            let config = RunConfig::new(args, session)?;
            session.begin().map_err(anyhow::Error::from)?;
            Run::start(config, session)?.until_done()
        }
    }
}

/// One run of one suite.
struct Run<'s> {
    session: &'s mut Session,
    config: RunConfig,
    render: Box<dyn Render>,
    events: Receiver<Event>,
    sender: Sender<Event>,
    _signals: Signals,
    zygote: Zygote,
    begin: Begin,
    stacks: TempDir,
    hello: Option<Hello>,
    suite: Option<Suite>,
    workers: BTreeMap<WorkerId, Worker>,
    next_worker: WorkerId,
    lost_workers: usize,
    tally: Tally,
    halt: Option<Halt>,
    interrupts: usize,
    open_streams: usize,
    finishing: bool,
}

/// What pytest collected, and what is known of it.
struct Suite {
    collected: Collected,
    durations: Durations,
    scheduler: Scheduler,
    maxfail: Maxfail,
    workers: usize,
    start: StartedBy,
}

impl<'s> Run<'s> {
    fn start(config: RunConfig, session: &'s mut Session) -> Result<Self, Failure> {
        let (sender, events) = channel();
        let signals = Signals::watch(sender.clone()).map_err(Error::Channel)?;
        let stacks = tempfile::tempdir().map_err(Error::Channel)?;
        let begin = Begin {
            args: config.pytest.clone(),
            parent: std::process::id(),
            width: config.width,
            worker: String::new(),
            workers: 0,
            run: stacks.path().file_name().unwrap_or_default().to_string_lossy().into_owned(),
            replay_all: false,
            basetemp: None,
            hold_after_failure: false,
            stack_file: None,
        };
        let options = ZygoteOptions { python: config.python.clone(), begin: begin.clone() };
        let zygote = Zygote::start(&options, &sender)?;
        Ok(Run {
            render: renderer(session, config.width),
            session,
            config,
            events,
            sender,
            _signals: signals,
            zygote,
            begin,
            stacks,
            hello: None,
            suite: None,
            workers: BTreeMap::new(),
            next_worker: 0,
            lost_workers: 0,
            tally: Tally::default(),
            halt: None,
            interrupts: 0,
            open_streams: 1,
            finishing: false,
        })
    }

    /// Takes events until the zygote is gone, then says how it went.
    fn until_done(mut self) -> Result<Exit, Failure> {
        let taken = self.take_events();
        let left: Vec<WorkerId> = self.workers.keys().copied().collect();
        for worker in left {
            self.test_interrupted(worker)?;
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
                Ok(Event::StreamClosed) => self.open_streams -= 1,
                Ok(Event::Suspended) => self.suspend(),
                Ok(Event::Interrupted) => {
                    if self.interrupted()? {
                        return Ok(Some(Exit::CANNOT));
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.end_overdue()?,
            }
        }
    }

    fn zygote_says(&mut self, message: FromZygote) -> Result<(), Failure> {
        match message {
            FromZygote::Hello(hello) if !hello.usable || hello.protocol != PROTOCOL => {
                let python = self.config.python.clone();
                return Err(Error::Unusable { python, version: hello.python, pytest: hello.pytest }.into());
            }
            FromZygote::Hello(hello) => self.hello = Some(hello),
            FromZygote::Collected(collected) => self.collected(collected)?,
            FromZygote::Halted(halt) => self.halt(halt.kind, halt.reason, halt.code)?,
            FromZygote::Text { text } => self.show(&printed(None, TextSource::Pytest, text))?,
            FromZygote::Started { worker, pid } => self.worker_started(worker, pid)?,
            FromZygote::Reaped { worker, status, killed } => self.worker_reaped(&worker, status, killed)?,
        }
        Ok(())
    }

    fn collected(&mut self, collected: Collected) -> Result<(), Failure> {
        let most = if collected.order == Order::OneByOne { 1 } else { self.config.workers };
        let workers = most.min(collected.ids.len());
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
            tests: collected.ids.len() as u64,
            workers: workers as u64,
            start,
            reason,
            python: hello.as_ref().map(|hello| hello.python.clone()).unwrap_or_default(),
            pytest: hello.and_then(|hello| hello.pytest).unwrap_or_default(),
        })?;
        let durations = durations::load(&collected.root);
        let slowest_first = collected.order == Order::Any;
        let scheduler = Scheduler::new(items(&collected.ids, &durations), workers, slowest_first);
        let maxfail = Maxfail::new(collected.maxfail);
        self.begin.workers = workers;
        self.begin.replay_all = collected.replay_all;
        self.begin.hold_after_failure = collected.maxfail > 0;
        self.begin.basetemp.clone_from(&collected.basetemp);
        self.begin.parent = self.zygote.pid();
        self.suite = Some(Suite { collected, durations, scheduler, maxfail, workers, start });
        for _ in 0..workers {
            self.make_worker()?;
        }
        Ok(())
    }

    /// Ends the session when the last worker is gone.
    fn finish_if_done(&mut self) -> Result<(), Failure> {
        let Some(suite) = &self.suite else { return Ok(()) };
        if self.finishing || !self.workers.is_empty() {
            return Ok(());
        }
        if suite.scheduler.has_unclaimed() && self.halt.is_none() {
            return self.make_worker();
        }
        self.finishing = true;
        let tests = self.tally.durations().len() as u64;
        self.show(&Record::TestsEnded { tests })?;
        let finish = ToZygote::Finish { passed: self.tally.take_quiet(), halt: self.halt.clone() };
        Ok(self.zygote.ask(&finish)?)
    }

    /// Begins nothing more, for this reason, unless there is an earlier one.
    fn halt(&mut self, kind: HaltKind, reason: String, code: Option<i32>) -> Result<(), Failure> {
        if self.halt.is_some() {
            return Ok(());
        }
        self.show(&Record::Halted { reason: reason.clone() })?;
        self.halt = Some(Halt { kind, reason, code });
        if let Some(suite) = &mut self.suite {
            let orders = suite.scheduler.cancel();
            self.give(orders)?;
        }
        Ok(())
    }

    /// Ctrl-C: the first ends the run in order, with teardowns and summary; the second ends the workers
    /// at once, and the summary comes; the third ends everything, and says true.
    fn interrupted(&mut self) -> Result<bool, Failure> {
        self.interrupts += 1;
        let in_tests = self.suite.is_some() && !self.finishing;
        match self.interrupts {
            1 => {
                if in_tests {
                    self.halt(HaltKind::Interrupted, "interrupted".into(), None)?;
                }
                interrupt_group(self.zygote.pid());
            }
            2 if in_tests => {
                self.session.warn("interrupted again: the workers are ended without teardown");
                self.end_all()?;
            }
            _ => {
                self.session.warn("interrupted again: everything is ended at once");
                kill_group(self.zygote.pid());
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ctrl-Z, until the shell's `fg`; the tests' time stands still too.
    fn suspend(&mut self) {
        let began = Instant::now();
        stand_still(self.zygote.pid());
        for worker in self.workers.values_mut() {
            worker.running = worker.running.map(|(item, since)| (item, since + began.elapsed()));
        }
    }

    fn conclude(self) -> Result<Exit, Failure> {
        let Run {
            session,
            config,
            mut render,
            events,
            zygote,
            hello,
            suite,
            tally,
            halt,
            finishing,
            mut open_streams,
            ..
        } = self;
        let expected = finishing || suite.as_ref().is_none_or(|suite| suite.collected.ids.is_empty());
        if !expected {
            kill_group(zygote.pid());
        }
        let code = zygote.wait()?;
        while open_streams > 0
            && let Ok(event) = events.recv_timeout(LAST_TEXT)
        {
            match event {
                Event::Printed(worker, source, text) => {
                    render.show(&printed(worker, source, text)).map_err(anyhow::Error::from)?;
                }
                Event::StreamClosed => open_streams -= 1,
                _ => {}
            }
        }
        for (outcome, number) in tally.counts() {
            session.count(outcome, number);
        }
        let Some(mut suite) = suite else {
            // Without a suite there was a usage error, an error while collecting, --help or the like;
            // pytest said so. Without a hello there was no pytest either.
            let silent = hello.is_none() || !(0..=127).contains(&code);
            let error = Error::Silent { python: config.python, code };
            return if silent { Err(error.into()) } else { Ok(exit(code)) };
        };
        if !expected {
            return Err(Error::ZygoteLost { code }.into());
        }
        let measured = tally.durations().iter();
        let measured = measured.filter_map(|(item, us)| Some((suite.collected.ids.get(*item)?.clone(), *us)));
        suite.durations.extend(measured);
        if let Err(error) = durations::save(&suite.collected.root, &suite.durations) {
            session.warn(&format!("durations were not kept: {error}"));
        }
        let interrupted = halt.is_some_and(|halt| halt.kind == HaltKind::Interrupted);
        // pytest's code for an interrupted run, even where a plugin made it another.
        Ok(if interrupted { Exit::CANNOT } else { exit(code) })
    }

    fn show(&mut self, record: &Record) -> Result<(), Failure> {
        self.render.show(record).map_err(|error| anyhow::Error::from(error).context("failed to print").into())
    }
}

fn printed(worker: Option<WorkerId>, source: TextSource, text: String) -> Record {
    Record::TextPrinted { source, worker: worker.map(worker_name), text }
}

fn exit(code: i32) -> Exit {
    Exit(u8::try_from(code).unwrap_or(Exit::CANNOT.0))
}

fn items(ids: &[String], durations: &Durations) -> Vec<Item> {
    let mut modules: HashMap<&str, usize> = HashMap::new();
    ids.iter()
        .map(|id| {
            let count = modules.len();
            let module = *modules.entry(id.split("::").next().unwrap_or(id)).or_insert(count);
            Item { module, duration_us: durations.get(id).copied() }
        })
        .collect()
}
