//! `pyweb render` and `pyweb test`: pages from their files to a verdict. Must not know how a page is run or shown.

use std::io;
use std::path::Path;
use std::time::Instant;

use common::{Exit, Failure, Session};

use super::{deserted, signals};
use crate::chromium::Chromium;
use crate::cli::{BrowseArgs, Engine, PageProcessArgs, RenderArgs, TestArgs};
use crate::config::{self, Config};
use crate::error::PageError;
use crate::events::Record;
use crate::page::{self, Page, Steps, find};
use crate::reduce::page::{PageRun, Verdict};
use crate::run::packages;
use crate::runtime::Runtime;
use crate::steps::host::Hosted;
use crate::steps::script::Script;
use crate::{render, steps};

/// `pyweb render`: 0, or 1 when the page's Python raised something that nothing caught.
pub fn render(args: RenderArgs, config: &Config, session: &mut Session) -> Result<Exit, Failure> {
    let page = find::page(&args.page)?;
    begin(session)?;
    let runtime = Runtime::ensure(session, config)?;
    let packages = packages::folder(session, &runtime, &page.root, Some(&page.path), args.packages)?;
    let runtime = runtime.with_python_packages(packages);
    let steps = Steps { clicks: args.click, wait: args.wait, tests: Vec::new() };
    let chromium = chromium(&args.browse)?;
    let run = PageRun::new(&page.path, find::python_files(&page.root), args.browse.engine.name());
    let show = |record: &Record| render::page::rendered(session, record);
    let verdict = carry(&page, &steps, &runtime, (&args.browse, chromium.as_ref()), run, show)?;
    session.count("python_errors", verdict.raised);
    match verdict.trouble {
        Some(trouble) => Err(trouble.into()),
        None if verdict.raised > 0 => Ok(Exit::NO),
        None => Ok(Exit::YES),
    }
}

/// `pyweb test`: 0 when every page gets ready, raises nothing and passes its tests, else 1.
pub fn test(args: TestArgs, config: &Config, session: &mut Session) -> Result<Exit, Failure> {
    if let Some(file) = &args.steps {
        let file = file.clone();
        return carry_out(args, &file, config, session);
    }
    let pages = find::pages(&args.dir)?;
    begin(session)?;
    let runtime = Runtime::ensure(session, config)?;
    let runtime = match pages.as_slice() {
        [] => runtime,
        // All pages of a run are of one site.
        [first, rest @ ..] => {
            let only = rest.is_empty().then_some(first.path.as_str());
            let packages = packages::folder(session, &runtime, &first.root, only, args.packages)?;
            runtime.with_python_packages(packages)
        }
    };
    let chromium = chromium(&args.browse)?;
    let began = Instant::now();
    let (mut passed, mut failed, mut raised) = (0, 0, 0);
    for page in &pages {
        let steps = Steps { tests: find::test_modules(page)?, ..Steps::default() };
        let worker = args.browse.engine.name();
        let mut run = PageRun::new(&page.path, find::python_files(&page.root), worker);
        let show = |record: &Record| render::page::tested(session, record);
        show(&run.as_test(0)).map_err(PageError::Output)?;
        let verdict = carry(page, &steps, &runtime, (&args.browse, chromium.as_ref()), run, show)?;
        passed += verdict.tests.0;
        failed += verdict.tests.1;
        raised += verdict.raised;
    }
    for (what, number) in
        [("pages", pages.len() as u64), ("passed", passed), ("failed", failed), ("python_errors", raised)]
    {
        session.count(what, number);
    }
    render::page::summary(session, passed, failed, began.elapsed()).map_err(PageError::Output)?;
    Ok(if failed == 0 && raised == 0 { Exit::YES } else { Exit::NO })
}

/// `pyweb test --steps`: 0 when every step does what it should and every test passes, else 1.
fn carry_out(args: TestArgs, file: &Path, config: &Config, session: &mut Session) -> Result<Exit, Failure> {
    let root = config::folder("the site", args.dir)?;
    begin(session)?;
    let runtime = Runtime::ensure(session, config)?;
    let packages = packages::folder(session, &runtime, &root, None, args.packages)?;
    let runtime = runtime.with_python_packages(packages.clone());
    let chromium = chromium(&args.browse)?.map(|chromium| (chromium, runtime));
    let began = Instant::now();
    let (runtime, time_limit) = (config.runtime.clone(), args.browse.timeout);
    let worker = args.browse.engine.name();
    let script = Script { root, steps: file.to_owned(), runtime, packages, time_limit, worker };
    let shown = &*session;
    let tally = steps::run(&script, chromium, &|record| Ok(render::page::stepped(shown, record)?))?;
    for (what, number) in [
        ("steps_passed", tally.steps_passed),
        ("steps_failed", tally.steps_failed),
        ("passed", tally.passed),
        ("failed", tally.failed),
    ] {
        session.count(what, number);
    }
    render::page::summary(session, tally.passed, tally.failed, began.elapsed()).map_err(PageError::Output)?;
    Ok(if tally.failed == 0 && tally.steps_failed == 0 { Exit::YES } else { Exit::NO })
}

/// `pyweb page-process`: what it says is no answer of this tool's but of the page's.
pub fn host(args: PageProcessArgs, config: &Config, session: &Session) -> Result<Exit, Failure> {
    let packages = args.packages;
    let runtime = Runtime::ensure(session, config)?.with_python_packages(packages.clone());
    let page = Page { root: args.root, path: args.page };
    let folder = config.runtime.clone();
    let hosted = Hosted { page, url: args.url, runtime: folder, packages, time_limit: args.timeout };
    steps::host::host(&hosted, runtime)?;
    Ok(Exit::YES)
}

/// Opens the frame of the run, which a signal closes from then on, or being left alone.
fn begin(session: &mut Session) -> Result<(), PageError> {
    session.begin().map_err(PageError::Output)?;
    deserted::close_when_deserted(session).map_err(PageError::Process)?;
    signals::close_on_signals(session).map_err(PageError::Process)
}

/// The browser, where it is not our own.
fn chromium(args: &BrowseArgs) -> Result<Option<Chromium>, Failure> {
    match args.engine {
        Engine::Wasmtime => Ok(None),
        Engine::Chromium => Ok(Some(Chromium::start(args.chromium.as_deref())?)),
    }
}

/// Runs one page, showing each record as it comes.
fn carry(
    page: &Page,
    steps: &Steps,
    runtime: &Runtime,
    (args, chromium): (&BrowseArgs, Option<&Chromium>),
    mut run: PageRun,
    show: impl Fn(&Record) -> io::Result<()>,
) -> Result<Verdict, Failure> {
    let cache = steps::host::cache_dir()?;
    let began = Instant::now();
    let now = || u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let mut shown = Ok(());
    let mut on_event = |event| {
        for record in run.event(event, now()) {
            let written = show(&record);
            if shown.is_ok() {
                shown = written;
            }
        }
    };
    let ended = match chromium {
        Some(chromium) => chromium.visit(page, steps, runtime, args.timeout, &mut on_event)?,
        None => page::run(page, steps, runtime, args.timeout, Some(cache), &mut on_event)?,
    };
    shown.map_err(PageError::Output)?;
    let (records, verdict) = run.end(&ended, now());
    for record in records {
        show(&record).map_err(PageError::Output)?;
    }
    Ok(verdict)
}
