//! `pyweb render` beside headless Chromium on the same bundled pages, and what a memory image saves a browser.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;

use crate::bench::arms::{Arm, Work};
use crate::bench::browser::{self, Server};
use crate::shell;

/// A page that Pyodide runs.
const TODO: &str = "tests/pages/todo";

/// One work for each interpreter's page, then a page that begins with a memory image.
pub fn works() -> Result<Vec<Work>> {
    let mut works = Vec::new();
    for (name, page) in [("MicroPython page", "tests/makefile/page"), ("Pyodide page", TODO)] {
        let chromium = loaded("Chromium", name, page, &[])?;
        let pyweb = Arm::new("pyweb", move || {
            let mut pyweb = shell::command(shell::binary("pyweb"));
            pyweb.args(["render", &format!("{page}/index.html")]);
            pyweb
        });
        works.push(Work { name: name.into(), arms: vec![chromium, pyweb], keep: Vec::new() });
    }
    let plain = loaded("plain", "plain", TODO, &[])?;
    let image = loaded("--snapshot", "snapshot", TODO, &["--snapshot"])?;
    let name = "bundle in Chromium, warm start".into();
    works.push(Work { name, arms: vec![plain, image], keep: Vec::new() });
    Ok(works)
}

/// Chromium on the bundle that `options` make of `page`, until its Python is done. Its profile is kept from round to
/// round: the first, which does not count, fills its caches.
fn loaded(name: &'static str, folder: &str, page: &str, options: &[&str]) -> Result<Arm> {
    let place = |kind: &str| -> PathBuf { shell::target().join("bench").join(kind).join(folder) };
    let (bundle, profile) = (place("site"), place("chromium"));
    for old in [&bundle, &profile] {
        if old.exists() {
            std::fs::remove_dir_all(old)?;
        }
    }
    let mut pyweb = shell::command(shell::binary("pyweb"));
    pyweb.args(["bundle", "-q", page, "-o"]).arg(&bundle).args(options);
    shell::run(pyweb.stdout(Stdio::null()))?;
    let url = Server::start(&bundle)?.url();
    Ok(Arm::new(name, move || browser::load(&url, &profile)))
}
