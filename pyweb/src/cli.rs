//! The command line as clap sees it: types only. Must not check anything against the world;
//! `config.rs` does.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use common::OutputArgs;
use common::app::{CommandLine, Shell};

const EXAMPLES: &str = "\
Examples:
  pyweb new hello                    a first page with its tests; --template shows what else there is
  pyweb serve hello/                 the page at http://127.0.0.1:8000/, reloaded whenever a file changes
  pyweb render page.html             the document once its Python has run
  pyweb render page.html --click '#add' --wait 'li'
  pyweb test site/                   every page gets ready, raises nothing, passes its test_*.py
  pyweb test site/ --engine chromium the same in a real browser
  pyweb bundle site/ -o dist/        a folder that needs no network
  fetch get -r registry.txt | pyweb bundle site/ -o dist/ --assets -
  pyweb lock site/                   its packages, as versions and digests for Pyodide
  pyweb runtime get                  Pyodide, MicroPython and PyScript's core, by pinned digest
  pyweb runtime verify               are they still what they were?

Exit codes: 0 yes, 1 no (a test failed, a file was damaged), 2 could not do it.";

/// Makes, serves, bundles and headlessly tests PyScript pages.
#[derive(Debug, Parser)]
#[command(name = "pyweb", version, about, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Take the runtime's packages from this folder, as `runtime path` prints one, and get nothing
    #[arg(long, global = true, value_name = "DIR", env = "PYWEB_RUNTIME")]
    pub runtime: Option<PathBuf>,
    /// The options that all tools share.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl CommandLine for Cli {
    fn output(&self) -> &OutputArgs {
        &self.output
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a first page, with its tests, in a new folder
    New(NewArgs),
    /// Serve a site to the browsers of this machine; every change reloads its pages
    Serve(ServeArgs),
    /// Run a page's Python without a browser and print its document
    Render(RenderArgs),
    /// Test the pages of a folder without a browser
    Test(TestArgs),
    /// Write a site as a folder that needs no network
    Bundle(BundleArgs),
    /// Pin the Python packages that a site's pages ask for
    Lock(LockArgs),
    /// The packages that pages run on: Pyodide, MicroPython, PyScript's core, linkedom
    #[command(subcommand)]
    Runtime(RuntimeCommand),
    /// One page that does what its standard input says; `test --steps` starts it
    #[command(hide = true)]
    PageProcess(PageProcessArgs),
    /// Print the completion script for a shell
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// Makes a first page, with its tests, in a new folder.
///
/// The page takes PyScript from `pyscript/core.js` beside itself: `pyweb serve`, `test` and `bundle` put the pinned one
/// there. Its tests are in `test_page.py`, for pytest with the plugin pytest-pyweb.
/// Exit codes: 0 made, 2 nothing was written.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The folder, which is missing or empty; its name is the page's title
    #[arg(value_name = "NAME")]
    pub folder: PathBuf,
    /// What the page does
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub template: Template,
    /// Run it by Pyodide: the usual Python with its library
    #[arg(long, conflicts_with = "mpy")]
    pub py: bool,
    /// Run it by MicroPython: starts in a tenth of the time, with a small library
    #[arg(long)]
    pub mpy: bool,
    /// Run its Python in a worker, so that the page never stands still
    #[arg(long)]
    pub worker: bool,
}

/// What a new page does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// Greets by name
    #[default]
    Hello,
    /// A list of things to do, kept by the browser
    Todo,
    /// A Python prompt
    Repl,
    /// A clock with hands
    Clock,
    /// `import antigravity`: somebody flies
    Antigravity,
    /// Draws formulas
    Plot,
    /// Python in a terminal
    Terminal,
    /// Counts primes in a worker while the page stays awake
    Worker,
    /// Notes that the browser keeps in a database
    Notes,
    /// The Mandelbrot set, pixel by pixel
    Mandelbrot,
    /// Bars that D3 draws from Python's data
    D3,
    /// A table to ask in SQL
    Sqlite,
}

/// Serves a site to the browsers of this machine.
///
/// Pages get PyScript and its interpreters from this machine, wherever they take them from, and the headers that let
/// workers share memory. When a file changes, the pages that are open load again, style sheets without that; a Python
/// error that nothing catches is shown over its page and told here. Hidden files are not served, nor is anything outside
/// of the folder. It ends with Ctrl-C.
/// Exit codes: 0 ended, 2 could not serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The folder of the site
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Where to listen; 0 for any port that is free
    #[arg(short, long, value_name = "N", default_value_t = 8000)]
    pub port: u16,
    /// The address to listen at; others than loopback's let other machines in
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// Where its packages come from.
    #[command(flatten)]
    pub packages: PackageArgs,
}

/// Runs a page's Python without a browser and prints its document.
///
/// The page may load PyScript from anywhere; it gets the pinned one. It has no network and sees only its own folder.
/// Order: the page gets ready, then the clicks in their order, then the wait, then the document is printed.
/// Exit codes: 0 printed, 1 printed but the page's Python raised something that nothing caught, 2 not printed.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The page, an HTML file; its folder is all that it can reach
    pub page: PathBuf,
    /// Wait, after the clicks, until this CSS selector matches
    #[arg(long, value_name = "SELECTOR")]
    pub wait: Option<String>,
    /// Click what this CSS selector matches; again for more clicks, in order
    #[arg(long, value_name = "SELECTOR")]
    pub click: Vec<String>,
    /// How to run the page.
    #[command(flatten)]
    pub browse: BrowseArgs,
    /// Where its packages come from.
    #[command(flatten)]
    pub packages: PackageArgs,
}

/// Tests the pages of a folder without a browser.
///
/// Each page with Python in it is a test, `page.html`: it must get ready and raise nothing that nobody catches.
/// An error of the page's own JavaScript that nothing catches fails it too, with its file and line.
/// Each `test_*` function of a `test_*.py` file beside it is one more, `page.html::test_x`, and runs inside the
/// page's own interpreter; `test_index.py` is for `index.html` alone where that page exists. A file that imports
/// `pyweb` is left to pytest.
/// With --steps, a test is told step by step instead: `{"step": "goto", "url": "/"}`, then such as
/// `{"step": "click", "locator": [{"role": "button", "name": "Add"}]}`; each is answered by a record.
/// Exit codes: 0 all passed, 1 a test failed, 2 could not test.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The folder of pages, or one page
    pub dir: PathBuf,
    /// Carry out these steps, a JSON object a line, on the site in DIR; `-` reads standard input
    #[arg(long, value_name = "FILE|-")]
    pub steps: Option<PathBuf>,
    /// How to run the pages.
    #[command(flatten)]
    pub browse: BrowseArgs,
    /// Where their packages come from.
    #[command(flatten)]
    pub packages: PackageArgs,
}

/// `pyweb page-process`
#[derive(Debug, Args)]
pub struct PageProcessArgs {
    /// The folder of its site
    #[arg(long)]
    pub root: PathBuf,
    /// Its path from there
    #[arg(long)]
    pub page: String,
    /// Its address
    #[arg(long)]
    pub url: String,
    /// The folder of the site's Python packages
    #[arg(long)]
    pub packages: Option<PathBuf>,
    /// How long each of its tasks may take
    #[arg(long, value_parser = seconds)]
    pub timeout: Duration,
}

/// Where Python packages come from.
#[derive(Debug, Args)]
pub struct PackageArgs {
    /// Take the Python packages that lie in this folder of wheels from there; may be given again
    #[arg(long = "wheel-dir", value_name = "DIR")]
    pub wheel_dirs: Vec<PathBuf>,
    /// Ask this package index instead of the one that pip is configured for
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
}

/// How a page is run.
#[derive(Debug, Args)]
pub struct BrowseArgs {
    /// What runs the page
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// The browser of `--engine chromium` [default: Chromium or Chrome on PATH]
    #[arg(long, value_name = "FILE", env = "PYWEB_CHROMIUM")]
    pub chromium: Option<PathBuf>,
    /// Give up on a page after this many seconds
    #[arg(long, value_name = "S", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// What runs a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The built-in headless browser
    #[default]
    Wasmtime,
    /// A real browser without a window, with the same site and no more network
    Chromium,
}

impl Engine {
    /// What records call it.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Wasmtime => "wasmtime",
            Engine::Chromium => "chromium",
        }
    }
}

/// Writes a site as a folder that needs no network.
///
/// Any server of files can hand it out, under any path. What is there for who writes the site stays out, and is named
/// at the end: hidden files, tests for pytest, caches, virtual environments, `node_modules`; unless a page names that
/// test or something of `node_modules`. Of PyScript's core, what no text of the site can ask for stays out, too.
/// Exit codes: 0 written, 1 a URL of another host with --external deny or an asset that is not what its record says,
/// 2 nothing was written.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct BundleArgs {
    /// The folder of the site
    pub dir: PathBuf,
    /// The folder to write
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// Replace an earlier bundle
    #[arg(short, long)]
    pub force: bool,
    /// Put the files of `fetch.file.finished` records into the bundle; `-` reads standard input
    #[arg(long, value_name = "FILE|-")]
    pub assets: Option<PathBuf>,
    /// How hard to compress the .br and .gz files beside text and WebAssembly
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub compress: Compress,
    /// What to do about a URL of another host in the pages
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub external: External,
    /// Take what this pattern names although it is left out, such as `test_*.py` or `.data`; may be given again
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<glob::Pattern>,
    /// Take all of PyScript's core, also editor and terminal where no text of the site names them
    #[arg(long)]
    pub whole_core: bool,
    /// Leave out of Python's library what neither the site nor its packages import
    #[arg(long)]
    pub strip_stdlib: bool,
    /// Keep this module of Python's library all the same, such as one that is imported by a computed name
    #[arg(long, value_name = "MODULE", requires = "strip_stdlib")]
    pub keep: Vec<String>,
    /// Have pages begin with the memory of a Pyodide that has started: more to load once, and sooner ready
    #[arg(long)]
    pub snapshot: bool,
    /// Make it an app that can be installed and works offline: a manifest, icons, a service worker
    #[arg(long)]
    pub pwa: bool,
    /// Where Python packages come from.
    #[command(flatten)]
    pub packages: PackageArgs,
}

/// Pins the Python packages that a site's pages ask for.
///
/// They are resolved for Pyodide's Python, not for this machine's, from the index that pip is configured for: pure
/// wheels and those for `pyemscripten_*_wasm32`. What is found is written to DIR/pyodide-lock.json, which `bundle`
/// and `test` then keep to; without it they resolve by themselves.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// The folder of the site
    pub dir: PathBuf,
    /// Where the packages come from.
    #[command(flatten)]
    pub packages: PackageArgs,
}

/// How hard to compress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Compress {
    /// Write none
    None,
    /// Brotli 9 and gzip 6: a few seconds for Pyodide, once
    #[default]
    Fast,
    /// Brotli 11 and gzip 9: half a minute for Pyodide, once
    Best,
}

/// What to do about a URL of another host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum External {
    /// Warn and leave it
    #[default]
    Warn,
    /// Refuse to bundle
    Deny,
    /// Leave it silently
    Allow,
}

/// `pyweb runtime`
#[derive(Debug, Subcommand)]
pub enum RuntimeCommand {
    /// List the pinned packages and which of them are here
    List,
    /// Get the packages that are missing
    Get {
        /// Take them from this folder of .tgz files, or of packages as in `node_modules`, instead of the network
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Hash every file again
    Verify,
    /// Print the folder that holds the packages
    Path,
}
