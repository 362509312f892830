//! Wires the views: the call tree, and a program while it runs. Where nobody sits at a terminal they are text or
//! records.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use common::{Exit, Failure, Format, Session};

use super::reports::Answers;
use super::{begin, write, written};
use crate::cli::{LiveArgs, TreeArgs};
use crate::error::Error;
use crate::events::{FIRST_TASK, Record, Stats};
use crate::reduce::calls::{Calls, is_import_system};
use crate::reduce::locations::lines;
use crate::reduce::profile::Profile;
use crate::reduce::tree::{Sited, Tree};
use crate::render::html::KINDS_SHOWN;
use crate::render::tui::live::{Live, Now, place};
use crate::render::tui::tree::Browser;
use crate::render::{text, tree as drawn, tui};
use crate::source::capture::{Follower, read_tables};
use crate::source::remote::{Remote, Server};

/// How often who is no person hears of a program.
const EVERY: Duration = Duration::from_secs(1);

pub fn tree(args: &TreeArgs, session: &mut Session) -> Result<Exit, Failure> {
    begin(session)?;
    let answers = Answers::of(&args.input.input, Profile::default(), session)?;
    let symbols = &answers.symbols;
    let kinds = KINDS_SHOWN.map(|at| answers.aggregate.by_site(at));
    let kinds: [&Sited; 3] = std::array::from_fn(|kind| kinds[kind].as_slice());
    let tree = Tree::new(kinds, symbols, false);
    let kind = KINDS_SHOWN.iter().position(|at| *at == args.at).unwrap_or(0);
    let calls = || Calls::new(&tree, kind, |location| !args.imports && is_import_system(location, symbols));
    let mut output = session.output();
    match session.format {
        Format::Human if watched() => {
            let title = answers.outline.command.join(" ");
            let read_code = |file: &str| {
                let text = std::fs::read(file).ok()?;
                Some(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
            };
            let mut browser = Browser::new(&tree, args.at, symbols, title, &read_code);
            tui::show(&mut browser).map_err(terminal_failed)?;
        }
        Format::Human => {
            let text = drawn::tree(&calls(), args.at, symbols, session.styles);
            write(&mut output, text.as_bytes())?;
        }
        Format::Jsonl => drawn::records(&calls(), args.at, symbols)
            .try_for_each(|record| written(output.record(&record)))?,
    }
    Ok(Exit::YES)
}

fn terminal_failed(error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context("the terminal failed")
}

/// Whether somebody sits there who can press keys.
fn watched() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && io::stdin().is_terminal() && !dumb
}

/// A capture that is still written, and what is known of it so far.
struct Watched<'a> {
    follower: Follower,
    profile: Profile,
    /// Where the capture comes from, where that is another machine.
    remote: Option<&'a Remote>,
}

impl Watched<'_> {
    fn new(path: &Path) -> Result<Self, Error> {
        let profile = Profile::default().with_timeline();
        Ok(Watched { follower: Follower::new(path)?, profile, remote: None })
    }

    fn read_on(&mut self) -> Result<(), Error> {
        self.remote.map_or(Ok(()), Remote::check)?;
        let profile = &mut self.profile;
        let is_over = self.follower.ended();
        self.follower.poll(is_over, &mut |events| profile.apply_all(events))
    }

    fn stats(&self) -> Stats {
        let because = (!self.follower.ended()).then(|| "the program has not ended".to_owned());
        self.profile.stats(self.follower.symbols(), because)
    }

    /// What is in use now, asked for by one thread or by all.
    fn now(&self, thread: Option<u32>) -> Now {
        let symbols = self.follower.symbols();
        let sites = self.profile.in_use_by_site();
        let mut ids: Vec<u32> = self.profile.sites().iter().map(|site| site.thread).collect();
        ids.sort_unstable();
        ids.dedup();
        let named = |id: u32| {
            let label = match symbols.thread_name(id) {
                Some(name) if id >= FIRST_TASK => name.to_owned(),
                Some(name) => format!("{name} {id}"),
                None => id.to_string(),
            };
            (id, label)
        };
        let wanted = sites.iter().filter(|(site, _)| thread.is_none_or(|thread| thread == site.thread));
        let stacks: Vec<_> = wanted.map(|(site, measure)| (site.stack, *measure)).collect();
        let worded = |line| {
            let (function, place) = place(&line, symbols);
            (line, function, place)
        };
        let stats = self.stats();
        Now {
            lines: lines(&stacks, symbols).into_iter().map(worded).collect(),
            threads: ids.into_iter().map(named).collect(),
            moments: self.profile.moments(),
            elapsed_ms: self.profile.ticks(),
            peak_bytes: stats.peak_bytes,
            allocations: stats.allocations,
            ended: self.follower.ended(),
            failure: None,
        }
    }
}

fn listen(address: &str, capture: &Path, session: &mut Session) -> Result<Exit, Failure> {
    let server = Server::bind(address)?;
    session.note(&format!("memtrace: listening; next: memtrace live --remote {}", server.address));
    server.serve(capture)?;
    Ok(Exit::YES)
}

pub fn live(args: &LiveArgs, session: &mut Session) -> Result<Exit, Failure> {
    let remote = args.remote.as_deref().map(Remote::connect).transpose()?;
    let capture = args.capture.as_deref().or(remote.as_ref().map(Remote::path)).unwrap_or(Path::new(""));
    if read_tables(capture)?.is_some() {
        return Err(Error::Aggregated { path: capture.to_owned() }.into());
    }
    if let Some(address) = &args.listen {
        return listen(address, capture, session);
    }
    let mut watched = Watched { remote: remote.as_ref(), ..Watched::new(capture)? };
    watched.read_on()?;
    if session.format == Format::Human && self::watched() {
        let where_it_runs =
            remote.as_ref().map_or_else(|| watched.follower.pid().to_string(), Remote::address);
        let title = format!("{} ({where_it_runs})", watched.follower.command().join(" "));
        let mut look = |thread| {
            let failure = watched.read_on().err().map(|error| error.to_string());
            Now { failure, ..watched.now(thread) }
        };
        tui::show(&mut Live::new(title, &mut look)).map_err(terminal_failed)?;
        return Ok(Exit::YES);
    }
    begin(session)?;
    let mut output = session.output();
    loop {
        let ended = watched.follower.ended();
        watched.read_on()?;
        let stats = watched.stats();
        match session.format {
            Format::Human => {
                let line = text::now(&stats, &watched.profile.moments(), watched.profile.ticks());
                write(&mut output, line.as_bytes())?;
                written(output.flush())?;
            }
            Format::Jsonl => written(output.record(&Record::StatsComputed(stats)))?,
        }
        if ended || output.reader_gone() {
            return Ok(Exit::YES);
        }
        std::thread::sleep(EVERY);
    }
}
