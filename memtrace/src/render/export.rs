//! Answers in the formats of other programs. Each says where its format is described.

mod collapsed;
mod csv;
mod dhat;
mod firefox;
mod gprof2dot;
mod massif;
mod pprof;
mod speedscope;

use std::collections::HashMap;

use clap::ValueEnum;

use crate::events::{At, Location, LocationId, Stats, Symbols};
use crate::reduce::Measure;
use crate::reduce::aggregate::Usage;
use crate::reduce::timeline::History;
use crate::render::words;

/// A format of another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// For `go tool pprof` and whatever reads its profiles
    Pprof,
    /// For speedscope.app
    Speedscope,
    /// A stack a line, for flamegraph.pl and inferno
    Collapsed,
    /// For profiler.firefox.com
    Firefox,
    /// For Valgrind's viewer of DHAT
    Dhat,
    /// For `ms_print` and massif-visualizer
    Massif,
    /// For `gprof2dot -f json`
    Gprof2dot,
    /// A row for each stack, thread and allocator
    Csv,
}

impl Target {
    /// What its files' names end with.
    pub fn ending(self) -> &'static str {
        match self {
            Target::Pprof => "pb.gz",
            Target::Speedscope => "speedscope.json",
            Target::Collapsed => "folded",
            Target::Firefox => "firefox.json",
            Target::Dhat => "dhat.json",
            Target::Massif => "massif",
            Target::Gprof2dot => "gprof2dot.json",
            Target::Csv => "csv",
        }
    }
}

/// What is exported.
#[derive(Debug)]
pub struct Exported<'a> {
    /// The program and its arguments.
    pub command: &'a [String],
    /// The whole in numbers.
    pub stats: &'a Stats,
    /// What the numbers stand for.
    pub symbols: &'a Symbols,
    /// Every site, with lifetimes.
    pub usage: &'a [Usage],
    /// Memory over time.
    pub history: &'a History,
    /// Which allocations, where the format holds but one kind.
    pub at: At,
}

/// The export as bytes.
pub fn export(target: Target, exported: &Exported) -> std::io::Result<Vec<u8>> {
    match target {
        Target::Pprof => pprof::pprof(exported),
        Target::Speedscope => Ok(speedscope::speedscope(exported)),
        Target::Collapsed => Ok(collapsed::collapsed(exported)),
        Target::Firefox => Ok(firefox::firefox(exported)),
        Target::Dhat => Ok(dhat::dhat(exported)),
        Target::Massif => Ok(massif::massif(exported)),
        Target::Gprof2dot => Ok(gprof2dot::gprof2dot(exported)),
        Target::Csv => Ok(csv::csv(exported)),
    }
}

impl<'a> Exported<'a> {
    /// The sites that have anything of the kind asked for.
    fn sites(&self) -> impl Iterator<Item = (&'a Usage, Measure)> {
        let at = self.at;
        let measure = move |usage: &Usage| match at {
            At::Peak => usage.peak,
            At::Leaked => usage.leaked,
            At::Temporary => usage.temporary,
        };
        let measured = self.usage.iter().map(move |usage| (usage, measure(usage)));
        measured.filter(|(_, measure)| *measure != Measure::default())
    }

    /// The frames of a site's stack, innermost first; at least one.
    fn frames(&self, usage: &Usage) -> Vec<Option<LocationId>> {
        let frames: Vec<_> = self.symbols.frames(usage.site.stack).map(Some).collect();
        if frames.is_empty() { vec![None] } else { frames }
    }

    fn words(&self, location: Option<LocationId>) -> Location {
        words(location, self.symbols)
    }

    fn program(&self) -> String {
        if self.command.is_empty() { "stdin".to_owned() } else { self.command.join(" ") }
    }

    fn thread(&self, id: u32) -> String {
        match self.symbols.thread_name(id) {
            Some(name) => name.to_owned(),
            None if id == 0 => "others".to_owned(),
            None => id.to_string(),
        }
    }
}

/// `function (file:line)`, as most viewers show it.
fn label(Location { function, file, line }: &Location) -> String {
    if file.is_empty() { function.clone() } else { format!("{function} ({file}:{line})") }
}

/// Things by the numbers they get in a format, from `first` on.
struct Table<K> {
    numbers: HashMap<K, u64>,
    first: u64,
}

impl<K: std::hash::Hash + Eq> Table<K> {
    fn from(first: u64) -> Self {
        Table { numbers: HashMap::new(), first }
    }

    /// The thing's number; `make` is called with it when it is new.
    fn number(&mut self, thing: K, make: impl FnOnce(u64)) -> u64 {
        let next = self.first + self.numbers.len() as u64;
        *self.numbers.entry(thing).or_insert_with(|| {
            make(next);
            next
        })
    }
}
