//! Two runs side by side, as text and as records.

use common::term::{Align, Styles, bytes, count, plain, table};

use crate::events::{At, Record, Trend};
use crate::reduce::compare::Compared;
use crate::render::OUTSIDE;
use crate::render::text::{kind, short};

/// The changes shown of `all` that there are, and what they come to.
pub fn text(sums: [u64; 2], at: At, shown: &[Compared], all: usize, least: u64, styles: Styles) -> String {
    let [before, after] = sums.map(|sum| styles.bold(bytes(sum)));
    let mut text = format!("{before} → {after} {}\n", kind(at));
    let rows = shown.iter().map(|one| {
        let change = signed(one.growth());
        let change = match trend(one, least) {
            Trend::Grew => styles.bad(change),
            Trend::Shrank => styles.good(change),
            Trend::Same => change,
        };
        vec![
            bytes(one.before.bytes),
            bytes(one.after.bytes),
            change,
            styles.accent(plain(name(one))),
            styles.dim(plain(short(&one.file))),
        ]
    });
    if shown.is_empty() {
        return text + "no function differs\n";
    }
    let align = [Align::Right, Align::Right, Align::Right, Align::Left, Align::Left];
    text.push('\n');
    text += &table(&["before", "after", "change", "function", "file"], &align, rows.collect());
    let hidden = all - shown.len();
    if hidden > 0 {
        let more = format!("{} changed less; -n shows more", count(hidden as u64, "function"));
        text += &format!("{}\n", styles.dim(more));
    }
    text
}

/// One function.
pub fn record(compared: &Compared, least: u64) -> Record {
    Record::FunctionCompared {
        function: name(compared).to_owned(),
        file: compared.file.clone(),
        before_bytes: compared.before.bytes,
        after_bytes: compared.after.bytes,
        before_allocations: compared.before.allocations,
        after_allocations: compared.after.allocations,
        trend: trend(compared, least),
    }
}

/// Whether it has at least `least` bytes more, and any.
pub fn grew(compared: &Compared, least: u64) -> bool {
    trend(compared, least) == Trend::Grew
}

fn trend(compared: &Compared, least: u64) -> Trend {
    let growth = compared.growth();
    if growth >= i128::from(least.max(1)) {
        Trend::Grew
    } else if growth < 0 {
        Trend::Shrank
    } else {
        Trend::Same
    }
}

fn name(compared: &Compared) -> &str {
    if compared.function.is_empty() { OUTSIDE } else { &compared.function }
}

fn signed(growth: i128) -> String {
    let size = u64::try_from(growth.unsigned_abs()).unwrap_or(u64::MAX);
    format!("{}{}", if growth < 0 { '−' } else { '+' }, bytes(size))
}
