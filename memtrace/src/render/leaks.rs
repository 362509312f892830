//! What was never given back, with where it was asked for, as text and as records.

use common::term::{Styles, bytes, count, plain};

use crate::events::{Location, Record, StackId, Symbols};
use crate::reduce::Measure;
use crate::render::OUTSIDE;
use crate::render::records::frames;

/// A stack and what it never gave back.
pub type Leak = (StackId, Measure);

/// The largest leaks of all, whose sum is `whole`.
pub fn text(shown: &[Leak], all: usize, whole: Measure, symbols: &Symbols, styles: Styles) -> String {
    let blocks = count(whole.allocations, "block");
    let mut text = format!("{} never given back, {blocks}\n", styles.bold(bytes(whole.bytes)));
    for &(stack, measure) in shown {
        let size = styles.bold(bytes(measure.bytes));
        text += &format!("\n{size} in {}\n", count(measure.allocations, "block"));
        for frame in symbols.frames(stack) {
            let Location { function, file, line } = symbols.resolve(frame);
            let place = styles.dim(format!("{}:{line}", plain(file)));
            text += &format!("    {}  {place}\n", styles.accent(plain(function)));
        }
        if stack == StackId::EMPTY {
            text += &format!("    {}\n", styles.accent(OUTSIDE));
        }
    }
    let hidden = all - shown.len();
    if hidden > 0 {
        let more = format!("{} more; -n shows more", count(hidden as u64, "stack"));
        text += &format!("\n{}\n", styles.dim(more));
    }
    text
}

/// One leak.
pub fn record((stack, measure): Leak, symbols: &Symbols) -> Record {
    Record::LeakFound {
        bytes: measure.bytes,
        allocations: measure.allocations,
        stack: frames(stack, symbols),
    }
}
