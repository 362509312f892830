//! Aggregates as tables of a capture, and back. Whatever the tables are, reading them ends with an error or with an
//! aggregate whose numbers have a meaning. Must not know where they are kept.

use std::collections::HashMap;

use memtrace_wire::Malformed;
use memtrace_wire::tables::Tables;

use crate::events::{AllocatorId, Location, LocationId, SizeClass, StackId, Symbols};
use crate::reduce::Measure;
use crate::reduce::aggregate::{Aggregate, Usage};
use crate::reduce::sites::{Site, SiteId};
use crate::reduce::timeline::{History, Lived, Moment, Unit};

// What the columns hold, in their order, and how many numbers each of their rows has.
const WHOLE: usize = 0;
const SIZES: usize = 1;
const LOCATIONS: usize = 2;
const STACKS: usize = 3;
const THREADS: usize = 4;
const SITES: usize = 5;
const MOMENTS: usize = 6;
const LIVES: usize = 7;
const WIDTHS: [usize; 8] = [5, 2, 3, 2, 2, 14, 3, 5];

/// The tables of an aggregate and of what its numbers stand for.
pub fn to_tables(aggregate: &Aggregate, symbols: &Symbols) -> Tables {
    let mut texts = Vec::new();
    let mut known = HashMap::new();
    let mut text = |text: &str| {
        *known.entry(text.to_owned()).or_insert_with(|| {
            texts.push(text.to_owned());
            texts.len() as u64 - 1
        })
    };
    let History { unit, ticks_per_moment, ticks_in_all, moments, lives } = &aggregate.history;
    let timed = u64::from(*unit == Unit::Milliseconds);
    let mut columns = vec![Vec::new(); WIDTHS.len()];
    columns[WHOLE] = vec![aggregate.frees, aggregate.threads, timed, *ticks_per_moment, *ticks_in_all];
    columns[SIZES] = flat(aggregate.sizes.iter().map(|class| [class.up_to_bytes, class.allocations]));
    columns[LOCATIONS] = flat(
        symbols.locations().iter().map(|place| [text(&place.function), text(&place.file), place.line.into()]),
    );
    columns[STACKS] =
        flat(symbols.stacks().map(|(caller, location)| [caller.index() as u64, location.index() as u64]));
    columns[THREADS] = flat(symbols.thread_names().map(|(thread, name)| [thread.into(), text(name)]));
    columns[SITES] = flat(aggregate.sites.iter().map(|usage| {
        let Usage { site, given, peak, leaked, temporary, most, lived_ticks } = usage;
        let allocator = text(symbols.allocator_name(site.allocator.index()));
        let mut row = [0; 14];
        row[..3].copy_from_slice(&[site.stack.index() as u64, site.thread.into(), allocator]);
        for (place, measure) in row[3..13].chunks_exact_mut(2).zip([given, peak, leaked, temporary, most]) {
            place.copy_from_slice(&[measure.bytes, measure.allocations]);
        }
        row[13] = *lived_ticks;
        row
    }));
    columns[MOMENTS] = flat(moments.iter().map(|moment| [moment.most, moment.last, moment.resident]));
    columns[LIVES] = flat(lives.iter().map(|life| {
        let died = life.died.map_or(0, |died| u64::from(died) + 1);
        [life.site.index() as u64, life.born.into(), died, life.bytes, zigzag(life.blocks)]
    }));
    Tables { texts, columns }
}

/// The aggregate that tables hold, and what its numbers stand for.
pub fn from_tables(tables: &Tables) -> Result<(Aggregate, Symbols), Malformed> {
    let right = tables.columns.len() == WIDTHS.len()
        && tables.columns.iter().zip(WIDTHS).all(|(column, width)| column.len() % width == 0);
    // What is summed up later must have a sum.
    if !right
        || !has_sums::<14>(tables, SITES)
        || !has_sums::<5>(tables, LIVES)
        || !has_sums::<5>(tables, WHOLE)
    {
        return Err(Malformed);
    }
    let (mut symbols, stacks) = symbols(tables)?;
    let [whole] = rows::<5>(tables, WHOLE).collect::<Vec<_>>()[..] else { return Err(Malformed) };
    let sites: Vec<Usage> =
        rows(tables, SITES).map(|row| usage(row, tables, &stacks, &mut symbols)).collect::<Result<_, _>>()?;
    let moment = |[most, last, resident]: [u64; 3]| Moment { most, last, resident };
    let moments: Vec<Moment> = rows(tables, MOMENTS).map(moment).collect();
    let lives =
        rows(tables, LIVES).map(|row| lived(row, sites.len(), moments.len())).collect::<Result<_, _>>()?;
    let [frees, threads, timed, ticks_per_moment, ticks_in_all] = whole;
    let unit = if timed == 1 { Unit::Milliseconds } else { Unit::Events };
    let history = History { unit, ticks_per_moment, ticks_in_all, moments, lives };
    let class = |[up_to_bytes, allocations]: [u64; 2]| SizeClass { up_to_bytes, allocations };
    let by_size = rows(tables, SIZES).map(class).collect();
    Ok((Aggregate { sites, frees, sizes: by_size, threads, history }, symbols))
}

/// The symbols, and the stacks by the numbers that they have in the tables.
fn symbols(tables: &Tables) -> Result<(Symbols, Vec<StackId>), Malformed> {
    let mut symbols = Symbols::default();
    let mut locations: Vec<LocationId> = Vec::new();
    for [function, file, line] in rows(tables, LOCATIONS) {
        let (function, file) = (text(tables, function)?.to_owned(), text(tables, file)?.to_owned());
        locations.push(symbols.location(Location { function, file, line: small(line)? }));
    }
    let mut stacks = vec![StackId::EMPTY];
    for [caller, location] in rows(tables, STACKS) {
        let (caller, location) = (*at(&stacks, caller)?, *at(&locations, location)?);
        stacks.push(symbols.stack(caller, location));
    }
    for [thread, name] in rows(tables, THREADS) {
        symbols.name_thread(small(thread)?, text(tables, name)?);
    }
    Ok((symbols, stacks))
}

fn usage(
    row: [u64; 14],
    tables: &Tables,
    stacks: &[StackId],
    symbols: &mut Symbols,
) -> Result<Usage, Malformed> {
    let [stack, thread, allocator, measures @ .., lived_ticks] = row;
    let allocator: AllocatorId = symbols.allocator(text(tables, allocator)?);
    let site = Site { stack: *at(stacks, stack)?, thread: small(thread)?, allocator };
    let measure = |index: usize| Measure { bytes: measures[2 * index], allocations: measures[2 * index + 1] };
    let [given, peak, leaked, temporary, most] = [0, 1, 2, 3, 4].map(measure);
    Ok(Usage { site, given, peak, leaked, temporary, most, lived_ticks })
}

fn lived(row: [u64; 5], sites: usize, moments: usize) -> Result<Lived, Malformed> {
    let [site, born, died, bytes, blocks] = row;
    let moment = |moment: u64| u16::try_from(moment).ok().filter(|moment| usize::from(*moment) < moments);
    let died = died.checked_sub(1).map(|died| moment(died).ok_or(Malformed)).transpose()?;
    let born = moment(born).filter(|born| died.is_none_or(|died| *born < died)).ok_or(Malformed)?;
    let site = SiteId::at(small(site).ok().filter(|site| (*site as usize) < sites).ok_or(Malformed)?);
    Ok(Lived { site, born, died, bytes, blocks: unzigzag(blocks) })
}

fn rows<const WIDTH: usize>(tables: &Tables, column: usize) -> impl Iterator<Item = [u64; WIDTH]> {
    tables.columns[column].as_chunks::<WIDTH>().0.iter().copied()
}

/// Whether the sums of a column's places are small enough to be signed, and to count in 64ths of.
fn has_sums<const WIDTH: usize>(tables: &Tables, column: usize) -> bool {
    let mut sums = [0_u128; WIDTH];
    for row in rows::<WIDTH>(tables, column) {
        sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += u128::from(number));
    }
    sums.iter().all(|sum| *sum < 1 << 57)
}

fn flat<const WIDTH: usize>(rows: impl Iterator<Item = [u64; WIDTH]>) -> Vec<u64> {
    rows.flatten().collect()
}

fn at<T>(things: &[T], index: u64) -> Result<&T, Malformed> {
    usize::try_from(index).ok().and_then(|index| things.get(index)).ok_or(Malformed)
}

fn text(tables: &Tables, index: u64) -> Result<&str, Malformed> {
    at(&tables.texts, index).map(String::as_str)
}

fn small(number: u64) -> Result<u32, Malformed> {
    u32::try_from(number).map_err(|_| Malformed)
}

/// Small numbers of either sign as small ones.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
