//! `testfan collect`: what pytest collects, in its order; nothing runs.

use std::sync::mpsc::{Receiver, channel};

use common::app::Session;
use common::{Exit, Failure};

use super::ending::{exit, last_text};
use super::{chosen, printed, usable};
use crate::config::CollectConfig;
use crate::error::Error;
use crate::events::{Record, TextSource};
use crate::protocol::{Begin, Collected, FromZygote, Hello};
use crate::render::{Render, list_renderer};
use crate::source::{
    Closed, Event, Signals, Zygote, ZygoteOptions, interrupt_group, kill_group, stand_still,
};

/// Has pytest collect, and lists the tests that are meant.
pub(super) fn collect(config: &CollectConfig, session: &mut Session) -> Result<Exit, Failure> {
    let (sender, events) = channel();
    let _signals = Signals::watch(sender.clone()).map_err(Error::Channel)?;
    let begin = Begin { collect_only: true, ..Begin::new(config.pytest.clone(), std::process::id()) };
    let options = ZygoteOptions { python: config.python.clone(), begin, daemon: false, collected: false };
    let zygote = Zygote::start(&options, &sender)?;
    let mut listing =
        Listing { config, render: list_renderer(session), hello: None, tests: 0, open_streams: 1 };
    if listing.take_events(&events, zygote.pid())? {
        return Ok(Exit::CANNOT);
    }
    let code = zygote.wait()?;
    last_text(&events, listing.open_streams, &mut *listing.render).map_err(anyhow::Error::from)?;
    session.count("collected", listing.tests);
    if listing.hello.is_none() || !(0..=127).contains(&code) {
        return Err(Error::Silent { python: config.python.clone(), code }.into());
    }
    Ok(exit(code))
}

struct Listing<'c> {
    config: &'c CollectConfig,
    render: Box<dyn Render>,
    hello: Option<Hello>,
    tests: u64,
    open_streams: usize,
}

impl Listing<'_> {
    /// Until the process that collects is gone; true when it was ended.
    fn take_events(&mut self, events: &Receiver<Event>, zygote: u32) -> Result<bool, Failure> {
        let mut interrupted = false;
        while let Ok(event) = events.recv() {
            match event {
                Event::Zygote(message) => self.zygote_says(message)?,
                Event::ZygoteClosed(Closed::Garbage(line)) => return Err(Error::Garbage { line }.into()),
                Event::ZygoteClosed(Closed::Ended) => break,
                Event::Printed(worker, source, text) => self.show(&printed(worker, source, text))?,
                Event::StreamClosed => self.open_streams -= 1,
                Event::Suspended => stand_still(zygote),
                Event::Interrupted if interrupted => {
                    kill_group(zygote);
                    return Ok(true);
                }
                Event::Interrupted => {
                    interrupted = true;
                    interrupt_group(zygote);
                }
                Event::Worker(..) | Event::WorkerClosed(..) | Event::Changed(_) | Event::Key(_) => {}
            }
        }
        Ok(false)
    }

    fn zygote_says(&mut self, message: FromZygote) -> Result<(), Failure> {
        match message {
            FromZygote::Hello(hello) => self.hello = Some(usable(hello, &self.config.python)?),
            FromZygote::Collected(collected) => self.list(*collected)?,
            FromZygote::Text { text } => self.show(&printed(None, TextSource::Pytest, text))?,
            FromZygote::Halted(_)
            | FromZygote::Judged { .. }
            | FromZygote::Imports { .. }
            | FromZygote::Ended { .. }
            | FromZygote::Started { .. }
            | FromZygote::Reaped { .. } => {}
        }
        Ok(())
    }

    fn list(&mut self, collected: Collected) -> Result<(), Failure> {
        let selection = &self.config.selection;
        let dist = selection.dist.or(collected.wanted.dist).unwrap_or_default();
        let chosen = chosen(&collected, selection, dist);
        for (index, id) in collected.ids.into_iter().enumerate() {
            if chosen.as_ref().is_none_or(|chosen| chosen.binary_search(&index).is_ok()) {
                self.tests += 1;
                self.show(&Record::TestCollected { id })?;
            }
        }
        Ok(())
    }

    fn show(&mut self, record: &Record) -> Result<(), Failure> {
        self.render.show(record).map_err(|error| anyhow::Error::from(error).context("failed to print").into())
    }
}
