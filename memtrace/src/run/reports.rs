//! Wires the reports: events to a profile, the profile to what is shown.

use std::path::Path;

use common::{Exit, Failure, Format, Session};

use super::{begin, write, write_report, written};
use crate::cli::{ExportArgs, FlamegraphArgs, RecordsArgs, StatsArgs, SummaryArgs, TableArgs};
use crate::config::Destination;
use crate::error::Error;
use crate::events::{At, Record, Stats, Symbols};
use crate::reduce::aggregate::Aggregate;
use crate::reduce::aggregate::tables::from_tables;
use crate::reduce::locations::lines;
use crate::reduce::profile::Profile;
use crate::reduce::rows::rows;
use crate::reduce::tree::{Sited, Tree};
use crate::render::export::Exported;
use crate::render::html::{self, Flamegraph, KINDS_SHOWN, Subject};
use crate::render::{export, records, text};
use crate::source::capture::read_tables;
use crate::source::{Outline, read_ahead};

/// A page stays within a few megabytes with so many nodes, or rows.
const MOST_NODES: usize = 50_000;
const MOST_ROWS: usize = 20_000;

/// The answers of an aggregated capture; none where the input has the events themselves.
fn aggregated(input: &Path) -> Result<Option<Answers>, Error> {
    if input == Path::new("-") {
        return Ok(None);
    }
    let Some((tables, outline)) = read_tables(input)? else { return Ok(None) };
    let damaged = |_| Error::Damaged { path: input.to_owned() };
    let (aggregate, symbols) = from_tables(&tables).map_err(damaged)?;
    Ok(Some(Answers { aggregate, symbols, outline }))
}

/// One pass over all events.
pub struct Answers {
    pub aggregate: Aggregate,
    pub symbols: Symbols,
    pub outline: Outline,
}

impl Answers {
    /// Reads `input` into `profile`.
    pub fn of(input: &Path, mut profile: Profile, session: &Session) -> Result<Answers, Error> {
        let answers = match aggregated(input)? {
            Some(_) if profile.threshold() > 0 => {
                return Err(Error::Aggregated { path: input.to_owned() });
            }
            Some(answers) => answers,
            None => {
                let spinner = session.progress.spinner("reading");
                let read = read_ahead(input, |events| profile.apply_all(events));
                spinner.finish_and_clear();
                let (symbols, outline) = read?;
                Answers { aggregate: profile.aggregate(), symbols, outline }
            }
        };
        if let Some(reason) = &answers.outline.incomplete_because {
            session.warn(&format!("incomplete: {reason}"));
        }
        Ok(answers)
    }

    pub fn stats(&self) -> Stats {
        self.aggregate.stats(&self.symbols, self.outline.incomplete_because.clone())
    }
}

pub fn summary(args: &SummaryArgs, session: &mut Session) -> Result<Exit, Failure> {
    begin(session)?;
    let answers = Answers::of(&args.input.input, Profile::default(), session)?;
    let symbols = &answers.symbols;
    let lines = lines(&answers.aggregate.by_stack(args.at), symbols);
    let shown = &lines[..args.top.min(lines.len())];
    session.count("locations", lines.len() as u64);
    let mut output = session.output();
    match session.format {
        Format::Human => {
            let text = text::summary(args.at, &lines, args.top, symbols, session.styles);
            write(&mut output, text.as_bytes())?;
        }
        Format::Jsonl => shown
            .iter()
            .try_for_each(|line| written(output.record(&records::location(line, args.at, symbols))))?,
    }
    Ok(Exit::YES)
}

/// What each stack, thread and allocator had, largest first.
pub fn sites(args: &RecordsArgs, at: At, session: &mut Session) -> Result<Exit, Failure> {
    begin(session)?;
    let profile = Profile::default().with_threshold(args.temporary.temporary_threshold);
    let answers = Answers::of(&args.input.input, profile, session)?;
    let mut sites = answers.aggregate.by_site(at);
    sites.sort_by_key(|(site, measure)| (std::cmp::Reverse(measure.bytes), *site));
    session.count("sites", sites.len() as u64);
    let mut output = session.output();
    for (site, measure) in &sites {
        match session.format {
            Format::Human => {
                let text = text::site(site, *measure, &answers.symbols);
                write(&mut output, text.as_bytes())?;
            }
            Format::Jsonl => {
                written(output.record(&records::site(site, *measure, at, &answers.symbols)))?;
            }
        }
        if output.reader_gone() {
            break;
        }
    }
    Ok(Exit::YES)
}

pub fn stats(args: &StatsArgs, session: &mut Session) -> Result<Exit, Failure> {
    begin(session)?;
    let answers = Answers::of(&args.input.input, Profile::default(), session)?;
    let symbols = &answers.symbols;
    let stats = answers.stats();
    let mut lines = lines(&answers.aggregate.by_stack(At::Peak), symbols);
    lines.truncate(args.top);
    let mut output = session.output();
    match session.format {
        Format::Human => {
            let text = text::stats(&answers.outline.command, &stats, &lines, symbols, session.styles);
            write(&mut output, text.as_bytes())?;
        }
        Format::Jsonl => {
            written(output.record(&Record::StatsComputed(stats)))?;
            for line in &lines {
                written(output.record(&records::location(line, At::Peak, symbols)))?;
            }
        }
    }
    Ok(Exit::YES)
}

pub fn flamegraph(args: &FlamegraphArgs, session: &mut Session) -> Result<Exit, Failure> {
    let threshold = args.temporary.temporary_threshold;
    let input = &args.input.input;
    let destination = Destination::new(&args.destination, input, "html")?;
    begin_unless_output(&destination, session)?;
    let profile = Profile::default().with_timeline().with_threshold(threshold);
    let answers = Answers::of(input, profile, session)?;
    let Answers { aggregate, symbols, outline } = &answers;
    let history = &aggregate.history;
    let kinds = KINDS_SHOWN.map(|at| aggregate.by_site(at));
    let kinds: [&Sited; 3] = std::array::from_fn(|kind| kinds[kind].as_slice());
    let tree = Tree::with_lives(kinds, &history.lives, &aggregate.sites(), symbols).bounded(MOST_NODES);
    let subject = Subject { command: &outline.command, stats: &answers.stats(), symbols, at: args.at };
    let graph = Flamegraph {
        tree: &tree,
        history,
        threshold,
        inverted: args.inverted,
        split_threads: args.split_threads,
    };
    let page = html::flamegraph(&subject, &graph).map_err(anyhow::Error::from)?;
    write_report(&destination, page.as_bytes(), session)
}

pub fn table(args: &TableArgs, session: &mut Session) -> Result<Exit, Failure> {
    let input = &args.input.input;
    let destination = Destination::new(&args.destination, input, "table.html")?;
    begin_unless_output(&destination, session)?;
    let profile = Profile::default().with_threshold(args.temporary.temporary_threshold);
    let answers = Answers::of(input, profile, session)?;
    let Answers { aggregate, symbols, outline } = &answers;
    let kinds = KINDS_SHOWN.map(|at| aggregate.by_site(at));
    let rows = rows(std::array::from_fn(|kind| kinds[kind].as_slice()), symbols, MOST_ROWS);
    let subject = Subject { command: &outline.command, stats: &answers.stats(), symbols, at: args.at };
    let page = html::table(&subject, &rows).map_err(anyhow::Error::from)?;
    write_report(&destination, page.as_bytes(), session)
}

pub fn export(args: &ExportArgs, session: &mut Session) -> Result<Exit, Failure> {
    let input = &args.input.input;
    let destination = Destination::new(&args.destination, input, args.to.ending())?;
    begin_unless_output(&destination, session)?;
    let answers = Answers::of(input, Profile::default().with_lifetimes(), session)?;
    let exported = Exported {
        command: &answers.outline.command,
        stats: &answers.stats(),
        symbols: &answers.symbols,
        usage: &answers.aggregate.usage(),
        history: &answers.aggregate.history,
        at: args.at,
    };
    let bytes = export::export(args.to, &exported).map_err(anyhow::Error::from)?;
    write_report(&destination, &bytes, session)
}

/// Records stand in the way where the report itself is the output.
fn begin_unless_output(destination: &Destination, session: &mut Session) -> Result<(), Failure> {
    if *destination == Destination::Output { Ok(()) } else { begin(session) }
}
