//! `testfan watch`: a run, then for each change a run of what it touches, until somebody has seen enough.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime};

use common::app::Session;
use common::{Exit, Failure};

use super::Run;
use crate::cli::WatchArgs;
use crate::config::{RunConfig, width};
use crate::error::Error;
use crate::events::Record;
use crate::reduce::{Focus, Impact};
use crate::render::renderer;
use crate::source::journal::Journal;
use crate::source::{Changes, Event, Keys, Signals, stop_here};

/// Changes that come one upon the other are one.
const TOGETHER: Duration = Duration::from_millis(60);
/// Counts of the last run, each of which the next may not have.
const OUTCOMES: [&str; 6] = ["passed", "failed", "skipped", "xfailed", "xpassed", "error"];

/// What a run tells the watch of.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) impact: Impact,
    pub(super) interrupted: bool,
}

struct Watch<'s> {
    session: &'s mut Session,
    config: RunConfig,
    folder: PathBuf,
    watched: Watched,
    changes: Changes,
    events: Receiver<Event>,
    sender: Sender<Event>,
    /// When the last run began and ended.
    last: (SystemTime, SystemTime),
}

/// What comes next.
enum Next {
    Run(Option<Focus>, BTreeSet<PathBuf>),
    Quit,
}

/// Runs and waits, in turn. The exit code is that of the last run.
pub(super) fn watch(args: WatchArgs, session: &mut Session) -> Result<Exit, Failure> {
    let mut config = RunConfig::new(args.run, session)?;
    config.daemon = !args.no_daemon;
    session.begin().map_err(anyhow::Error::from)?;
    let folder = std::env::current_dir().map_err(|error| Error::Watch(error.into()))?;
    let (sender, events) = channel();
    let changes = Changes::new(sender.clone()).map_err(Error::Watch)?;
    changes.watch(&folder);
    let (watched, last) = (Watched::default(), (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH));
    Watch { session, config, folder, watched, changes, events, sender, last }.go_on()
}

impl Watch<'_> {
    fn go_on(mut self) -> Result<Exit, Failure> {
        loop {
            for outcome in OUTCOMES {
                self.session.count(outcome, 0);
            }
            self.config.width = width();
            self.last.0 = file_clock();
            let run =
                Run::start(self.config.clone(), self.session, Journal::none(), Some(&mut self.watched))?;
            let exit = run.until_done()?;
            self.last.1 = file_clock();
            if self.watched.interrupted {
                return Ok(exit);
            }
            self.watch_elsewhere();
            match self.wait(exit)? {
                Next::Quit => return Ok(exit),
                Next::Run(focus, changed) => {
                    let paths = changed.iter().map(|path| self.shown(path)).collect();
                    let files = focus.as_ref().and_then(|focus| focus.files.clone());
                    self.show(&Record::WatchChanged { paths, files: files.map(Vec::from_iter) })?;
                    self.config.focus = focus;
                }
            }
        }
    }

    /// Source that is installed in place lies where it likes.
    fn watch_elsewhere(&self) {
        let known = self.watched.impact.known();
        let outside = known.iter().filter(|path| !path.starts_with(&self.folder));
        let folders: BTreeSet<&Path> = outside.filter_map(|path| path.parent()).collect();
        for folder in folders {
            self.changes.watch(folder);
        }
    }

    fn wait(&mut self, exit: Exit) -> Result<Next, Failure> {
        let mut changed: BTreeSet<PathBuf> = BTreeSet::new();
        while let Ok(event) = self.events.try_recv() {
            if let Event::Changed(path) = event
                && self.is_news(&path)
            {
                changed.insert(path);
            }
        }
        if !changed.is_empty() {
            return Ok(self.run(changed));
        }
        let _signals = Signals::watch(self.sender.clone()).map_err(Error::Channel)?;
        let mut keys = Keys::listen(self.sender.clone()).map_err(Error::Channel)?;
        let exit_code = exit.0;
        self.show(&Record::WatchWaiting { exit_code, keys: keys.is_some() })?;
        loop {
            match self.events.recv() {
                Ok(Event::Changed(path)) if self.is_news(&path) => return Ok(self.gather(path)),
                Ok(Event::Key(b'q') | Event::Interrupted) | Err(_) => return Ok(Next::Quit),
                Ok(Event::Key(b'a')) => return Ok(Next::Run(self.all(), BTreeSet::new())),
                Ok(Event::Key(b'\n' | b'\r')) => {
                    return Ok(Next::Run(self.config.focus.clone(), BTreeSet::new()));
                }
                Ok(Event::Key(b'f')) => {
                    if let Some(failed) = self.watched.impact.failed() {
                        return Ok(Next::Run(Some(failed), BTreeSet::new()));
                    }
                }
                Ok(Event::Suspended) => {
                    drop(keys.take());
                    stop_here();
                    keys = Keys::listen(self.sender.clone()).map_err(Error::Channel)?;
                }
                Ok(_) => {}
            }
        }
    }

    /// Whether the last run cannot have seen a change. Of files that no test is known to depend on, those that
    /// changed while it ran are its own, which must not go round in circles.
    fn is_news(&self, path: &Path) -> bool {
        let Ok(changed) = path.metadata().and_then(|data| data.modified()) else {
            return self.watched.impact.knows(path);
        };
        changed >= if self.watched.impact.knows(path) { self.last.0 } else { self.last.1 }
    }

    /// What changes together with a file, and what all of that touches.
    fn gather(&self, path: PathBuf) -> Next {
        let mut changed = BTreeSet::from([path]);
        while let Ok(event) = self.events.recv_timeout(TOGETHER) {
            match event {
                Event::Changed(path) if self.is_news(&path) => {
                    changed.insert(path);
                }
                Event::Interrupted => return Next::Quit,
                _ => {}
            }
        }
        self.run(changed)
    }

    fn run(&self, changed: BTreeSet<PathBuf>) -> Next {
        let focus = if self.is_stepwise() { None } else { self.watched.impact.of(&changed) };
        Next::Run(focus, changed)
    }

    fn all(&self) -> Option<Focus> {
        if self.is_stepwise() { None } else { self.watched.impact.all() }
    }

    /// Then pytest itself goes on from the test that failed.
    fn is_stepwise(&self) -> bool {
        let options = ["--stepwise", "--sw", "--stepwise-skip", "--sw-skip"];
        self.config.pytest.iter().any(|arg| options.contains(&arg.as_str()))
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    fn show(&self, record: &Record) -> Result<(), Failure> {
        let shown = renderer(self.session, None).show(record);
        shown.map_err(|error| anyhow::Error::from(error).context("failed to print").into())
    }
}

/// The time as it is given to files, which is behind by up to a tick of the kernel's timer.
fn file_clock() -> SystemTime {
    let file = tempfile::tempfile().and_then(|file| file.metadata()?.modified());
    file.unwrap_or_else(|_| SystemTime::now())
}
