//! The page that is open in the browser: made, loaded, told what to do, heard, stopped. Must not know what its
//! requests get.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::dialogs::Dialogs;
use super::driver::{Driver, Fault};
use super::network::Network;
use super::words::{shown, text_of, uncaught};
use super::{Opening, Tell, Told, script};
use crate::headless::{Busy, Ended, Event, Level};

/// How long a page that does nothing may take to say so.
const AT_ONCE: Duration = Duration::from_secs(1);
/// The steps that look or wait: what the next document has is as good.
const LOOKS: [&str; 8] =
    ["content", "expect", "read", "title", "url", "wait_for", "wait_for_function", "wait_for_url"];
/// The steps whose value is lost with the document.
const ASKS: [&str; 3] = ["evaluate", "evaluate_py", "clock"];

/// A page under way.
pub(super) struct OpenPage {
    pub(super) number: u64,
    pub(super) opening: Opening,
    pub(super) tell: Tell,
    pub(super) session: String,
    /// The sessions of its workers.
    pub(super) workers: Vec<String>,
    pub(super) network: Network,
    /// The frame that holds its documents.
    pub(super) frame: String,
    /// Its profile.
    context: String,
    /// The name under which its document finds the way to us, for as long as it takes to pick it up.
    binding: String,
    /// The name under which we find ours into the document.
    door: String,
    /// What is put before its own scripts.
    scripts: Vec<Value>,
    loaded: bool,
    ready: bool,
    deadline: Option<Instant>,
    /// What it was told and has not answered, by number.
    pending: HashMap<u64, Value>,
    pub(super) dialogs: Dialogs,
    /// Whether it goes to another document, which is not ready yet.
    moves: bool,
    /// What it was told meanwhile.
    held: Vec<Value>,
}

/// A name that no code of a page's can guess.
fn secret() -> String {
    format!("_{:016x}", RandomState::new().build_hasher().finish())
}

impl OpenPage {
    /// When its time is up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn arm(&mut self) {
        if !self.opening.whole || self.deadline.is_none() {
            self.deadline = Some(Instant::now() + self.opening.time_limit);
        }
    }

    fn rest(&mut self) {
        if !self.opening.whole {
            self.deadline = None;
        }
    }

    /// Tells that something happened.
    pub(super) fn happened(&mut self, event: Event) {
        (self.tell)(Told::Event(event));
    }

    /// The same, in the words of `page/progress.rs`.
    pub(super) fn told(&mut self, progress: Value) {
        self.happened(Event::Custom(progress));
    }

    /// Something happened in one of its workers.
    pub(super) fn worker_happened(&mut self, method: &str, params: &Value) {
        match method {
            "Runtime.exceptionThrown" => self.told(uncaught(&params["exceptionDetails"])),
            "Runtime.consoleAPICalled" => {
                let level = match params["type"].as_str() {
                    Some("debug") => Level::Debug,
                    Some("warning") => Level::Warn,
                    Some("error" | "assert") => Level::Error,
                    _ => Level::Info,
                };
                let words = params["args"].as_array().into_iter().flatten();
                let words: Vec<String> = words.map(shown).collect();
                self.log(level, words.join(" "));
            }
            _ => {}
        }
    }

    /// It is about to go to another document; unless it is only being opened, what it is told waits for that.
    pub(super) fn moves(&mut self) {
        self.moves = self.ready;
    }

    /// Puts a line on its console.
    pub(super) fn log(&mut self, level: Level, text: String) {
        self.happened(Event::Console { level, text });
    }
}

impl Driver {
    /// Opens a page with a profile of its own.
    pub(super) fn open(&mut self, number: u64, opening: Opening, mut tell: Tell) -> Result<(), Fault> {
        self.close();
        let made = self.made();
        let (context, (frame, session)) = match made {
            Ok(made) => made,
            Err(fault) => {
                tell(Told::Gone);
                return Err(fault);
            }
        };
        let binding = secret();
        let page = OpenPage {
            number,
            opening,
            tell,
            session: session.clone(),
            workers: Vec::new(),
            network: Network::new(secret()),
            frame,
            context,
            binding: binding.clone(),
            door: secret(),
            scripts: Vec::new(),
            loaded: false,
            ready: false,
            deadline: None,
            pending: HashMap::new(),
            dialogs: Dialogs::default(),
            moves: false,
            held: Vec::new(),
        };
        self.page = Some(page);
        for (method, params) in [
            ("Page.enable", json!({})),
            ("Runtime.enable", json!({})),
            ("Network.enable", json!({})),
            ("Inspector.enable", json!({})),
            ("Runtime.addBinding", json!({"name": binding})),
            ("Page.setBypassCSP", json!({"enabled": true})),
            (
                "Target.setAutoAttach",
                json!({"autoAttach": true, "waitForDebuggerOnStart": false, "flatten": true}),
            ),
            ("Emulation.setFocusEmulationEnabled", json!({"enabled": true})),
        ] {
            self.call(Some(&session), method, &params)?;
        }
        Ok(())
    }

    fn made(&mut self) -> Result<(String, (String, String)), Fault> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let context = self.call(None, "Target.createBrowserContext", &json!({"disposeOnDetach": true}))?;
        let context = text(&context["browserContextId"]);
        let page = self.attached(&json!({"url": "about:blank", "browserContextId": context}))?;
        Ok((context, page))
    }

    /// Makes a page and gives its target, which is its main frame too, and its session.
    pub(super) fn attached(&mut self, target: &Value) -> Result<(String, String), Fault> {
        let made = self.call(None, "Target.createTarget", target)?;
        let attach = json!({"targetId": made["targetId"], "flatten": true});
        let session = self.call(None, "Target.attachToTarget", &attach)?;
        Ok((text_of(&made["targetId"]), text_of(&session["sessionId"])))
    }

    /// Has the open page do what `command` says.
    pub(super) fn command(&mut self, command: &Value) -> Result<(), Fault> {
        let seq = command["seq"].as_u64();
        match command["step"].as_str().unwrap_or_default() {
            "load" => {
                if let (Some(page), Some(url)) = (&mut self.page, command["url"].as_str()) {
                    url.clone_into(&mut page.opening.url);
                }
                self.load(command["setup"].as_array().map_or(&[][..], Vec::as_slice))
            }
            "close" => {
                self.hear_out();
                self.end(Ended::Done(0));
                Ok(())
            }
            "offline" | "route" | "unroute" => {
                self.prepare_network(command)?;
                self.answered(seq);
                Ok(())
            }
            "route_answer" => self.answer_request(command),
            "dialog_answer" => self.answer_dialog(command),
            "dialogs" => {
                if let Some(page) = &mut self.page {
                    page.dialogs.asks = command["asks"] == true;
                }
                self.answered(seq);
                Ok(())
            }
            _ => {
                let Some(page) = &mut self.page else { return Ok(()) };
                page.arm();
                if page.moves {
                    page.held.push(command.clone());
                    return Ok(());
                }
                if let Some(seq) = seq {
                    page.pending.insert(seq, command.clone());
                }
                self.hand_in(command)
            }
        }
    }

    /// Loads the page's address into a new document, with `setup` done before.
    fn load(&mut self, setup: &[Value]) -> Result<(), Fault> {
        let Some(page) = &mut self.page else { return Ok(()) };
        page.arm();
        page.pending.clear();
        page.held.clear();
        (page.ready, page.moves) = (false, false);
        page.network.reset();
        page.dialogs.asks =
            setup.iter().rfind(|step| step["step"] == "dialogs").is_some_and(|step| step["asks"] == true);
        let was_loaded = std::mem::replace(&mut page.loaded, true);
        let (session, url) = (page.session.clone(), page.opening.url.clone());
        let (binding, door, token) = (page.binding.clone(), page.door.clone(), page.network.token.clone());
        let old = std::mem::take(&mut page.scripts);
        for script in old {
            let identifier = json!({"identifier": script});
            self.call(Some(&session), "Page.removeScriptToEvaluateOnNewDocument", &identifier)?;
        }
        let named =
            |step: &&Value, names: &[&str]| step["step"].as_str().is_some_and(|name| names.contains(&name));
        for step in setup.iter().filter(|step| named(step, &["offline", "route", "unroute"])) {
            self.prepare_network(step)?;
        }
        let own: Vec<&Value> = setup.iter().filter(|step| named(step, &["clock", "set_storage"])).collect();
        let config = json!({"binding": binding, "door": door, "token": token, "setup": own});
        let init = setup.iter().filter(|step| named(step, &["init_script"]));
        let init = init.filter_map(|step| step["script"].as_str().map(str::to_owned));
        for source in std::iter::once(script::prologue(&config)).chain(init) {
            let source = json!({"source": source});
            let added = self.call(Some(&session), "Page.addScriptToEvaluateOnNewDocument", &source)?;
            if let Some(page) = &mut self.page {
                page.scripts.push(added["identifier"].clone());
            }
        }
        if was_loaded && url.contains('#') && self.is_at(&session, &url)? {
            // An address that differs in its fragment alone would not be loaded again.
            let put = format!("history.pushState(null, '', {})", json!(url));
            self.call(Some(&session), "Runtime.evaluate", &json!({"expression": put}))?;
            return self.say(Some(&session), "Page.reload", &json!({})).map(drop);
        }
        self.say(Some(&session), "Page.navigate", &json!({"url": url})).map(drop)
    }

    /// Whether the document there is the one that `url` names, whatever the fragment.
    fn is_at(&mut self, session: &str, url: &str) -> Result<bool, Fault> {
        let history = self.call(Some(session), "Page.getNavigationHistory", &json!({}))?;
        let current = history["currentIndex"].as_u64().and_then(|index| usize::try_from(index).ok());
        let current = current.and_then(|index| history["entries"][index]["url"].as_str());
        let whole = |url: &str| url.split('#').next().map(str::to_owned);
        Ok(current.is_some_and(|current| whole(current) == whole(url)))
    }

    /// Hands a command to the document.
    fn hand_in(&mut self, command: &Value) -> Result<(), Fault> {
        let Some(page) = &self.page else { return Ok(()) };
        let (session, door) = (page.session.clone(), &page.door);
        let expression = format!("void globalThis.{door}?.({command})");
        self.say(Some(&session), "Runtime.evaluate", &json!({"expression": expression})).map(drop)
    }

    fn answered(&mut self, seq: Option<u64>) {
        if let Some(page) = &mut self.page {
            page.told(json!({"kind": "answer", "seq": seq, "value": null}));
        }
    }

    /// Something happened in the open page.
    pub(super) fn happened(&mut self, method: &str, params: &Value) -> Result<(), Fault> {
        let Some(page) = &mut self.page else { return Ok(()) };
        match method {
            "Runtime.bindingCalled" if params["name"] == page.binding.as_str() => {
                let said = params["payload"].as_str().and_then(|text| serde_json::from_str(text).ok());
                said.map_or(Ok(()), |said| self.said(said))
            }
            "Runtime.exceptionThrown" => {
                page.told(uncaught(&params["exceptionDetails"]));
                Ok(())
            }
            "Page.javascriptDialogOpening" => self.dialog(params),
            "Target.attachedToTarget" => {
                let Some(session) = params["sessionId"].as_str().map(str::to_owned) else { return Ok(()) };
                page.workers.push(session.clone());
                // What it said before is said again.
                self.say(Some(&session), "Runtime.enable", &json!({})).map(drop)
            }
            "Inspector.targetCrashed" => {
                (page.tell)(Told::Gone);
                self.close();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The document says something, in the words of `page/progress.rs` and three more.
    fn said(&mut self, said: Value) -> Result<(), Fault> {
        let Some(page) = &mut self.page else { return Ok(()) };
        match said["kind"].as_str() {
            Some("console") => {
                let level = serde_json::from_value(said["level"].clone()).unwrap_or(Level::Info);
                page.log(level, text_of(&said["text"]));
            }
            Some("input") => {
                return self.input(&said["act"], said["calls"].as_array().map_or(&[], Vec::as_slice));
            }
            Some("exit") => {
                // What the page's last deeds led to may still be on its way.
                self.hear_out();
                self.end(Ended::Done(
                    said["code"].as_i64().and_then(|code| code.try_into().ok()).unwrap_or(0),
                ));
            }
            Some("ready") if page.ready => return self.moved(),
            Some("ready") => {
                page.ready = true;
                page.rest();
                page.told(said);
            }
            Some("answer") => {
                let known = said["seq"].as_u64().is_some_and(|seq| page.pending.remove(&seq).is_some());
                if page.pending.is_empty() {
                    page.rest();
                }
                if known {
                    page.told(said);
                }
            }
            _ => page.told(said),
        }
        Ok(())
    }

    /// The page does not go to another document after all.
    pub(super) fn remains(&mut self) -> Result<(), Fault> {
        let Some(page) = &mut self.page else { return Ok(()) };
        page.moves = false;
        let held = std::mem::take(&mut page.held);
        self.hand_in(&json!({"step": "stayed"}))?;
        held.iter().try_for_each(|command| self.command(command))
    }

    /// The page would go to a document that is not there, which fails what it was told to do. Not when it is only being
    /// opened: `false`.
    pub(super) fn stays(&mut self, why: &str) -> bool {
        let Some(page) = self.page.as_mut().filter(|page| page.ready) else { return false };
        for seq in std::mem::take(&mut page.pending).into_keys() {
            let failure = json!({"code": "no_page", "message": why});
            page.told(json!({"kind": "answer", "seq": seq, "failure": failure}));
        }
        page.rest();
        // Where the browser is gone, the next that is said to it finds out.
        let _ = self.hand_in(&json!({"step": "stayed"}));
        true
    }

    /// The page has gone to another document; what it was told there has no one to answer it.
    fn moved(&mut self) -> Result<(), Fault> {
        let Some(page) = &mut self.page else { return Ok(()) };
        let pending = std::mem::take(&mut page.pending);
        let held = std::mem::take(&mut page.held);
        page.moves = false;
        page.rest();
        for (seq, command) in pending {
            let name = command["step"].as_str().unwrap_or_default();
            if LOOKS.contains(&name) {
                self.command(&command)?;
                continue;
            }
            let Some(page) = &mut self.page else { return Ok(()) };
            let mut answer = json!({"kind": "answer", "seq": seq, "value": null});
            if ASKS.contains(&name) {
                let message = "the page went on to another document meanwhile";
                answer["failure"] = json!({"code": "page_lost", "message": message});
            }
            page.told(answer);
        }
        held.iter().try_for_each(|command| self.command(command))
    }

    /// Uses pointer and keyboard as the document asks.
    fn input(&mut self, act: &Value, calls: &[Value]) -> Result<(), Fault> {
        for call in calls {
            let Some(session) = self.page.as_ref().map(|page| page.session.clone()) else { return Ok(()) };
            let method = call[0].as_str().unwrap_or_default();
            // Nothing else is to be had from inside a document.
            if !method.starts_with("Input.") {
                continue;
            }
            match self.call(Some(&session), method, &call[1]) {
                Ok(_) | Err(Fault::Refused) => {}
                Err(fault) => return Err(fault),
            }
        }
        self.hand_in(&json!({"step": "acted", "act": act}))
    }

    /// The open page's time is up.
    pub(super) fn out_of_time(&mut self) {
        let Some(page) = &mut self.page else { return };
        let session = page.session.clone();
        // Who answers was waiting.
        let idle = self.hear_out();
        let busy = if idle { Busy::Waiting } else { Busy::Scripts };
        if !idle {
            let _ = self.say(Some(&session), "Page.crash", &json!({}));
        }
        self.end(Ended::TimedOut { busy, stack: String::new() });
    }

    /// Hears what the page has said so far; whether it is idle enough for that.
    fn hear_out(&mut self) -> bool {
        let Some(page) = &mut self.page else { return false };
        page.deadline = Some(Instant::now() + AT_ONCE);
        let session = page.session.clone();
        self.call(Some(&session), "Runtime.evaluate", &json!({"expression": "0"})).is_ok()
    }

    fn end(&mut self, ended: Ended) {
        if let Some(page) = &mut self.page {
            (page.tell)(Told::Ended(ended));
        }
        self.close();
    }

    /// Closes the open page, with its profile.
    pub(super) fn close(&mut self) {
        if let Some(page) = self.page.take() {
            // Where the browser is gone, the next that hears finds out.
            let _ =
                self.say(None, "Target.disposeBrowserContext", &json!({"browserContextId": page.context}));
        }
    }
}
