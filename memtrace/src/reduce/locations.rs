//! Stacks to lines of code: what each line asked for itself, and with all that it called.

use std::collections::HashMap;

use crate::events::{LocationId, StackId, Symbols};
use crate::reduce::Measure;

/// What one line of code asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which line; none stands for code outside Python.
    pub location: Option<LocationId>,
    /// What it asked for itself.
    pub own: Measure,
    /// What it asked for with all that it called, counted once however often it is on a stack.
    pub cumulative: Measure,
}

/// The lines of all `stacks`, by their own bytes, largest first.
pub fn lines(stacks: &[(StackId, Measure)], symbols: &Symbols) -> Vec<Line> {
    let mut lines: HashMap<Option<LocationId>, Line> = HashMap::new();
    for &(stack, measure) in stacks {
        let mut on_stack: Vec<Option<LocationId>> = symbols.frames(stack).map(Some).collect();
        if on_stack.is_empty() {
            on_stack.push(None);
        }
        let own = on_stack[0];
        on_stack.sort_unstable();
        on_stack.dedup();
        for location in on_stack {
            let nothing = Line { location, own: Measure::default(), cumulative: Measure::default() };
            let line = lines.entry(location).or_insert(nothing);
            line.cumulative += measure;
            if location == own {
                line.own += measure;
            }
        }
    }
    let mut lines: Vec<Line> = lines.into_values().collect();
    lines.sort_by_key(|line| {
        (std::cmp::Reverse((line.own.bytes, line.cumulative.bytes, line.own.allocations)), line.location)
    });
    lines
}
