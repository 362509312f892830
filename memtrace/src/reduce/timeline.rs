//! How memory went up and down, in few moments however long the program ran: when there would be too many,
//! each two become one. What each site had at each of them can be told from births and deaths.
//!
//! A block that dies in the moment it was born in is in use at the end of none, and is not kept.

use crate::reduce::Measure;
use crate::reduce::numbers::NumberMap;
use crate::reduce::sites::SiteId;

/// There are never more moments than this, and mostly more than half.
const MOST_MOMENTS: usize = 200;
/// With more lives than this there are fewer moments, but never fewer than [`FEWEST_MOMENTS`].
const MOST_LIVES: usize = 120_000;
const FEWEST_MOMENTS: usize = 16;
/// In place of the moment of a death: there was none.
const NEVER: u16 = u16::MAX;

/// What the ticks of a timeline are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Nobody said what time it was, so events are counted, by [`EVENTS_PER_TICK`].
    #[default]
    Events,
    /// Milliseconds since the program began.
    Milliseconds,
}

/// Without a clock, so many events are a tick.
pub const EVENTS_PER_TICK: u64 = 64;

/// Follows memory through time.
#[derive(Debug, Default)]
pub struct Timeline {
    unit: Unit,
    events: u64,
    now: u32,
    /// A moment is two to the power of this many ticks.
    shift: u32,
    moments: Vec<Moment>,
    current: Moment,
    lives: NumberMap<u64, Life>,
}

/// One of the moments that a timeline is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The most memory in use in it, in bytes.
    pub most: u64,
    /// What was in use at its end, in bytes.
    pub last: u64,
    /// The most memory that the kernel had given to the process, in bytes; 0 where that is not known.
    pub resident: u64,
}

/// Memory of one site that came in one moment and went in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lived {
    /// Whose.
    pub site: SiteId,
    /// The first moment at whose end it was in use.
    pub born: u16,
    /// The first moment at whose end it was not; none where it was never given back.
    pub died: Option<u16>,
    /// Bytes.
    pub bytes: u64,
    /// Blocks; a hole in a mapping makes two of one, so the hole itself counts as -1.
    pub blocks: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Life {
    bytes: u64,
    blocks: i64,
}

/// A finished timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// What a tick is.
    pub unit: Unit,
    /// Ticks in each moment.
    pub ticks_per_moment: u64,
    /// How many there were.
    pub ticks_in_all: u64,
    /// The moments.
    pub moments: Vec<Moment>,
    /// What was in use at the end of any of them.
    pub lives: Vec<Lived>,
}

impl Timeline {
    /// The clock says `ms` since the program began, and the process has `resident` bytes from the system. A
    /// timeline that hears of the clock in its first tick goes by it.
    pub fn sample(&mut self, ms: u64, resident: u64) {
        if self.now == 0 {
            self.unit = Unit::Milliseconds;
        }
        if self.unit == Unit::Milliseconds {
            self.advance(u32::try_from(ms).unwrap_or(u32::MAX));
        }
        self.current.resident = self.current.resident.max(resident);
    }

    /// Counts an event, before what it changes.
    #[inline]
    pub fn event(&mut self) {
        self.events += 1;
        if self.unit == Unit::Events && self.events.is_multiple_of(EVENTS_PER_TICK) {
            self.advance(u32::try_from(self.events / EVENTS_PER_TICK).unwrap_or(u32::MAX));
        }
    }

    /// The tick to remember a birth by.
    #[inline]
    pub fn now(&self) -> u32 {
        self.now
    }

    /// Memory was given out.
    #[inline]
    pub fn given(&mut self, bytes: u64) {
        self.current.last += bytes;
        self.current.most = self.current.most.max(self.current.last);
    }

    /// Memory that `site` was given at the tick `born` is gone.
    #[inline]
    pub fn taken(&mut self, site: SiteId, born: u32, bytes: u64, blocks: i64) {
        self.current.last = self.current.last.saturating_sub(bytes);
        let (born, died) = (born >> self.shift, self.now >> self.shift);
        if born != died {
            self.live(site, number(born), number(died), bytes, blocks);
        }
    }

    fn live(&mut self, site: SiteId, born: u16, died: u16, bytes: u64, blocks: i64) {
        let life = self.lives.entry(key(site, born, died)).or_default();
        life.bytes += bytes;
        life.blocks += blocks;
        if self.lives.len() > MOST_LIVES && self.moments.len() >= FEWEST_MOMENTS {
            self.coarsen();
        }
    }

    /// Goes on to another tick; never back, as the clocks of several threads may say.
    fn advance(&mut self, tick: u32) {
        self.now = self.now.max(tick);
        while (self.now >> self.shift) as usize >= MOST_MOMENTS {
            self.coarsen();
        }
        while self.moments.len() < (self.now >> self.shift) as usize {
            self.moments.push(self.current);
            self.current = Moment { most: self.current.last, ..self.current };
        }
    }

    /// Makes one moment of each two.
    #[cold]
    fn coarsen(&mut self) {
        self.shift += 1;
        if self.moments.len() % 2 == 1
            && let Some(before) = self.moments.pop()
        {
            self.current = together(before, self.current);
        }
        self.moments = self.moments.chunks_exact(2).map(|two| together(two[0], two[1])).collect();
        let lives = std::mem::take(&mut self.lives);
        for (key, life) in lives {
            let (site, born, died) = parts(key);
            let (born, died) = (born / 2, died / 2);
            if born != died {
                let sum = self.lives.entry(key_of(site, born, died)).or_default();
                sum.bytes += life.bytes;
                sum.blocks += life.blocks;
            }
        }
    }

    /// The moments so far, the last of which is not over.
    pub fn moments(&self) -> impl Iterator<Item = Moment> {
        self.moments.iter().copied().chain([self.current])
    }

    /// How many ticks there were so far.
    pub fn ticks(&self) -> u64 {
        u64::from(self.now)
    }

    /// The whole, with what is still in use: whose, since which tick, how much.
    pub fn finish(&self, in_use: impl Iterator<Item = (SiteId, u32, Measure)>) -> History {
        let mut moments = self.moments.clone();
        moments.push(self.current);
        let mut lives = self.lives.clone();
        for (site, born, measure) in in_use {
            let life = lives.entry(key(site, number(born >> self.shift), NEVER)).or_default();
            life.bytes += measure.bytes;
            life.blocks += measure.allocations.cast_signed();
        }
        let with_parts = |(key, life): (u64, Life)| {
            let (site, born, died) = parts(key);
            let died = (died != NEVER).then_some(died);
            Lived { site: SiteId::at(site), born, died, bytes: life.bytes, blocks: life.blocks }
        };
        let mut lives: Vec<Lived> = lives.into_iter().map(with_parts).collect();
        lives.sort_unstable();
        let (ticks_per_moment, ticks_in_all) = (1 << self.shift, self.ticks());
        History { unit: self.unit, ticks_per_moment, ticks_in_all, moments, lives }
    }
}

/// The end of a moment is that of its second half; the resident memory of one that knows none is the other's.
fn together(first: Moment, second: Moment) -> Moment {
    Moment {
        most: first.most.max(second.most),
        last: second.last,
        resident: first.resident.max(second.resident),
    }
}

/// There are fewer moments than a u16 has numbers.
fn number(moment: u32) -> u16 {
    u16::try_from(moment).unwrap_or(NEVER - 1)
}

fn key(site: SiteId, born: u16, died: u16) -> u64 {
    key_of(u32::try_from(site.index()).unwrap_or(u32::MAX), born, died)
}

fn key_of(site: u32, born: u16, died: u16) -> u64 {
    u64::from(site) << 32 | u64::from(born) << 16 | u64::from(died)
}

#[expect(clippy::cast_possible_truncation, reason = "the parts are taken out as they were put in")]
fn parts(key: u64) -> (u32, u16, u16) {
    ((key >> 32) as u32, (key >> 16) as u16, key as u16)
}
