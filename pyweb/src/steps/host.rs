//! A page process: one page that does what the lines on its standard input say and tells there what happens.
//! `pyweb test --steps` starts it, so that a page that crashes takes nothing with it, and so that a warmed page
//! can be copied by `fork`. Must not know who is at the other end.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::message::{Lines, Message, tell};
use crate::error::PageError;
use crate::headless::{self, HeadlessError, Options};
use crate::page::site::PageSite;
use crate::page::{Page, environment, find};
use crate::runtime::Runtime;

/// What a page process needs to know.
#[derive(Clone, Debug)]
pub struct Hosted {
    /// The page.
    pub page: Page,
    /// Its whole address, with query and fragment.
    pub url: String,
    /// The folder given for the runtime's packages.
    pub runtime: Option<PathBuf>,
    /// The folder of the site's Python packages.
    pub packages: Option<PathBuf>,
    /// How long each of its tasks may take.
    pub time_limit: Duration,
}

/// Runs the page until its commands end.
pub fn host(hosted: &Hosted, runtime: Runtime) -> Result<(), HeadlessError> {
    headless::end_with_parent();
    let cache_dir = cache_dir().ok();
    let options = Options {
        time_limit: hosted.time_limit,
        cache_dir: cache_dir.clone(),
        page_url: hosted.url.clone(),
        entry: Some(environment::SESSION.to_owned()),
        worker: Some(environment::WORKER.to_owned()),
        config: json!({
            "page": hosted.url,
            "files": find::python_files(&hosted.page.root),
            "hash_seed": runtime.hash_seed(),
        }),
    };
    let site = Box::new(PageSite::new(&hosted.page, runtime, cache_dir));
    // Who does not listen any more closes the commands, too.
    let on_event = Box::new(|event| drop(tell(&Message::Event(event))));
    let on_end = |ended: &headless::Ended| drop(tell(&Message::Ended(ended.clone())));
    headless::obey(site, &environment::scripts(), &options, Box::new(Lines::default()), on_event, &on_end)
}

/// Where compiled code is kept.
pub fn cache_dir() -> Result<PathBuf, PageError> {
    Ok(common::fs::cache_dir("pyweb").map_err(PageError::NoHome)?.join("compiled"))
}
