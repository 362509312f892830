//! The call tree as text. A call that calls but one other stands above it; what branches is drawn as branches.

use common::term::{Styles, bytes, count, plain};

use crate::events::{At, FIRST_TASK, Location, Record, Symbols};
use crate::reduce::Measure;
use crate::reduce::calls::Calls;
use crate::reduce::tree::What;
use crate::render::text::{kind, percent, short};
use crate::render::words;

/// Smaller parts of the whole are counted together: one in so many.
const LEAST: u64 = 100;

/// The tree, down to what is one in a hundred.
pub fn tree(calls: &Calls, at: At, symbols: &Symbols, styles: Styles) -> String {
    let whole = calls.root().cumulative.bytes;
    let mut text = format!("{} {}\n", styles.bold(bytes(whole)), kind(at));
    let least = (whole / LEAST).max(1);
    // Each with what stands before its own line and before those below it.
    let mut pending = vec![Pending::Call { call: 0, lead: String::new(), below: String::new() }];
    while let Some(next) = pending.pop() {
        let (call, lead, below) = match next {
            Pending::Call { call, lead, below } => (call, lead, below),
            Pending::Rest { line } => {
                text += &line;
                continue;
            }
        };
        if call != 0 {
            let (name, place) = label(calls.all[call].what, symbols);
            let size = calls.all[call].cumulative.bytes;
            let share = styles.bold(format!("{:>7}", percent(size, whole)));
            let place = styles.dim(place);
            text += &format!(
                "{}{share} {:>10}  {}  {place}\n",
                styles.dim(lead),
                bytes(size),
                styles.accent(name)
            );
        }
        let (large, others, rest) = calls.large_callees(call, least);
        let rest_counts = rest * 2 >= least && !large.is_empty();
        let branches = large.len() + usize::from(rest_counts);
        let straight = branches <= 1 && call != 0;
        if rest_counts {
            let more = styles.dim(format!(
                "{:>7} {:>10}  in {}",
                percent(rest, whole),
                bytes(rest),
                count(others as u64, "smaller call")
            ));
            pending
                .push(Pending::Rest { line: format!("{}{more}\n", styles.dim(format!("{below}└─ "))) });
        }
        for (position, &callee) in large.iter().enumerate().rev() {
            let is_last = position + 1 == branches;
            let (lead, below) = if straight {
                (below.clone(), below.clone())
            } else if is_last {
                (format!("{below}└─ "), format!("{below}   "))
            } else {
                (format!("{below}├─ "), format!("{below}│  "))
            };
            pending.push(Pending::Call { call: callee, lead, below });
        }
    }
    text
}

/// Every call, callers first.
pub fn records(calls: &Calls, at: At, symbols: &Symbols) -> impl Iterator<Item = Record> {
    let measured = calls.all.iter().enumerate().filter(|(_, call)| call.cumulative != Measure::default());
    measured.map(move |(id, call)| {
        let Location { function, file, line } = location(call.what, symbols);
        Record::CallMeasured {
            id: id as u64,
            caller: (id > 0).then_some(call.caller as u64),
            function,
            file,
            line,
            bytes: call.cumulative.bytes,
            allocations: call.cumulative.allocations,
            own_bytes: call.own.bytes,
            at,
        }
    })
}

enum Pending {
    Call { call: usize, lead: String, below: String },
    Rest { line: String },
}

/// The name of what was called, and where it is.
pub fn label(what: What, symbols: &Symbols) -> (String, String) {
    let Location { function, file, line } = location(what, symbols);
    let place = if file.is_empty() { String::new() } else { format!("{}:{line}", short(&file)) };
    (plain(&function).into_owned(), plain(&place).into_owned())
}

fn location(what: What, symbols: &Symbols) -> Location {
    let named = |function: String| Location { function, file: String::new(), line: 0 };
    match what {
        What::Line(location) => symbols.resolve(location).clone(),
        What::Outside => words(None, symbols),
        What::Root => named("(everything)".to_owned()),
        What::Small => named("(many small ones)".to_owned()),
        What::Thread(thread) => match symbols.thread_name(thread) {
            Some(name) if thread >= FIRST_TASK => named(name.to_owned()),
            Some(name) => named(format!("thread {name} ({thread})")),
            None => named(format!("thread {thread}")),
        },
    }
}
