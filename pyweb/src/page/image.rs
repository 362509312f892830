//! Pyodide's memory as it is once it has started, made once and kept by content: a page that begins with it need
//! not start Python again. Made by an engine of its own, so that no page can leave anything in it.
//! Must not know what pages do with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::fs::Lock;
use serde_json::Value;

use super::environment;
use super::site::PageSite;
use crate::headless::{self, Cache, Ended, Event, Key};
use crate::runtime::{PYODIDE, Runtime};

/// Starting Python takes seconds, compiling it for the first time some more.
const TIME_LIMIT: Duration = Duration::from_mins(2);
/// Everything of Pyodide that the image depends on.
const FILES: [&str; 4] = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"];
/// The module that makes it.
const MAKER: &str = "image.mjs";

/// The image, from the cache or new; nothing when it cannot be made, and then Python starts as ever.
pub fn image(runtime: &Runtime, cache_dir: &Path) -> Option<Vec<u8>> {
    let files: Option<Vec<_>> = FILES.iter().map(|file| std::fs::read(place(runtime, file)).ok()).collect();
    let files = files?;
    let mut parts: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    parts.push(environment::module(MAKER)?.as_bytes());
    let key = Key::new("image", &parts);
    let cache = Cache::new(Some(cache_dir.to_owned()));
    if let Some(image) = cache.read(&key) {
        return Some(image);
    }
    // One process makes it, the others wait. Without locks, each makes its own.
    let _lock = Lock::acquire(&cache_dir.join(".image.lock"));
    if let Some(image) = cache.read(&key) {
        return Some(image);
    }
    let image = make(runtime, cache_dir.to_owned())?;
    cache.write(&key, &image);
    Some(image)
}

/// Where a file of Pyodide's is; a bundle has a library of its own.
fn place(runtime: &Runtime, file: &str) -> PathBuf {
    runtime.python_package(file).unwrap_or_else(|| runtime.file(PYODIDE, file))
}

fn make(runtime: &Runtime, cache_dir: PathBuf) -> Option<Vec<u8>> {
    let options = headless::Options {
        time_limit: TIME_LIMIT,
        cache_dir: Some(cache_dir),
        page_url: "http://localhost/".to_owned(),
        entry: Some(format!("{}{MAKER}", environment::BASE)),
        worker: None,
        config: Value::Null,
    };
    let site = Box::new(PageSite::without_files(runtime.clone()));
    let mut image = None;
    let ended = headless::run(site, &environment::scripts(), &options, &mut |event| {
        if let Event::Given { bytes, .. } = event {
            image = Some(bytes);
        }
    });
    image.filter(|_| matches!(ended, Ok(Ended::Done(0))))
}
