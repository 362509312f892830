//! All answers about one stream of events, from one pass over it.

use crate::events::{At, Event, StackId, Stats, Symbols};
use crate::reduce::Measure;
use crate::reduce::aggregate::{Aggregate, Usage};
use crate::reduce::high_water::HighWater;
use crate::reduce::lifetimes::Lifetimes;
use crate::reduce::live::{Change, LiveSet};
use crate::reduce::sites::{Site, SiteId, Sites};
use crate::reduce::timeline::{History, Moment, Timeline};
use crate::reduce::totals::{Totals, add};

/// The reducers, side by side.
#[derive(Debug, Default)]
pub struct Profile {
    live: LiveSet<Origin>,
    books: Books,
}

/// What is kept of each change to what is in use.
#[derive(Debug, Default)]
struct Books {
    sites: Sites,
    high_water: HighWater,
    totals: Totals,
    /// Memory that was given back early, by site: work that could be spared.
    temporary: Vec<Measure>,
    /// How many allocations of the same thread may come before that.
    threshold: u32,
    timeline: Option<Timeline>,
    lifetimes: Option<Lifetimes>,
}

/// Where a block in use comes from.
#[derive(Clone, Copy, Debug, Default)]
struct Origin {
    site: SiteId,
    /// Among the allocations of its thread.
    nth: u32,
    /// The timeline's.
    tick: u32,
}

impl Books {
    /// Keeps one change, which happened in the tick `now`; early or late, where the memory was `given_back`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "nearly all changes come from one place, millions of them")]
    fn enter(&mut self, change: Change<Origin>, given_back: bool, now: u32) {
        let owner = change.owner();
        // What another block lies upon was freed in a way that was not seen, nobody knows when.
        if let Change::Taken { bytes, blocks: 1, .. } = change
            && given_back
            && self.sites.since(owner.site, owner.nth) <= self.threshold
        {
            add(&mut self.temporary, owner.site, Measure { bytes, allocations: 1 });
        }
        if let Some(timeline) = &mut self.timeline {
            match change {
                Change::Given { bytes, .. } => timeline.given(bytes),
                Change::Taken { bytes, blocks, .. } => {
                    timeline.taken(owner.site, owner.tick, bytes, blocks);
                }
                Change::Left { bytes, .. } => timeline.taken(owner.site, owner.tick, bytes, 1),
            }
        }
        if let Some(lifetimes) = &mut self.lifetimes {
            lifetimes.apply(change.map(|owner| owner.site), owner.tick, now);
        }
        self.high_water.apply(change.map(|owner| owner.site));
    }
}

impl Profile {
    /// A profile that has memory for temporary when its thread has allocated at most `threshold` times before it
    /// was given back.
    #[must_use]
    pub fn with_threshold(self, threshold: u32) -> Profile {
        Profile { books: Books { threshold, ..self.books }, ..self }
    }

    /// See [`Profile::with_threshold`].
    pub fn threshold(&self) -> u32 {
        self.books.threshold
    }

    /// A profile that also has a [`Profile::history`].
    #[must_use]
    pub fn with_timeline(self) -> Profile {
        Profile { books: Books { timeline: Some(Timeline::default()), ..self.books }, ..self }
    }

    /// A profile that also knows how long memory lived: see [`Usage`].
    #[must_use]
    pub fn with_lifetimes(self) -> Profile {
        let timed = self.with_timeline();
        Profile { books: Books { lifetimes: Some(Lifetimes::default()), ..timed.books }, ..timed }
    }

    /// Takes events into account, in their order.
    pub fn apply_all(&mut self, events: &[Event]) {
        // As many as a processor has loads under way.
        for events in events.chunks(16) {
            self.live.look_ahead(events);
            for event in events {
                self.apply(event);
            }
        }
    }

    /// Takes one event into account.
    #[inline]
    pub fn apply(&mut self, event: &Event) {
        let Profile { live, books } = self;
        let mut origin = Origin::default();
        if let Some(timeline) = &mut books.timeline {
            match *event {
                Event::Sampled { ms, resident } => timeline.sample(ms, resident),
                Event::ThreadNamed { .. } => {}
                _ => timeline.event(),
            }
            origin.tick = timeline.now();
        }
        let mut given_back = true;
        match *event {
            Event::Allocated { size, allocator, thread, stack, .. } => {
                (origin.site, origin.nth) = books.sites.allocation(Site { stack, thread, allocator });
                books.totals.given(origin.site, size);
                given_back = false;
            }
            Event::Freed { .. } | Event::Unmapped { .. } => books.totals.freed(),
            Event::Ended { .. } => given_back = false,
            Event::ThreadNamed { .. } | Event::Sampled { .. } => return,
        }
        match live.apply_one(event, origin) {
            Some(change) => books.enter(change, given_back, origin.tick),
            None => live.apply(event, origin, |change| books.enter(change, given_back, origin.tick)),
        }
    }

    /// All answers as plain numbers.
    pub fn aggregate(&self) -> Aggregate {
        Aggregate { history: self.history(), ..self.sums() }
    }

    /// The same without a history.
    fn sums(&self) -> Aggregate {
        Aggregate {
            sites: self.sites_used(),
            frees: self.books.totals.frees(),
            sizes: self.books.totals.by_size(),
            threads: self.books.sites.threads() as u64,
            history: History::default(),
        }
    }

    /// See [`Aggregate::by_site`].
    pub fn by_site(&self, at: At) -> Vec<(Site, Measure)> {
        self.sums().by_site(at)
    }

    /// See [`Aggregate::by_stack`].
    pub fn by_stack(&self, at: At) -> Vec<(StackId, Measure)> {
        self.sums().by_stack(at)
    }

    /// See [`Aggregate::stats`].
    pub fn stats(&self, symbols: &Symbols, incomplete_because: Option<String>) -> Stats {
        self.sums().stats(symbols, incomplete_because)
    }

    /// What each site has in use now; sites without any are left out.
    pub fn in_use_by_site(&self) -> Vec<(Site, Measure)> {
        self.sited(&self.books.high_water.now().collect::<Vec<_>>())
    }

    /// The moments of the timeline so far.
    pub fn moments(&self) -> Vec<Moment> {
        self.books.timeline.as_ref().map(|timeline| timeline.moments().collect()).unwrap_or_default()
    }

    /// How long the program has run, in ticks of the timeline.
    pub fn ticks(&self) -> u64 {
        self.books.timeline.as_ref().map_or(0, Timeline::ticks)
    }

    fn sited(&self, measures: &[Measure]) -> Vec<(Site, Measure)> {
        let sited = self.books.sites.all().iter().copied().zip(measures.iter().copied());
        sited.filter(|(_, measure)| *measure != Measure::default()).collect()
    }

    /// All that is known of each site, by their numbers.
    fn sites_used(&self) -> Vec<Usage> {
        let none = std::iter::repeat(Measure::default());
        let peak = self.books.high_water.at_peak().chain(none.clone());
        let leaked = self.books.high_water.leaked_by_site().chain(none.clone());
        let temporary = self.books.temporary.iter().copied().chain(none);
        let measures = self.books.totals.by_site().iter().zip(peak).zip(leaked).zip(temporary);
        let usage =
            self.books.sites.all().iter().zip(measures).zip(0..).map(|((&site, measures), number)| {
                let (((&given, peak), leaked), temporary) = measures;
                let lifetimes = self.books.lifetimes.as_ref();
                let lifetime =
                    lifetimes.map(|lifetimes| lifetimes.of(SiteId::at(number))).unwrap_or_default();
                let (most, lived_ticks) = (lifetime.most, lifetime.ticks);
                Usage { site, given, peak, leaked, temporary, most, lived_ticks }
            });
        let mut usage: Vec<Usage> = usage.collect();
        if let (Some(_), Some(timeline)) = (&self.books.lifetimes, &self.books.timeline) {
            for (owner, _) in self.live.in_use() {
                usage[owner.site.index()].lived_ticks += timeline.ticks() - u64::from(owner.tick);
            }
        }
        usage
    }

    /// All sites, in the order of their numbers.
    pub fn sites(&self) -> &[Site] {
        self.books.sites.all()
    }

    /// How memory went up and down; empty where no timeline was asked for.
    pub fn history(&self) -> History {
        let in_use = self.live.in_use().map(|(owner, measure)| (owner.site, owner.tick, measure));
        self.books.timeline.as_ref().map(|timeline| timeline.finish(in_use)).unwrap_or_default()
    }
}
