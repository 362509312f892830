//! How a run ends: in order, halted by a failure, a plugin or Ctrl-C; and what is left to say then.

use std::io;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use common::{Exit, Failure};

use super::{Run, printed};
use crate::error::Error;
use crate::events::Record;
use crate::protocol::{Halt, HaltKind, ToZygote};
use crate::render::Render;
use crate::source::{Event, durations, history, interrupt_group, kill_group, stand_still};

/// Text that the zygote wrote just before its end may come just after it.
const LAST_TEXT: Duration = Duration::from_millis(100);

impl Run<'_> {
    /// Ends the session when the last worker is gone.
    pub(super) fn finish_if_done(&mut self) -> Result<(), Failure> {
        let Some(suite) = &self.suite else { return Ok(()) };
        if self.finishing || !self.workers.is_empty() || !self.unjudged.is_empty() {
            return Ok(());
        }
        if suite.has_unclaimed() && self.halt.is_none() {
            return self.fill();
        }
        self.finishing = true;
        for flaky in self.flakiness.found() {
            self.show(&Record::FlakyFound(flaky))?;
        }
        let tests = self.tally.durations().len() as u64;
        self.show(&Record::TestsEnded { tests })?;
        let finish = ToZygote::Finish { passed: self.tally.take_quiet(), halt: self.halt.clone() };
        Ok(self.zygote.ask(&finish)?)
    }

    /// Begins nothing more, for this reason, unless there is an earlier one.
    pub(super) fn halt(&mut self, kind: HaltKind, reason: String, code: Option<i32>) -> Result<(), Failure> {
        if self.halt.is_some() {
            return Ok(());
        }
        self.show(&Record::Halted { reason: reason.clone() })?;
        self.halt = Some(Halt { kind, reason, code });
        if let Some(suite) = &mut self.suite {
            let orders = suite.cancel();
            self.give(orders)?;
        }
        Ok(())
    }

    /// Ctrl-C: the first ends the run in order, with teardowns and summary; the second ends the workers
    /// at once, and the summary comes; the third ends everything, and says true.
    pub(super) fn interrupted(&mut self) -> Result<bool, Failure> {
        self.interrupts += 1;
        if let Some(watched) = &mut self.watched {
            watched.interrupted = true;
        }
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
    pub(super) fn suspend(&mut self) {
        let began = Instant::now();
        let group = self.zygote.pid();
        self.session.progress.suspend(|| stand_still(group));
        let stood = began.elapsed();
        self.asked_at += stood;
        for worker in self.workers.values_mut() {
            worker.waits = worker.waits.map(|since| since + stood);
            for lane in worker.lanes.values_mut() {
                lane.running = lane.running.map(|(item, since)| (item, since + stood));
            }
        }
    }

    pub(super) fn conclude(self) -> Result<Exit, Failure> {
        let Run {
            session,
            config,
            mut render,
            events,
            zygote,
            hello,
            suite,
            tally,
            retries,
            flakiness,
            halt,
            finishing,
            open_streams,
            ..
        } = self;
        let expected = finishing || suite.as_ref().is_none_or(|suite| suite.collected.ids.is_empty());
        if !expected {
            kill_group(zygote.pid());
        }
        let code = zygote.wait()?;
        last_text(&events, open_streams, &mut *render).map_err(anyhow::Error::from)?;
        for (outcome, number) in tally.counts() {
            session.count(outcome, number);
        }
        if config.retries > 0 {
            session.count("flaky", retries.flaky() as u64);
        }
        let Some(suite) = suite else {
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
        if let Err(error) = durations::add(&suite.collected.root, measured.collect()) {
            session.warn(&format!("durations were not kept: {error}"));
        }
        if let Err(error) = history::update(&suite.collected.root, |history| flakiness.add_to(history)) {
            session.warn(&format!("which tests failed was not kept: {error}"));
        }
        if !(0..=127).contains(&code) {
            return Err(Error::ZygoteLost { code }.into());
        }
        let interrupted = halt.is_some_and(|halt| halt.kind == HaltKind::Interrupted);
        // pytest's code for an interrupted run, even where a plugin made it another.
        Ok(if interrupted { Exit::CANNOT } else { exit(code) })
    }
}

/// Shows what streams of Python processes still hold once the zygote has ended.
pub(super) fn last_text(
    events: &Receiver<Event>,
    mut open_streams: usize,
    render: &mut dyn Render,
) -> io::Result<()> {
    while open_streams > 0
        && let Ok(event) = events.recv_timeout(LAST_TEXT)
    {
        match event {
            Event::Printed(worker, source, text) => render.show(&printed(worker, source, text))?,
            Event::StreamClosed => open_streams -= 1,
            _ => {}
        }
    }
    render.end()
}

pub(super) fn exit(code: i32) -> Exit {
    Exit(u8::try_from(code).unwrap_or(Exit::CANNOT.0))
}
