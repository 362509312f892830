//! The engine from the inside: small modules and scripts, no page and no Python.

mod cache;
mod exceptions;
mod limits;
mod misbehaviour;
mod modules;
mod threads;
mod webassembly;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::{Ended, Event, HeadlessError, Level, Options, Resource, Script, Site, run};

/// A site in memory, and how to run a script on it.
pub(super) struct Page {
    files: Files,
    options: Options,
}

#[derive(Clone, Default)]
struct Files(HashMap<String, Resource>);

impl Site for Files {
    fn get(&self, url: &str) -> Option<Resource> {
        self.0.get(url).cloned()
    }
}

/// What came of a run.
pub(super) struct Ran {
    pub(super) ended: Result<Ended, HeadlessError>,
    pub(super) events: Vec<Event>,
}

impl Page {
    pub(super) fn new() -> Page {
        let options = Options {
            time_limit: Duration::from_mins(2),
            cache_dir: None,
            page_url: "http://localhost/index.html".to_owned(),
            entry: None,
            worker: None,
            config: serde_json::Value::Null,
        };
        Page { files: Files::default(), options }
    }

    fn file(mut self, url: &str, mime: &str, bytes: Vec<u8>) -> Page {
        self.files.0.insert(url.to_owned(), Resource { bytes: bytes.into(), mime: mime.to_owned() });
        self
    }

    /// Adds a module given as text.
    #[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    pub(super) fn wasm(self, url: &str, text: &str) -> Page {
        self.file(url, "application/wasm", wat::parse_str(text).unwrap())
    }

    fn module(self, url: &str, source: &str) -> Page {
        self.file(url, "text/javascript", source.as_bytes().to_vec())
    }

    fn entry(mut self, url: &str) -> Page {
        self.options.entry = Some(url.to_owned());
        self
    }

    fn worker(mut self, url: &str) -> Page {
        self.options.worker = Some(url.to_owned());
        self
    }

    fn cache(mut self, folder: &Path) -> Page {
        self.options.cache_dir = Some(folder.to_owned());
        self
    }

    fn time_limit(mut self, limit: Duration) -> Page {
        self.options.time_limit = limit;
        self
    }

    /// Runs `script`, which finds `print(text)` and `load(url, imports)` ready.
    pub(super) fn run(&self, script: &str) -> Ran {
        const HELP: &str = "
            const print = (...texts) => __native.print('info', texts.join(' '));
            const load = (url, imports) =>
                new WebAssembly.Instance(new WebAssembly.Module(__native.read(url)), imports).exports;
            const attempt = (f) => { try { return String(f()) } catch (e) { return `${e.name}: ${e.message}` } };
        ";
        let scripts = [("help.js", HELP), ("test.js", script)]
            .map(|(url, source)| Script { url: url.to_owned(), source: source.to_owned().into() });
        let mut events = Vec::new();
        let site = Box::new(self.files.clone());
        let ended = run(site, &scripts, &self.options, &mut |event| events.push(event));
        Ran { ended, events }
    }
}

impl Ran {
    /// Everything that was printed, after a run that came to its own end.
    pub(super) fn text(&self) -> String {
        assert!(matches!(self.ended, Ok(Ended::Idle | Ended::Done(0))), "{:?} {:?}", self.ended, self.events);
        let lines = self.events.iter().map(|event| match event {
            Event::Console { level: Level::Info, text } => text.clone(),
            other => format!("{other:?}"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}
