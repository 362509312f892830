//! One page under way: its site, what runs inside the browser, and what it tells. The events leave as they
//! happen; `reduce/page.rs` makes sense of them. Must not know wasmtime, nor how anything is shown.
//!
//! - [`site`]: what each URL means: the page's own folder, the pinned runtime, the environment's scripts
//! - [`image`]: Pyodide's memory once it has started, made once
//! - [`environment`]: the scripts of `pyweb/js`, carried in the binary
//! - [`progress`]: what the page tells of itself
//! - [`find`]: the pages of a folder and the tests beside them

pub mod environment;
pub mod find;
pub mod image;
pub mod progress;
pub mod site;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::headless::{self, Ended, Event, HeadlessError};
use crate::runtime::Runtime;
use find::TestModule;
use site::PageSite;

/// A page and the folder it may not leave.
#[derive(Clone, Debug)]
pub struct Page {
    /// The folder of its site, without symbolic links.
    pub root: PathBuf,
    /// Its path from there, with `/` between the parts.
    pub path: String,
}

/// What to do with a page.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    /// CSS selectors of what to click once it is ready, in order.
    pub clicks: Vec<String>,
    /// A CSS selector that must match before the page is read.
    pub wait: Option<String>,
    /// The modules whose `test_*` functions run inside the page at the end.
    pub tests: Vec<TestModule>,
}

impl Steps {
    /// As `js/visit.mjs` reads them.
    pub fn to_json(&self) -> Value {
        let tests: Vec<Value> =
            self.tests.iter().map(|test| json!({"file": test.path, "source": test.source})).collect();
        json!({"wait": self.wait, "clicks": self.clicks, "tests": tests})
    }
}

/// Runs `page` to its end or to the time limit, telling `on_event` what happens, on this thread.
pub fn run(
    page: &Page,
    steps: &Steps,
    runtime: &Runtime,
    time_limit: Duration,
    cache_dir: Option<PathBuf>,
    on_event: &mut dyn FnMut(Event),
) -> Result<Ended, HeadlessError> {
    let site = PageSite::new(page, runtime.clone(), cache_dir.clone());
    let url = site.page_url();
    let mut config = steps.to_json();
    config["page"] = json!(url);
    config["files"] = json!(find::python_files(&page.root));
    config["hash_seed"] = json!(runtime.hash_seed());
    let options = headless::Options {
        time_limit,
        cache_dir,
        worker: Some(environment::WORKER.to_owned()),
        config,
        page_url: url,
        entry: Some(environment::ENTRY.to_owned()),
    };
    headless::run(Box::new(site), &environment::scripts(), &options, on_event)
}
