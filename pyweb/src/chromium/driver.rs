//! The thread that has the wire to the browser: says commands, hears answers and events, one after another. While it
//! waits for an answer it goes on hearing, for the browser may wait for it, too. Must not know what a page does.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::page::OpenPage;
use super::program::{self, Program};
use super::{ChromiumError, Opening, Tell, Told};

/// How long the browser may take for what no page has a part in.
const LIMIT: Duration = Duration::from_mins(1);

/// What the thread hears.
pub(super) enum Input {
    /// Open a page under this number.
    Open(u64, Opening, Tell),
    /// Have it do something.
    Command(u64, Value),
    /// Close it.
    Close(u64),
    /// The browser says something.
    Said(Value),
    /// It is gone.
    Gone,
    /// There is nothing more to do.
    Quit,
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// The browser is gone.
    Gone,
    /// The page's time is up.
    Late,
    /// The browser says no.
    Refused,
}

/// The wire and the page that is open.
pub(super) struct Driver {
    program: Program,
    inputs: Receiver<Input>,
    /// What was heard while something else was waited for.
    later: VecDeque<Input>,
    last_id: u64,
    /// The answers that are waited for, innermost last, with those that came while another was waited for.
    awaited: Vec<(u64, Option<Value>)>,
    pub(super) page: Option<OpenPage>,
    /// The session of an empty page that knows regular expressions as pages do.
    pub(super) matcher: Option<String>,
}

impl Driver {
    /// Starts the browser and waits until it listens.
    pub(super) fn start(
        path: PathBuf,
        (sender, inputs): (Sender<Input>, Receiver<Input>),
    ) -> Result<Driver, ChromiumError> {
        let (program, output) = Program::start(path)?;
        let mut driver = Driver {
            program,
            inputs,
            later: VecDeque::new(),
            last_id: 0,
            awaited: Vec::new(),
            page: None,
            matcher: None,
        };
        let read = move || {
            for message in program::messages(output) {
                if sender.send(Input::Said(message)).is_err() {
                    return;
                }
            }
            drop(sender.send(Input::Gone));
        };
        let started = std::thread::Builder::new().name("chromium output".into()).spawn(read);
        // Every request of every page asks here first.
        let every = json!({"patterns": [{"urlPattern": "*"}]});
        if started.is_err() || driver.call(None, "Fetch.enable", &every).is_err() {
            return Err(driver.program.silent());
        }
        Ok(driver)
    }

    /// Hears and does until there is nothing more to do.
    pub(super) fn run(mut self) {
        loop {
            let heard = match self.later.pop_front() {
                Some(input) => Ok(input),
                None => self.hear(self.page.as_ref().and_then(OpenPage::deadline)),
            };
            let done = match heard {
                Ok(Input::Quit) => return,
                Ok(input) => self.take(input),
                Err(fault) => Err(fault),
            };
            match done {
                Ok(()) => {}
                Err(Fault::Late) => self.out_of_time(),
                Err(Fault::Gone | Fault::Refused) => {
                    if let Some(mut page) = self.page.take() {
                        (page.tell)(Told::Gone);
                    }
                    return self.refuse_all();
                }
            }
        }
    }

    fn take(&mut self, input: Input) -> Result<(), Fault> {
        match input {
            Input::Open(number, opening, tell) => self.open(number, opening, tell),
            Input::Command(number, command) => match &self.page {
                Some(page) if page.number == number => self.command(&command),
                _ => Ok(()),
            },
            Input::Close(number) => {
                if self.page.as_ref().is_some_and(|page| page.number == number) {
                    self.close();
                }
                Ok(())
            }
            Input::Said(message) => self.event(&message),
            Input::Gone => Err(Fault::Gone),
            Input::Quit => Ok(()),
        }
    }

    /// The browser is gone: so is every page that is asked for.
    fn refuse_all(self) {
        for input in self.later.into_iter().chain(self.inputs) {
            match input {
                Input::Open(_, _, mut tell) => tell(Told::Gone),
                Input::Quit => return,
                _ => {}
            }
        }
    }

    fn hear(&self, deadline: Option<Instant>) -> Result<Input, Fault> {
        let Some(deadline) = deadline else { return self.inputs.recv().map_err(|_| Fault::Gone) };
        match self.inputs.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(input) => Ok(input),
            Err(RecvTimeoutError::Timeout) => Err(Fault::Late),
            Err(RecvTimeoutError::Disconnected) => Err(Fault::Gone),
        }
    }

    /// Says a command to the browser, or to the page of `session`; the number of its answer.
    pub(super) fn say(&mut self, session: Option<&str>, method: &str, params: &Value) -> Result<u64, Fault> {
        self.last_id += 1;
        let mut message = json!({"id": self.last_id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        self.program.say(&message).map_err(|_| Fault::Gone)?;
        Ok(self.last_id)
    }

    /// The same, and waits for the answer.
    pub(super) fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: &Value,
    ) -> Result<Value, Fault> {
        let deadline = self.page.as_ref().and_then(OpenPage::deadline);
        let deadline = deadline.unwrap_or_else(|| Instant::now() + LIMIT);
        let id = self.say(session, method, params)?;
        self.awaited.push((id, None));
        let answer = self.answer(deadline);
        self.awaited.pop();
        let mut answer = answer?;
        if answer["error"].is_object() { Err(Fault::Refused) } else { Ok(answer["result"].take()) }
    }

    /// The answer that is waited for innermost.
    fn answer(&mut self, deadline: Instant) -> Result<Value, Fault> {
        loop {
            if let Some(answer) = self.awaited.last_mut().and_then(|(_, answer)| answer.take()) {
                return Ok(answer);
            }
            match self.hear(Some(deadline))? {
                Input::Said(message) => match self.awaited.iter_mut().find(|(id, _)| message["id"] == *id) {
                    Some((_, answer)) => *answer = Some(message),
                    None => self.event(&message)?,
                },
                Input::Gone => return Err(Fault::Gone),
                // What is waited for may wait for it.
                Input::Command(number, command)
                    if matches!(command["step"].as_str(), Some("dialog_answer" | "route_answer")) =>
                {
                    self.take(Input::Command(number, command))?;
                }
                other => self.later.push_back(other),
            }
        }
    }

    fn event(&mut self, message: &Value) -> Result<(), Fault> {
        let Some(method) = message["method"].as_str() else { return Ok(()) };
        let params = &message["params"];
        if method == "Fetch.requestPaused" {
            return self.requested(params);
        }
        let (Some(page), Some(session)) = (&mut self.page, message["sessionId"].as_str()) else {
            return Ok(());
        };
        if page.session == session {
            return self.happened(method, params);
        }
        if page.workers.iter().any(|worker| worker == session) {
            page.worker_happened(method, params);
        }
        Ok(())
    }
}
