//! `pyweb render` beside headless Chromium on the same bundled pages, and what a memory image saves a browser.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;

use crate::bench::arms::{Arm, Work};
use crate::bench::browser::{self, Server};
use crate::shell;

const PORT: u16 = 18_724;
/// A page that Pyodide runs.
const TODO: &str = "tests/pages/todo";

/// One work for each interpreter's page, then a page that begins with a memory image.
pub fn works() -> Result<Vec<Work>> {
    let mut works = Vec::new();
    for (name, page) in [("MicroPython page", "tests/makefile/page"), ("Pyodide page", TODO)] {
        let (chromium, server) = loaded("Chromium", page, &[], PORT + u16::try_from(works.len())?)?;
        let pyweb = Arm::new("pyweb", move || {
            let mut pyweb = shell::command(shell::binary("pyweb"));
            pyweb.args(["render", &format!("{page}/index.html")]);
            pyweb
        });
        works.push(Work { name: name.into(), arms: vec![chromium, pyweb], keep: vec![Box::new(server)] });
    }
    let (plain, server) = loaded("plain", TODO, &[], PORT + 2)?;
    let (image, other) = loaded("--snapshot", TODO, &["--snapshot"], PORT + 3)?;
    works.push(Work {
        name: "bundle in Chromium, warm start".into(),
        arms: vec![plain, image],
        keep: vec![Box::new(server), Box::new(other)],
    });
    Ok(works)
}

/// Chromium on the bundle that `options` make of `page`, and what serves it. Its profile is kept from round to round:
/// the first, which does not count, fills its caches.
fn loaded(name: &'static str, page: &str, options: &[&str], port: u16) -> Result<(Arm, Server)> {
    let place = |kind: &str| -> PathBuf { shell::target().join(format!("bench/{kind}/{port}")) };
    let (bundle, profile) = (place("site"), place("chromium"));
    for old in [&bundle, &profile] {
        if old.exists() {
            std::fs::remove_dir_all(old)?;
        }
    }
    let mut pyweb = shell::command(shell::binary("pyweb"));
    pyweb.args(["bundle", "-q", page, "-o"]).arg(&bundle).args(options);
    shell::run(pyweb.stdout(Stdio::null()))?;
    let server = Server::start(&bundle, port, Stdio::null())?;
    let url = server.url() + "index.html";
    Ok((Arm::new(name, move || browser::dump(&url, &profile)), server))
}
