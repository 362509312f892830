//! A real Chromium, driven over its debugger's wire (the Chrome `DevTools` Protocol): the same page, told the same and
//! telling the same as in [`crate::headless`]. Its requests are answered from the page's own site; there is no server
//! and no network. Must not know what a test is.
//!
//! - `program`: the browser's process
//! - `driver`: the thread that has the wire: commands, answers, events
//! - `page`: the open page: loaded, told, stopped
//! - `dialogs`: who answers its dialogs
//! - `network`: what its requests get
//! - `script`: what is put before its own scripts
//! - `words`: what it says of values and errors

mod dialogs;
mod driver;
mod error;
mod network;
mod page;
mod program;
mod script;
mod words;

use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::headless::{Ended, Event};
use crate::page::progress::Progress;
use crate::page::site::PageSite;
use crate::page::{Page, Steps};
use crate::runtime::Runtime;
use driver::{Driver, Input};

pub use error::ChromiumError;

/// What a page tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Something happened in it.
    Event(Event),
    /// It has come to its end.
    Ended(Ended),
    /// The browser is gone without a word.
    Gone,
}

/// Who is told.
pub type Tell = Box<dyn FnMut(Told) + Send>;

/// A page to open, with a profile of its own.
pub struct Opening {
    /// What its requests get.
    pub site: PageSite,
    /// Its address.
    pub url: String,
    /// How long it may take to get ready, and each thing that it is told; with `whole`, everything together.
    pub time_limit: Duration,
    /// Whether the limit is one for everything.
    pub whole: bool,
}

/// A running browser, for one page at a time. Dropped, it ends.
#[derive(Debug)]
pub struct Chromium {
    inputs: Sender<Input>,
    thread: Option<JoinHandle<()>>,
}

/// A page that is open. Dropped, it is closed.
#[derive(Debug)]
pub struct Tab {
    /// Its number, by which those that come after each other are told apart.
    pub number: u64,
    inputs: Sender<Input>,
}

impl Chromium {
    /// Starts the program that was given, else the one on `PATH`.
    pub fn start(program: Option<&Path>) -> Result<Chromium, ChromiumError> {
        let path = program::find(program)?;
        let (sender, inputs) = mpsc::channel();
        let driver = Driver::start(path.clone(), (sender.clone(), inputs))?;
        let failed = |cause| ChromiumError::Start { program: path, cause };
        let thread = std::thread::Builder::new().name("chromium".into()).spawn(move || driver.run());
        Ok(Chromium { inputs: sender, thread: Some(thread.map_err(failed)?) })
    }

    /// Opens a page under a number of the caller's. It is loaded by the command `{"step": "load"}`; `tell` hears all.
    pub fn open(&self, number: u64, opening: Opening, tell: Tell) -> Tab {
        let tab = Tab { number, inputs: self.inputs.clone() };
        if let Err(mpsc::SendError(Input::Open(_, _, mut tell))) =
            self.inputs.send(Input::Open(number, opening, tell))
        {
            tell(Told::Gone);
        }
        tab
    }

    /// Runs `page` to its end or to the time limit, as [`crate::page::run`] does.
    pub fn visit(
        &self,
        page: &Page,
        steps: &Steps,
        runtime: &Runtime,
        time_limit: Duration,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Ended, ChromiumError> {
        let site = PageSite::new(page, runtime.clone(), None);
        let url = site.page_url();
        let (sender, told) = mpsc::channel();
        let tell = Box::new(move |said| drop(sender.send(said)));
        let tab = self.open(0, Opening { site, url, time_limit, whole: true }, tell);
        tab.send(json!({"step": "load", "setup": []}));
        for said in told {
            match said {
                Told::Event(event) => {
                    if is_ready(&event) {
                        let mut visit = steps.to_json();
                        visit["step"] = json!("visit");
                        tab.send(visit);
                    }
                    on_event(event);
                }
                Told::Ended(ended) => return Ok(ended),
                Told::Gone => break,
            }
        }
        Err(ChromiumError::Gone { page: page.path.clone() })
    }
}

fn is_ready(event: &Event) -> bool {
    let Event::Custom(value) = event else { return false };
    matches!(serde_json::from_value(value.clone()), Ok(Progress::Ready { .. }))
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.inputs.send(Input::Quit);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Tab {
    /// Has the page do something. Where the browser is gone, it has said so.
    pub fn send(&self, command: Value) {
        let _ = self.inputs.send(Input::Command(self.number, command));
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        let _ = self.inputs.send(Input::Close(self.number));
    }
}
