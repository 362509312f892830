//! Events and answers as text for a terminal.

use std::fmt::Write;

use common::term::{Align, Styles, bytes, count, duration_us, plain, table};

use crate::events::{At, Event, Location, Stats, Symbols};
use crate::reduce::Measure;
use crate::reduce::locations::Line;
use crate::reduce::sites::Site;
use crate::reduce::timeline::Moment;
use crate::render::words;

/// The lines that hold the most memory.
pub fn summary(at: At, lines: &[Line], top: usize, symbols: &Symbols, styles: Styles) -> String {
    let total: u64 = lines.iter().map(|line| line.own.bytes).sum();
    let mut text = format!("{} {}\n\n", styles.bold(bytes(total)), kind(at));
    text += &location_table(&lines[..top.min(lines.len())], total, symbols, styles);
    let hidden = lines.len().saturating_sub(top);
    if hidden > 0 {
        let more = format!("{} more; -n shows more", count(hidden as u64, "location"));
        text += &format!("{}\n", styles.dim(more));
    }
    text
}

/// What a size of this kind is, behind the number.
pub fn kind(at: At) -> &'static str {
    match at {
        At::Peak => "in use at the peak",
        At::Leaked => "never given back",
        At::Temporary => "given back before anything else was allocated",
    }
}

/// The whole run in numbers.
pub fn stats(command: &[String], stats: &Stats, lines: &[Line], symbols: &Symbols, styles: Styles) -> String {
    let mut text = String::new();
    if !command.is_empty() {
        text += &format!("{}\n\n", styles.bold(command.join(" ")));
    }
    let row = |name: &str, size: u64, number: u64, noun: &str| {
        vec![name.to_owned(), bytes(size), count(number, noun)]
    };
    let totals = vec![
        row("peak", stats.peak_bytes, stats.peak_allocations, "block"),
        row("given out", stats.total_bytes, stats.allocations, "allocation"),
        row("temporary", stats.temporary_bytes, stats.temporary_allocations, "allocation"),
        row("never given back", stats.leaked_bytes, stats.leaked_allocations, "block"),
        vec!["threads".to_owned(), stats.threads.to_string(), String::new()],
    ];
    text += &table(&[], &[Align::Left, Align::Right, Align::Right], totals);

    text += &heading("Allocators", styles);
    let allocators = stats.allocators.iter();
    let rows = allocators.map(|(name, used)| row(name, used.bytes, used.allocations, "allocation")).collect();
    text += &table(&[], &[Align::Left, Align::Right, Align::Right], rows);

    text += &heading("Sizes", styles);
    text += &histogram(stats, styles);

    text += &heading("Most memory at the peak", styles);
    text += &location_table(lines, stats.peak_bytes, symbols, styles);
    text
}

/// A program that runs, on one line.
pub fn now(stats: &Stats, moments: &[Moment], elapsed_ms: u64) -> String {
    let last = moments.last().copied().unwrap_or_default();
    format!(
        "{:>9}  {:>10} in use  {:>10} at the peak  {}\n",
        duration_us(elapsed_ms.saturating_mul(1000)),
        bytes(last.last),
        bytes(stats.peak_bytes),
        count(stats.allocations, "allocation"),
    )
}

/// One event on one line.
pub fn event(event: &Event, symbols: &Symbols) -> String {
    match *event {
        Event::Allocated { address, size, allocator, thread, stack } => {
            let name = symbols.allocator_name(allocator.index());
            let mut line = format!("+ {address:#x} {size} B {name} thread {thread}");
            for frame in symbols.frames(stack) {
                let Location { function, file, line: number } = symbols.resolve(frame);
                // Writing to a String cannot fail.
                let _ = write!(line, " < {function} ({file}:{number})");
            }
            line + "\n"
        }
        Event::Freed { address } => format!("- {address:#x}\n"),
        Event::Unmapped { address, size } => format!("- {address:#x} {size} B unmapped\n"),
        Event::Ended { process } => format!("! process {process} ended\n"),
        Event::ThreadNamed { thread } => {
            format!("= thread {thread} {}\n", symbols.thread_name(thread).unwrap_or_default())
        }
        Event::Sampled { ms, resident } => format!("@ {ms} ms {resident} B resident\n"),
    }
}

/// What one site had.
pub fn site(site: &Site, measure: Measure, symbols: &Symbols) -> String {
    let name = symbols.allocator_name(site.allocator.index());
    let blocks = count(measure.allocations, "block");
    let mut line = format!("{} B in {blocks} {name} thread {}", measure.bytes, site.thread);
    for frame in symbols.frames(site.stack) {
        let Location { function, file, line: number } = symbols.resolve(frame);
        // Writing to a String cannot fail.
        let _ = write!(line, " < {function} ({file}:{number})");
    }
    line + "\n"
}

fn heading(words: &str, styles: Styles) -> String {
    format!("\n{}\n", styles.bold(words))
}

fn location_table(lines: &[Line], total: u64, symbols: &Symbols, styles: Styles) -> String {
    let rows = lines.iter().map(|line| {
        let Location { function, file, line: number } = words(line.location, symbols);
        let place = if file.is_empty() { String::new() } else { format!("{}:{number}", plain(short(&file))) };
        vec![
            bytes(line.own.bytes),
            percent(line.own.bytes, total),
            bytes(line.cumulative.bytes),
            line.own.allocations.to_string(),
            styles.accent(plain(&function)),
            styles.dim(place),
        ]
    });
    let header = ["own", "", "with callees", "blocks", "function", "line"];
    let right = [Align::Right; 4];
    let align: Vec<Align> = right.into_iter().chain([Align::Left, Align::Left]).collect();
    table(&header, &align, rows.collect())
}

/// Bars as long as the share of the most frequent size.
fn histogram(stats: &Stats, styles: Styles) -> String {
    const WIDTH: u64 = 40;
    let most = stats.sizes.iter().map(|class| class.allocations).max().unwrap_or(1).max(1);
    let rows = stats.sizes.iter().map(|class| {
        let length = usize::try_from(class.allocations.saturating_mul(WIDTH).div_ceil(most)).unwrap_or(0);
        let up_to = format!("≤ {}", bytes(class.up_to_bytes));
        vec![up_to, class.allocations.to_string(), styles.accent("▇".repeat(length))]
    });
    table(&[], &[Align::Right, Align::Right, Align::Left], rows.collect())
}

/// The end of a path says the most.
pub fn short(file: &str) -> &str {
    const LONGEST: usize = 48;
    let begins = file.char_indices().rev().take_while(|(index, _)| file.len() - index <= LONGEST);
    let begins = begins.filter(|(_, character)| *character == '/').last();
    match begins {
        Some((index, _)) if file.len() > LONGEST => &file[index + 1..],
        _ => file,
    }
}

/// A share of the whole.
pub fn percent(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(whole.max(1));
    format!("{}.{} %", tenths / 10, tenths % 10)
}
