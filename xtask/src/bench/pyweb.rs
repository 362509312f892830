//! `pyweb` beside headless Chromium, and beside Node where that can do the work, on the same pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use crate::bench::arms::{Arm, Work};
use crate::shell;

const PORT: u16 = 18_724;
const MICROPYTHON: &str = "tests/makefile/page";
const PYODIDE: &str = "tests/pages/todo";
const CPU: &str = "xtask/src/bench/pyweb/cpu";
/// So many tests more than one of the same page; a browser loads it for each anew.
const FURTHER: u16 = 100;
const FURTHER_IN_CHROMIUM: u16 = 5;

/// Pages on a warm machine, a page for the first time, tests of a page, and Python at work.
pub fn works(scratch: &Path) -> Result<Vec<Work>> {
    let places = Places::find(scratch)?;
    let micropython = Site::bundled(MICROPYTHON, scratch, PORT)?;
    let pyodide = Site::bundled(PYODIDE, scratch, PORT + 1)?;
    let cpu = Site::bundled(CPU, scratch, PORT + 2)?;
    let warm = vec![places.browser(&micropython), places.render("pyweb", MICROPYTHON).within_ms(150)];
    let warm_pyodide = vec![
        places.browser(&pyodide),
        places.node("Node, one statement", None)?,
        places.render("pyweb", PYODIDE).within_ms(900),
        places.render("pyweb, no image", PYODIDE).after(places.without_made(".image")),
    ];
    let first = vec![
        places.browser(&pyodide).after(places.without_profile()),
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
        places.browser(&cpu),
        places.render("pyweb", CPU).within_cpu(1.0, "Node"),
    ];
    let work = |name: &str, arms| Work { name: name.into(), arms, keep: Vec::new() };
    let mut works = vec![
        work("MicroPython page", warm),
        work("Pyodide page", warm_pyodide),
        work("Pyodide page, first ever", first),
        work("tests of a Pyodide page", tests),
        work("Python at work", busy),
    ];
    // The servers live as long as the works do.
    works[0].keep =
        [micropython, pyodide, cpu].map(|site| Box::new(site.server) as Box<dyn std::any::Any>).into();
    Ok(works)
}

/// Where the arms find things.
#[derive(Clone)]
struct Places {
    /// A cache of pyweb's that is the bench's alone.
    cache: PathBuf,
    /// Chromium's profile.
    profile: PathBuf,
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
            profile: scratch.join("chromium"),
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

    fn browser(&self, site: &Site) -> Arm {
        let (profile, url) = (self.profile.clone(), site.url.clone());
        Arm::new("Chromium", move || chromium(&profile, &url))
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

    /// Before each round, Chromium has seen nothing.
    fn without_profile(&self) -> impl Fn() -> Result<()> + 'static {
        let profile = self.profile.clone();
        move || {
            if profile.exists() {
                fs::remove_dir_all(&profile)?;
            }
            Ok(())
        }
    }
}

fn chromium(profile: &Path, url: &str) -> Command {
    let mut chromium = shell::command("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    chromium.arg(format!("--user-data-dir={}", profile.display()));
    chromium.args(["--dump-dom", url]);
    chromium
}

/// The bundle of a folder, served.
struct Site {
    url: String,
    server: Server,
}

impl Site {
    fn bundled(page: &str, scratch: &Path, port: u16) -> Result<Site> {
        let bundle = scratch.join("site").join(Path::new(page).file_name().unwrap_or_default());
        let mut pyweb = shell::command(shell::binary("pyweb"));
        pyweb.args(["bundle", "-q", "-f", page, "-o"]).arg(&bundle);
        shell::run(pyweb.stdout(Stdio::null()))?;
        Ok(Site { url: format!("http://127.0.0.1:{port}/index.html"), server: Server::start(&bundle, port)? })
    }
}

/// A static server on loopback, which knows when a page is done; ended when dropped.
struct Server(Child);

impl Server {
    fn start(folder: &Path, port: u16) -> Result<Server> {
        let mut python = shell::command("python3");
        python.arg("xtask/src/bench/pyweb/serve.py").arg(folder).arg(port.to_string());
        let child = python.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("no python3")?;
        let server = Server(child);
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        anyhow::bail!("the static server did not begin to listen on port {port}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
