//! The page that the steps are about: opened, warmed, copied, told what to do, closed. Must not know what a test is.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use super::host::Hosted;
use super::message::Message;
use super::process::{Input, PageProcess, Runner, teller};
use super::script::Script;
use super::signal::{Failed, LOOKING, NAVIGATED, Signal, route_answer};
use super::warm::{Warm, can_be_taken_back, may_come_late};
use crate::chromium::{Chromium, Opening};
use crate::error::PageError;
use crate::events::Record;
use crate::headless::{Busy, Ended, Event};
use crate::page::find;
use crate::page::progress::{Progress, Refusal};
use crate::page::site::PageSite;
use crate::reduce::page::PageRun;
use crate::runtime::Runtime;

/// How long after its own limit a page may take to say so.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// How long a page that is to close may take.
pub(super) const CLOSING: Duration = Duration::from_secs(2);

/// The page that is open.
pub(super) struct Open {
    pub(super) url: String,
    pub(super) run: PageRun,
    began: Instant,
    pub(super) past: Vec<(Event, u64)>,
    /// What it has to tell, while it is only loaded to be copied: its copies will tell it.
    untold: Option<Vec<Record>>,
    /// Whether it has workers, so that it cannot be copied.
    has_workers: bool,
    /// The address that it is going to.
    leaving: Option<String>,
    /// Who runs it, unless it is a copy of the warm page at `url`.
    pub(super) own: Option<Runner>,
}

/// A browser of one open page.
pub struct Browser<'a> {
    script: &'a Script,
    root: PathBuf,
    /// The real browser and what its pages run on, where it is not our own.
    chromium: Option<(Chromium, Runtime)>,
    pub(super) input: Receiver<Input>,
    sender: Sender<Input>,
    /// Lines that came while a page was waited for.
    pub(super) lines: VecDeque<Option<String>>,
    pub(super) warm: HashMap<String, Warm>,
    /// The addresses of pages that cannot be copied: each test loads its own.
    single: HashSet<String>,
    pub(super) open: Option<Open>,
    /// The failures and the console of the pages that the test has left.
    left: (String, String),
    last_seq: u64,
    last_process: u64,
    pub(super) show: &'a dyn Fn(&Record) -> Result<(), PageError>,
}

impl<'a> Browser<'a> {
    /// A browser of the site in `root`, which reads lines and messages from `input` and tells records to `show`.
    pub fn new(
        script: &'a Script,
        root: PathBuf,
        chromium: Option<(Chromium, Runtime)>,
        (sender, input): (Sender<Input>, Receiver<Input>),
        show: &'a dyn Fn(&Record) -> Result<(), PageError>,
    ) -> Browser<'a> {
        Browser {
            script,
            root,
            chromium,
            input,
            sender,
            lines: VecDeque::new(),
            warm: HashMap::new(),
            single: HashSet::new(),
            open: None,
            left: (String::new(), String::new()),
            last_seq: 0,
            last_process: 0,
            show,
        }
    }

    /// Whether a page is open.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The next line of the steps; nothing when there are no more.
    pub fn line(&mut self) -> Result<Option<String>, PageError> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(line);
            }
            // What an open page does between two steps is told as it happens.
            match self.input.recv() {
                Ok(Input::Line(line)) => return Ok(Some(line)),
                Ok(Input::End(None)) | Err(_) => return Ok(None),
                Ok(Input::End(Some(cause))) => return Err(PageError::Steps(cause)),
                Ok(Input::Page(number, message)) => drop(self.heard(number, message)?),
            }
        }
    }

    /// Opens the page at `address`, relative to the site, with `setup` done before it loads.
    pub fn goto(&mut self, address: &str, mut setup: Vec<Value>) -> Result<Result<(), Failed>, PageError> {
        let hosted = match self.hosted(address) {
            Ok(hosted) => hosted,
            Err(failed) => return Ok(Err(failed)),
        };
        if self.chromium.is_some() {
            let tab = self.leave()?;
            return self.load(&hosted, &setup, tab, None);
        }
        if self.open.is_some() {
            // What a page has stored is there again for the next one of the same test.
            if let Ok(stored) = self.command(json!({"step": "storage"}), self.script.time_limit)?
                && stored != json!({"local": {}, "session": {}, "databases": []})
            {
                let mut storage = json!({"step": "set_storage"});
                for kind in ["local", "session", "databases"] {
                    storage[kind] = stored[kind].clone();
                }
                setup.push(storage);
            }
            self.put_away()?;
        }
        if !setup.iter().all(may_come_late) || self.single.contains(&hosted.url) {
            return self.load(&hosted, &setup, None, None);
        }
        if !self.warm.contains_key(&hosted.url) {
            // A page may need its routes to get ready at all.
            let first = if setup.iter().all(can_be_taken_back) { &setup[..] } else { &[] };
            if let Err(failed) = self.load(&hosted, first, None, Some(Vec::new()))? {
                return Ok(Err(failed));
            }
            let has_workers = self.open.as_ref().is_some_and(|open| open.has_workers);
            if has_workers {
                self.single.insert(hosted.url.clone());
            }
            if has_workers || !self.takes_back(first)? {
                if first.len() == setup.len() {
                    return self.tell_untold().map(Ok);
                }
                self.close()?;
                return self.load(&hosted, &setup, None, None);
            }
            self.keep_warm();
        }
        match self.copy(&hosted.url, &setup)? {
            Ok(true) => Ok(Ok(())),
            Ok(false) => self.load(&hosted, &setup, None, None),
            Err(failed) => Ok(Err(failed)),
        }
    }

    pub(super) fn hosted(&self, address: &str) -> Result<Hosted, Failed> {
        let no_page = |why: String| Failed::new("no_page", why);
        let origin = Url::parse("http://localhost/").map_err(|error| no_page(error.to_string()))?;
        let url = origin.join(address).map_err(|error| no_page(format!("{address}: {error}")))?;
        if url.origin() != origin.origin() {
            return Err(no_page(format!(
                "{address} is on another host; name a page of the site, such as /index.html"
            )));
        }
        let page = find::page_at(&self.root, &url)
            .ok_or_else(|| no_page(format!("{address} is not in {}", self.root.display())))?;
        let Script { runtime, packages, time_limit, .. } = self.script;
        let (runtime, packages) = (runtime.clone(), packages.clone());
        Ok(Hosted { page, url: url.into(), runtime, packages, time_limit: *time_limit })
    }

    /// Leaves the open page for another in the same tab of a real browser.
    fn leave(&mut self) -> Result<Option<Runner>, PageError> {
        let Some(mut open) = self.open.take() else { return Ok(None) };
        let tab = open.own.take();
        let said = self.closed(open)?;
        self.keep(said);
        Ok(tab)
    }

    /// Keeps what a page said for the end of its test.
    fn keep(&mut self, (failures, output): (String, String)) {
        for (kept, more) in [(&mut self.left.0, failures), (&mut self.left.1, output)] {
            if !kept.is_empty() && !more.is_empty() {
                kept.push('\n');
            }
            kept.push_str(&more);
        }
    }

    /// Closes the open page.
    pub fn put_away(&mut self) -> Result<(), PageError> {
        let said = self.close()?;
        self.keep(said);
        Ok(())
    }

    /// The same; the failures of all pages since the last end, and what they wrote to their consoles.
    pub fn end(&mut self) -> Result<(String, String), PageError> {
        self.put_away()?;
        Ok(std::mem::take(&mut self.left))
    }

    /// Loads a page in a process of its own, or in a tab.
    fn load(
        &mut self,
        hosted: &Hosted,
        setup: &[Value],
        tab: Option<Runner>,
        untold: Option<Vec<Record>>,
    ) -> Result<Result<(), Failed>, PageError> {
        let runner = match tab {
            Some(tab) => tab,
            None => self.start(hosted)?,
        };
        self.open = Some(Open { untold, ..self.opened(hosted, Some(runner)) });
        let seq = self.send(json!({"step": "load", "setup": setup, "url": hosted.url}))?;
        let limit = Instant::now() + self.script.time_limit;
        loop {
            match self.signal(limit)? {
                Signal::Ready => return Ok(Ok(())),
                Signal::Answer(answered, _, Some(refusal)) if answered == seq => {
                    let failed = self.refused(refusal);
                    self.open = None;
                    return Ok(Err(failed));
                }
                other => {
                    if let Some(failed) = self.end_by(&other)? {
                        return Ok(Err(failed));
                    }
                }
            }
        }
    }

    fn start(&mut self, hosted: &Hosted) -> Result<Runner, PageError> {
        self.last_process += 1;
        let number = self.last_process;
        let Some((chromium, runtime)) = &self.chromium else {
            let started = PageProcess::start(number, hosted, self.sender.clone());
            return started.map(Runner::Process).map_err(PageError::Process);
        };
        let site = PageSite::new(&hosted.page, runtime.clone(), None);
        let (url, time_limit) = (hosted.url.clone(), hosted.time_limit);
        let opening = Opening { site, url, time_limit, whole: false };
        Ok(Runner::Tab(chromium.open(number, opening, teller(number, self.sender.clone()))))
    }

    pub(super) fn opened(&self, hosted: &Hosted, own: Option<Runner>) -> Open {
        let mut run = PageRun::new(&hosted.page.path, find::python_files(&self.root), self.script.worker);
        // What happens in the page fails a test, if one is under way; see `close`.
        run.as_test(0);
        Open {
            url: hosted.url.clone(),
            run,
            began: Instant::now(),
            past: Vec::new(),
            untold: None,
            has_workers: false,
            leaving: None,
            own,
        }
    }

    /// The page that was loaded to be copied is the open one after all.
    fn tell_untold(&mut self) -> Result<(), PageError> {
        let untold = self.open.as_mut().and_then(|open| open.untold.take());
        untold.iter().flatten().try_for_each(self.show)
    }

    /// Has the open page carry out `command`, which may take `limit` by its own account.
    pub fn command(&mut self, command: Value, limit: Duration) -> Result<Result<Value, Failed>, PageError> {
        if self.open.is_none() {
            return Ok(Err(Failed::new("no_page", "no page is open; begin with a goto step")));
        }
        let looks = command["step"].as_str().is_some_and(|step| LOOKING.contains(&step));
        let seq = self.send(command)?;
        let deadline = Instant::now() + limit + GRACE;
        self.answer(seq, deadline, looks)
    }

    /// The address that the open page is going to, once.
    pub fn leaving(&mut self) -> Option<String> {
        self.open.as_mut()?.leaving.take()
    }

    /// The answer to what was sent under the number `seq`; one that `looks` is none once the page goes away.
    pub(super) fn answer(
        &mut self,
        seq: u64,
        deadline: Instant,
        looks: bool,
    ) -> Result<Result<Value, Failed>, PageError> {
        let away = || Ok(Err(Failed::new(NAVIGATED, "the page goes away")));
        if looks && self.open.as_ref().is_some_and(|open| open.leaving.is_some()) {
            return away();
        }
        loop {
            match self.signal(deadline)? {
                Signal::Leaving if looks => return away(),
                Signal::Answer(answered, value, None) if answered == seq => return Ok(Ok(value)),
                Signal::Answer(answered, _, Some(refusal)) if answered == seq => {
                    return Ok(Err(self.refused(refusal)));
                }
                other => {
                    if let Some(failed) = self.end_by(&other)? {
                        return Ok(Err(failed));
                    }
                }
            }
        }
    }

    /// Why nothing more comes of the open page, if that is what `signal` means.
    fn end_by(&mut self, signal: &Signal) -> Result<Option<Failed>, PageError> {
        let failed = match signal {
            Signal::Answer(..) | Signal::Ready | Signal::Leaving => return Ok(None),
            Signal::ForkEnded(status) => self.copy_ended(*status),
            Signal::Ended(ended) => self.lost(ended)?,
            Signal::Late => self.lost(&Ended::TimedOut { busy: Busy::Waiting, stack: String::new() })?,
            Signal::Gone => {
                self.open = None;
                Failed::new("page_lost", "the page's process ended unexpectedly")
            }
        };
        Ok(Some(failed))
    }

    /// Closes the open page. Its failures as a test, and what it wrote to its console.
    pub(super) fn close(&mut self) -> Result<(String, String), PageError> {
        let Some(is_copy) = self.open.as_ref().map(|open| open.own.is_none()) else {
            return Ok((String::new(), String::new()));
        };
        self.send(json!({"step": "close"}))?;
        let deadline = Instant::now() + CLOSING;
        while self.open.is_some() {
            match self.signal(deadline)? {
                Signal::Ended(_) if is_copy => {}
                Signal::ForkEnded(_) | Signal::Ended(_) | Signal::Gone | Signal::Late => break,
                Signal::Answer(..) | Signal::Ready | Signal::Leaving => {}
            }
        }
        match self.open.take() {
            Some(open) => self.closed(open),
            None => Ok((String::new(), String::new())),
        }
    }

    /// Tells what is left to tell of a page.
    fn closed(&self, open: Open) -> Result<(String, String), PageError> {
        let mut said = (String::new(), String::new());
        for record in open.run.close(elapsed_us(open.began)) {
            match record {
                Record::TestFinished(test) => said = (test.message, test.output),
                other => (self.show)(&other)?,
            }
        }
        Ok(said)
    }

    /// The open page came to an end that nobody asked for.
    fn lost(&mut self, ended: &Ended) -> Result<Failed, PageError> {
        let Some(open) = self.open.take() else { return Ok(Failed::new("page_lost", "the page is gone")) };
        let is_copy = open.own.is_none();
        for record in open.untold.iter().flatten() {
            (self.show)(record)?;
        }
        let began = elapsed_us(open.began);
        let (_, verdict) = open.run.end(ended, began);
        if is_copy {
            // Its original waits for it to be gone; nothing can be asked before.
            self.settle_warm(&open.url)?;
        }
        let failed = verdict.trouble.map(|trouble| {
            let code = common::Explain::code(&trouble);
            Failed::new(code, trouble.to_string())
        });
        Ok(failed.unwrap_or_else(|| Failed::new("page_lost", "the page ended")))
    }

    fn refused(&self, refusal: Refusal) -> Failed {
        if refusal.code != "python_raised" {
            return Failed::new(&refusal.code, refusal.message);
        }
        let message = match &self.open {
            Some(open) => open.run.sentence(&refusal.message),
            None => refusal.message.clone(),
        };
        Failed { code: refusal.code, message, traceback: refusal.message }
    }

    /// Tells the open page something; the number that its answer will have.
    pub fn send(&mut self, mut command: Value) -> Result<u64, PageError> {
        self.last_seq += 1;
        command["seq"] = json!(self.last_seq);
        let Some(open) = &mut self.open else { return Ok(self.last_seq) };
        match (&mut open.own, self.warm.get_mut(&open.url)) {
            (Some(own), _) => own.send(&command),
            // Where nobody listens any more, the end of its messages says so.
            (None, Some(warm)) => drop(warm.process.send(&command)),
            (None, None) => {}
        }
        Ok(self.last_seq)
    }

    /// What the open page says next that somebody waits for.
    fn signal(&mut self, deadline: Instant) -> Result<Signal, PageError> {
        loop {
            match self.input.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Input::Page(number, message)) => {
                    if let Some(signal) = self.heard(number, message)? {
                        return Ok(signal);
                    }
                }
                // The one thing that cannot wait its turn: the page waits for it.
                Ok(Input::Line(line)) => match route_answer(&line) {
                    Some(answer) => drop(self.send(answer)?),
                    None => self.lines.push_back(Some(line)),
                },
                Ok(Input::End(None)) => self.lines.push_back(None),
                Ok(Input::End(Some(cause))) => return Err(PageError::Steps(cause)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.forget_warm();
                    return Ok(Signal::Late);
                }
            }
        }
    }

    /// A message of the process `number`, if the open page is in it.
    fn heard(&mut self, number: u64, message: Option<Message>) -> Result<Option<Signal>, PageError> {
        let Some(open) = &self.open else { return Ok(None) };
        let warm = self.warm.get(&open.url).map(|warm| warm.process.number);
        if open.own.as_ref().map(Runner::number).or(warm) != Some(number) {
            return Ok(None);
        }
        if let Some(message) = message {
            return self.signal_of(message);
        }
        self.forget_warm();
        Ok(Some(Signal::Gone))
    }

    pub(super) fn signal_of(&mut self, message: Message) -> Result<Option<Signal>, PageError> {
        let event = match message {
            Message::Ended(ended) => return Ok(Some(Signal::Ended(ended))),
            Message::Event(event) => event,
        };
        let progress = match &event {
            Event::Custom(value) => serde_json::from_value::<Progress>(value.clone()).ok(),
            _ => None,
        };
        match progress {
            Some(Progress::Answer { seq, value, failure }) => {
                return Ok(Some(Signal::Answer(seq, value, failure)));
            }
            Some(Progress::Navigate { url }) => {
                let Some(open) = &mut self.open else { return Ok(None) };
                open.leaving = Some(url);
                return Ok(Some(Signal::Leaving));
            }
            Some(Progress::ForkEnded { status }) => return Ok(Some(Signal::ForkEnded(status))),
            Some(Progress::Request { request, route, url, method, headers, post_data }) => {
                (self.show)(&Record::RequestIntercepted { request, route, url, method, headers, post_data })?;
                return Ok(None);
            }
            _ => {}
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        let at_us = elapsed_us(open.began);
        let is_ready = matches!(progress, Some(Progress::Ready { .. }));
        open.has_workers |= progress == Some(Progress::Ready { workers: true });
        if open.untold.is_some() {
            open.past.push((event.clone(), at_us));
        }
        for record in open.run.event(event, at_us) {
            match &mut open.untold {
                Some(untold) => untold.push(record),
                None => (self.show)(&record)?,
            }
        }
        Ok(is_ready.then_some(Signal::Ready))
    }
}

fn elapsed_us(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}
