//! From page to page: gone to by a test or by the page itself, loaded in a process or a tab, or copied. Must not know
//! what a test is.

use std::time::Instant;

use serde_json::{Value, json};
use url::Url;

use super::asked::Asked;
use super::browser::{Browser, Open};
use super::host::Hosted;
use super::process::{PageProcess, Runner, teller};
use super::script::Script;
use super::signal::{Failed, Signal};
use super::warm::{can_be_taken_back, may_come_late};
use crate::chromium::Opening;
use crate::error::PageError;
use crate::events::Record;
use crate::page::progress::Way;
use crate::page::site::{PageSite, unanswered_post};
use crate::page::{Page, find};

/// How a page is loaded.
#[derive(Default)]
struct Loading {
    /// The tab that it is to be in.
    tab: Option<Runner>,
    /// What it has to tell, where only its copies are to tell it.
    untold: Option<Vec<Record>>,
    /// Its text, where the site has none.
    document: Option<String>,
}

impl Browser<'_> {
    /// Opens the page at `address`, relative to the site, with `setup` done before it loads.
    pub fn goto(&mut self, address: &str, setup: Vec<Value>) -> Result<Result<(), Failed>, PageError> {
        match self.hosted(address) {
            Ok(hosted) => self.visit(&hosted, setup, None),
            Err(failed) => Ok(Err(failed)),
        }
    }

    /// Opens the page that the open one is going to.
    pub fn follow(&mut self, way: &Way, setup: Vec<Value>) -> Result<Result<(), Failed>, PageError> {
        let hosted = match (&way.method, &way.document) {
            (None, _) => self.hosted(&way.url),
            (Some(_), Some(_)) => self.hosted_anywhere(&way.url),
            (Some(_), None) => Err(Failed::new("no_page", unanswered_post(&way.url))),
        };
        match hosted {
            Ok(hosted) => self.visit(&hosted, setup, Some(way)),
            Err(failed) => Ok(Err(failed)),
        }
    }

    fn visit(
        &mut self,
        hosted: &Hosted,
        mut setup: Vec<Value>,
        way: Option<&Way>,
    ) -> Result<Result<(), Failed>, PageError> {
        if self.chromium.is_some() {
            let tab = self.leave()?;
            return self.load(hosted, &setup, Loading { tab, ..Loading::default() });
        }
        if self.open.is_some() {
            setup.extend(self.handed_on(way)?);
            self.put_away()?;
        }
        if let Some(document) = way.and_then(|way| way.document.clone()) {
            return self.load(hosted, &setup, Loading { document: Some(document), ..Loading::default() });
        }
        if !setup.iter().all(may_come_late) || self.single.contains(&hosted.url) {
            return self.load(hosted, &setup, Loading::default());
        }
        if !self.warm.contains_key(&hosted.url) {
            // A page may need its routes to get ready at all.
            let (first, rest): (Vec<_>, Vec<_>) = setup.iter().cloned().partition(can_be_taken_back);
            let untold = Some(Vec::new());
            if let Err(failed) = self.load(hosted, &first, Loading { untold, ..Loading::default() })? {
                return Ok(Err(failed));
            }
            let has_workers = self.open.as_ref().is_some_and(|open| open.has_workers);
            if has_workers {
                self.single.insert(hosted.url.clone());
            }
            if has_workers || !self.takes_back(&first)? {
                return match self.adopts(&rest)? {
                    Ok(true) => self.tell_untold().map(Ok),
                    Ok(false) => {
                        self.close()?;
                        self.load(hosted, &setup, Loading::default())
                    }
                    Err(failed) => Ok(Err(failed)),
                };
            }
            self.keep_warm();
        }
        match self.copy(&hosted.url, &setup)? {
            Ok(true) => Ok(Ok(())),
            Ok(false) => self.load(hosted, &setup, Loading::default()),
            Err(failed) => Ok(Err(failed)),
        }
    }

    /// What the next page of the same test finds there again: what the open one has stored, and where it has been.
    fn handed_on(&mut self, way: Option<&Way>) -> Result<Vec<Value>, PageError> {
        let kept = self.command(json!({"step": "storage"}), self.script.time_limit)?;
        let Ok(mut kept) = kept else { return Ok(Vec::new()) };
        let mut history = match way {
            Some(way) => way.history.clone(),
            None => kept["history"].take(),
        };
        if way.is_none() {
            history["how"] = json!("push");
        }
        history["step"] = json!("history");
        let mut steps = vec![history];
        if let Some(kept) = kept.as_object_mut() {
            kept.remove("history");
        }
        if kept != json!({"local": {}, "session": {}, "databases": []}) {
            kept["step"] = json!("set_storage");
            steps.push(kept);
        }
        Ok(steps)
    }

    pub(super) fn hosted(&self, address: &str) -> Result<Hosted, Failed> {
        let url = address_of(address)?;
        let page = find::page_at(&self.root, &url)
            .ok_or_else(|| Failed::new("no_page", format!("{address} is not in {}", self.root.display())))?;
        Ok(self.hosted_as(page, url))
    }

    /// The same for a page whose text comes from the test.
    fn hosted_anywhere(&self, address: &str) -> Result<Hosted, Failed> {
        let url = address_of(address)?;
        let path = url.path().trim_start_matches('/').to_owned();
        Ok(self.hosted_as(Page { root: self.root.clone(), path }, url))
    }

    fn hosted_as(&self, page: Page, url: Url) -> Hosted {
        let Script { runtime, packages, time_limit, .. } = self.script;
        let (runtime, packages) = (runtime.clone(), packages.clone());
        Hosted { page, url: url.into(), runtime, packages, time_limit: *time_limit }
    }

    /// Leaves the open page for another in the same tab of a real browser.
    fn leave(&mut self) -> Result<Option<Runner>, PageError> {
        let Some(mut open) = self.open.take() else { return Ok(None) };
        let tab = open.own.take();
        let said = self.closed(open)?;
        self.keep(said);
        Ok(tab)
    }

    /// Where the open page is going, once.
    pub fn leaving(&mut self) -> Option<Way> {
        self.open.as_mut()?.leaving.take()
    }

    /// Loads a page in a process of its own, or in a tab.
    fn load(
        &mut self,
        hosted: &Hosted,
        setup: &[Value],
        Loading { tab, untold, document }: Loading,
    ) -> Result<Result<(), Failed>, PageError> {
        let runner = match tab {
            Some(tab) => tab,
            None => self.start(hosted)?,
        };
        self.asked = Asked::default();
        self.open = Some(Open { untold, ..self.opened(hosted, Some(runner)) });
        let seq = self.send(json!({
            "step": "load", "setup": setup, "url": hosted.url, "document": document,
        }))?;
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

    /// The page that was loaded to be copied is the open one after all.
    fn tell_untold(&mut self) -> Result<(), PageError> {
        let untold = self.open.as_mut().and_then(|open| open.untold.take());
        untold.iter().flatten().try_for_each(self.show)
    }
}

/// A page's whole address, from one relative to the site.
fn address_of(address: &str) -> Result<Url, Failed> {
    let no_page = |why: String| Failed::new("no_page", why);
    let origin = Url::parse("http://localhost/").map_err(|error| no_page(error.to_string()))?;
    let url = origin.join(address).map_err(|error| no_page(format!("{address}: {error}")))?;
    if url.origin() == origin.origin() {
        return Ok(url);
    }
    Err(no_page(format!("{address} is on another host; name a page of the site, such as /index.html")))
}
