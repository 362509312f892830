//! `pyweb` beside headless Chromium, and beside Node where that can do the work, on the same pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;

use crate::bench::arms::{Arm, Work};
use crate::bench::browser::{self, Server};
use crate::shell;

const MICROPYTHON: &str = "tests/makefile/page";
const PYODIDE: &str = "tests/pages/todo";
const CPU: &str = "xtask/src/bench/pyweb/cpu";
/// So many tests more than one of the same page; a browser loads it for each anew.
const FURTHER: u16 = 100;
const FURTHER_IN_CHROMIUM: u16 = 5;

/// Pages on a warm machine, a page for the first time, tests of a page, Python at work, and bundles.
pub fn works(scratch: &Path) -> Result<Vec<Work>> {
    let places = Places::find(scratch)?;
    let micropython = Site::bundled("micropython", MICROPYTHON, &[], scratch)?;
    let pyodide = Site::bundled("pyodide", PYODIDE, &[], scratch)?;
    let cpu = Site::bundled("cpu", CPU, &[], scratch)?;
    let image = Site::bundled("snapshot", PYODIDE, &["--snapshot"], scratch)?;
    let warm = vec![micropython.browser("Chromium"), places.render("pyweb", MICROPYTHON).within_ms(150)];
    let warm_pyodide = vec![
        pyodide.browser("Chromium"),
        places.node("Node, one statement", None)?,
        places.render("pyweb", PYODIDE).within_ms(900),
        places.render("pyweb, no image", PYODIDE).after(places.without_made(".image")),
    ];
    let first = vec![
        pyodide.browser_anew("Chromium"),
        places.render("pyweb", PYODIDE).after(places.without_made("")),
    ];
    let tests = vec![
        places.tests("Chromium, one", "chromium", 1)?,
        places.tests("Chromium, 6", "chromium", 1 + FURTHER_IN_CHROMIUM)?.repeating(
            FURTHER_IN_CHROMIUM,
            "Chromium, one",
            None,
        ),
        places.tests("pyweb, one", "wasmtime", 1)?,
        places.tests("pyweb, 101", "wasmtime", 1 + FURTHER)?.repeating(FURTHER, "pyweb, one", Some(15)),
    ];
    let busy = vec![
        places.node("Node", Some("xtask/src/bench/pyweb/cpu/cpu.py"))?,
        cpu.browser("Chromium"),
        places.render("pyweb", CPU).within_cpu(1.0, "Node"),
    ];
    let bundles = vec![pyodide.browser("plain"), image.browser("--snapshot")];
    let work = |name: &str, arms| Work { name: name.into(), arms, keep: Vec::new() };
    Ok(vec![
        work("MicroPython page", warm),
        work("Pyodide page", warm_pyodide),
        work("Pyodide page, first ever", first),
        work("tests of a Pyodide page", tests),
        work("Python at work", busy),
        work("bundle in Chromium, warm start", bundles),
    ])
}

/// Where the arms find things.
#[derive(Clone)]
struct Places {
    /// A cache of pyweb's that is the bench's alone.
    cache: PathBuf,
    /// The runtime's packages, which all caches share.
    runtime: PathBuf,
    /// Files of steps.
    scratch: PathBuf,
}

impl Places {
    fn find(scratch: &Path) -> Result<Places> {
        let path = shell::output(
            shell::command(shell::binary("pyweb")).args(["runtime", "path", "--format", "human"]),
        )?;
        Ok(Places {
            cache: scratch.join("cache"),
            runtime: PathBuf::from(path.trim()),
            scratch: scratch.to_owned(),
        })
    }

    fn pyweb(&self) -> Command {
        let mut pyweb = shell::command(shell::binary("pyweb"));
        pyweb.env("SNAKEPIPE_CACHE", &self.cache).env("PYWEB_RUNTIME", &self.runtime);
        pyweb
    }

    fn render(&self, name: &'static str, page: &'static str) -> Arm {
        let places = self.clone();
        Arm::new(name, move || {
            let mut pyweb = places.pyweb();
            pyweb.arg("render").arg(Path::new(page).join("index.html"));
            pyweb
        })
    }

    /// `pyweb test` of so many tests that each look at the page anew.
    fn tests(&self, name: &'static str, engine: &'static str, count: u16) -> Result<Arm> {
        let steps = self.scratch.join(format!("{count}.steps"));
        let test = |number: u16| {
            let locator = json!([{"css": "li"}]);
            let steps = [
                json!({"step": "test", "id": format!("test {number}")}),
                json!({"step": "goto", "url": "/index.html"}),
                json!({"step": "click", "locator": [{"css": "#add"}]}),
                json!({"step": "expect", "locator": locator, "matcher": "to_have_count", "expected": 1}),
            ];
            steps.map(|step| format!("{step}\n")).concat()
        };
        fs::write(&steps, (1..=count).map(test).collect::<String>())?;
        let places = self.clone();
        Ok(Arm::new(name, move || {
            let mut pyweb = places.pyweb();
            pyweb.args(["test", PYODIDE, "--engine", engine, "--steps"]).arg(&steps);
            pyweb
        }))
    }

    /// Pyodide in Node: a file of Python, or a single statement.
    fn node(&self, name: &'static str, file: Option<&'static str>) -> Result<Arm> {
        let packages = fs::read_dir(&self.runtime)?.collect::<Result<Vec<_>, _>>()?;
        let pyodide =
            packages.iter().find(|entry| entry.file_name().to_string_lossy().starts_with("pyodide-"));
        let pyodide = pyodide.context("the runtime has no Pyodide")?.path();
        Ok(Arm::new(name, move || {
            let mut node = shell::command("node");
            node.arg("xtask/src/bench/pyweb/node.mjs").arg(&pyodide).args(file);
            node
        }))
    }

    /// Before each round, nothing is left that pyweb has made of its runtime and that ends so.
    fn without_made(&self, ending: &'static str) -> impl Fn() -> Result<()> + 'static {
        let made = self.cache.join("pyweb/compiled");
        move || {
            fs::create_dir_all(&made)?;
            for entry in fs::read_dir(&made)? {
                let path = entry?.path();
                if path.to_string_lossy().ends_with(ending) {
                    fs::remove_file(path)?;
                }
            }
            Ok(())
        }
    }
}

/// The bundle of a folder, served at `url`, and the profile in which Chromium keeps what it loaded of it.
struct Site {
    url: String,
    profile: PathBuf,
}

impl Site {
    /// `page`, bundled with these options; Chromium has not seen it.
    fn bundled(name: &str, page: &str, options: &[&str], scratch: &Path) -> Result<Site> {
        let place = |kind: &str| scratch.join(kind).join(name);
        let (bundle, profile) = (place("site"), place("chromium"));
        for old in [&bundle, &profile] {
            if old.exists() {
                fs::remove_dir_all(old)?;
            }
        }
        let mut pyweb = shell::command(shell::binary("pyweb"));
        pyweb.args(["bundle", "-q", page, "-o"]).arg(&bundle).args(options);
        shell::run(pyweb.stdout(Stdio::null()))?;
        Ok(Site { url: Server::start(&bundle)?.url(), profile })
    }

    /// Chromium on it; the first round, which does not count, fills its caches.
    fn browser(&self, name: &'static str) -> Arm {
        let (profile, url) = (self.profile.clone(), self.url.clone());
        Arm::new(name, move || browser::load(&url, &profile))
    }

    /// Chromium on it, which has seen nothing.
    fn browser_anew(&self, name: &'static str) -> Arm {
        let profile = self.profile.clone();
        self.browser(name).after(move || {
            if profile.exists() {
                fs::remove_dir_all(&profile)?;
            }
            Ok(())
        })
    }
}
