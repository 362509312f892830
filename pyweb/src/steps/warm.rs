//! Pages that have been loaded once and are now only copied, one copy for each test. Must not know what a test is.

use std::time::Instant;

use serde_json::{Value, json};

use super::asked::Asked;
use super::browser::{Browser, CLOSING, GRACE, Open};
use super::process::{Input, PageProcess, Runner};
use super::signal::{Failed, Signal};
use crate::error::PageError;
use crate::headless::Event;

/// How many warm pages are kept; each holds the memory of a running page.
const WARM_PAGES: usize = 4;

/// A page that has been loaded once and is now only copied.
pub(super) struct Warm {
    pub(super) process: PageProcess,
    /// What happened while it loaded, and when, for every test that gets a copy.
    pub(super) past: Vec<(Event, u64)>,
    pub(super) used: Instant,
}

/// Whether a step that prepares a page may also be carried out once it is loaded, unless the page has already asked for
/// what it is about (`js/session.mjs`).
pub(super) fn may_come_late(step: &Value) -> bool {
    matches!(step["step"].as_str(), Some("dialogs" | "history" | "route" | "set_storage" | "unroute"))
}

/// Whether a page that was loaded with a step before can be made one that was not, unless the step made a difference.
pub(super) fn can_be_taken_back(step: &Value) -> bool {
    matches!(step["step"].as_str(), Some("route" | "unroute"))
}

impl Browser<'_> {
    /// Has the page that was loaded with `setup` forget it; `false` where it would have loaded otherwise without.
    pub(super) fn takes_back(&mut self, setup: &[Value]) -> Result<bool, PageError> {
        if setup.is_empty() {
            return Ok(true);
        }
        let taken = self.command(json!({"step": "take_back", "setup": setup}), GRACE)?;
        Ok(taken.is_ok_and(|taken| taken == true))
    }

    /// Prepares the open page, which is loaded already, by `setup`; `false` where it would have loaded otherwise with it.
    pub(super) fn adopts(&mut self, setup: &[Value]) -> Result<Result<bool, Failed>, PageError> {
        if setup.is_empty() {
            return Ok(Ok(true));
        }
        let adopted = self.command(json!({"step": "adopt", "setup": setup}), GRACE)?;
        Ok(adopted.map(|adopted| adopted == true))
    }

    /// From now on the open page is only copied.
    pub(super) fn keep_warm(&mut self) {
        let Some(Open { url, past, own: Some(Runner::Process(process)), .. }) = self.open.take() else {
            return;
        };
        if self.warm.len() >= WARM_PAGES {
            let oldest = self.warm.iter().min_by_key(|(_, warm)| warm.used).map(|(url, _)| url.clone());
            oldest.and_then(|url| self.warm.remove(&url));
        }
        self.warm.insert(url, Warm { process, past, used: Instant::now() });
    }

    /// Opens a copy of the warm page at `url`, prepared by `setup`; `false` where it would have loaded otherwise with it.
    pub(super) fn copy(&mut self, url: &str, setup: &[Value]) -> Result<Result<bool, Failed>, PageError> {
        let hosted = match self.hosted(url) {
            Ok(hosted) => hosted,
            Err(failed) => return Ok(Err(failed)),
        };
        let open = self.opened(&hosted, None);
        let Some(warm) = self.warm.get_mut(url) else {
            return Ok(Err(Failed::new("page_lost", "the page's process ended")));
        };
        warm.used = Instant::now();
        let past = warm.past.clone();
        self.asked = Asked::default();
        self.open = Some(open);
        let seq = self.send(json!({"step": "fork"}))?;
        if let Err(failed) = self.answer(seq, Instant::now() + GRACE, false)? {
            return Ok(Err(failed));
        }
        match self.adopts(setup)? {
            Ok(true) => {}
            Ok(false) => {
                self.close()?;
                return Ok(Ok(false));
            }
            Err(failed) => return Ok(Err(failed)),
        }
        for (event, at_us) in past {
            let Some(open) = &mut self.open else { break };
            for record in open.run.event(event, at_us) {
                (self.show)(&record)?;
            }
        }
        Ok(Ok(true))
    }

    pub(super) fn settle_warm(&mut self, url: &str) -> Result<(), PageError> {
        let Some(number) = self.warm.get(url).map(|warm| warm.process.number) else { return Ok(()) };
        let deadline = Instant::now() + CLOSING;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            match self.input.recv_timeout(left) {
                Ok(Input::Page(from, Some(message))) if from == number => {
                    if matches!(self.signal_of(message)?, Some(Signal::ForkEnded(_))) {
                        return Ok(());
                    }
                }
                Ok(Input::Line(line)) => self.lines.push_back(Some(line)),
                Ok(Input::End(_)) => self.lines.push_back(None),
                Ok(Input::Page(..)) => {}
                Err(_) => break,
            }
        }
        self.warm.remove(url);
        Ok(())
    }

    pub(super) fn forget_warm(&mut self) {
        if let Some(open) = &self.open {
            self.warm.remove(&open.url);
        }
    }

    pub(super) fn copy_ended(&mut self, status: i32) -> Failed {
        self.open = None;
        match status {
            -1 => Failed::new(
                "page_lost",
                "the page could not be copied: there is no memory or process left for it",
            ),
            _ => Failed::new("page_lost", format!("the page's process ended with {status}")),
        }
    }
}
