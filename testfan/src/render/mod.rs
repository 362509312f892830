//! Records to people or to JSON lines; the only place that prints. Must not know how a run is made.

mod github;
mod human;
mod jsonl;
pub mod junit;
mod list;
mod live;
mod region;
pub mod summary;

use std::io;

use common::app::Session;
use common::format::Format;
use common::writer::Output;

pub use github::Github;

use crate::config::GithubConfig;
use crate::events::{Flaky, Record};

/// Somebody who is shown every record of a run, in order.
pub trait Render {
    /// Shows one.
    fn show(&mut self, record: &Record) -> io::Result<()>;

    /// There are no more: shows what was held back for the rest of its line.
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The renderer for the form of this session's output; `width` is the terminal's, if there is one.
pub fn renderer(session: &Session, width: Option<u16>) -> Box<dyn Render> {
    match session.format {
        Format::Jsonl => Box::new(jsonl::JsonLines::new(session.output())),
        Format::Human => Box::new(human::Human::new(session, width)),
    }
}

/// The same for a run under way, whose records are also kept in `journal`, and told to GitHub in one of its jobs.
pub fn run_renderer(
    session: &Session,
    width: Option<u16>,
    journal: &Output,
    github: Option<GithubConfig>,
) -> Box<dyn Render> {
    let mut all: Vec<Box<dyn Render>> = vec![Box::new(jsonl::JsonLines::new(journal.clone()))];
    all.push(renderer(session, width));
    if let Some(github) = github {
        all.push(Box::new(Github::new(github, session)));
    }
    Box::new(All(all))
}

/// The renderer of a list of tests: ids alone where people read.
pub fn list_renderer(session: &Session) -> Box<dyn Render> {
    match session.format {
        Format::Jsonl => Box::new(jsonl::JsonLines::new(session.output())),
        Format::Human => Box::new(list::Ids::new(session)),
    }
}

/// Several, one after the other.
struct All(Vec<Box<dyn Render>>);

impl Render for All {
    fn show(&mut self, record: &Record) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|render| render.show(record))
    }

    fn end(&mut self) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|render| render.end())
    }
}

/// `a.py::test_b passed at attempt 2, last runs: .F.R`
fn flaky_line(flaky: &Flaky) -> String {
    let Flaky { id, attempts, history } = flaky;
    let passed = history.ends_with('R') || history.is_empty();
    let now = if passed { format!(" passed at attempt {attempts}") } else { String::new() };
    let last = if history.chars().count() > 1 { format!(", last runs: {history}") } else { String::new() };
    format!("{id}{now}{last}")
}
