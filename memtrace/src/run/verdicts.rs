//! Wires the reports that a script may want a yes or no from.

use common::{Exit, Failure, Format, Session};

use super::reports::Answers;
use super::{begin, write, written};
use crate::cli::{DiffArgs, LeaksArgs};
use crate::events::{At, Record, StackId};
use crate::reduce::Measure;
use crate::reduce::compare::compare;
use crate::reduce::profile::Profile;
use crate::render::{compare as comparison, leaks as leakage};

pub fn leaks(args: &LeaksArgs, session: &mut Session) -> Result<Exit, Failure> {
    begin(session)?;
    let answers = Answers::of(&args.input.input, Profile::default(), session)?;
    let mut leaks = answers.aggregate.by_stack(At::Leaked);
    let whole = leaks.iter().fold(Measure::default(), |mut sum, (_, measure)| {
        sum += *measure;
        sum
    });
    leaks.sort_by_key(|(stack, measure)| (std::cmp::Reverse((measure.bytes, measure.allocations)), *stack));
    let too_large = args.limit.map(|limit| leaks.iter().filter(|(_, leak)| leak.bytes > limit.0).count());
    let shown = &leaks[..too_large.unwrap_or(0).max(args.top).min(leaks.len())];
    let mut output = session.output();
    match session.format {
        Format::Human => {
            let text = leakage::text(shown, leaks.len(), whole, &answers.symbols, session.styles);
            write(&mut output, text.as_bytes())?;
        }
        Format::Jsonl => shown
            .iter()
            .try_for_each(|leak| written(output.record(&leakage::record(*leak, &answers.symbols))))?,
    }
    session.count("leaks", leaks.len() as u64);
    if let (Some(found @ 1..), Some(limit)) = (too_large, args.limit) {
        session.count("leaks_over_limit", found as u64);
        session.note(&format!("memtrace: {found} of them over the limit of {} bytes", limit.0));
        return Ok(Exit::NO);
    }
    Ok(Exit::YES)
}

pub fn diff(args: &DiffArgs, session: &mut Session) -> Result<Exit, Failure> {
    begin(session)?;
    let before = Answers::of(&args.before, Profile::default(), session)?;
    let after = Answers::of(&args.after, Profile::default(), session)?;
    let stacks = [&before, &after].map(|answers| answers.aggregate.by_stack(args.at));
    let compared = compare((&stacks[0], &before.symbols), (&stacks[1], &after.symbols));
    let least = args.grow_by.0;
    let grown = compared.iter().filter(|one| comparison::grew(one, least)).count();
    let sum = |stacks: &[(StackId, Measure)]| stacks.iter().map(|(_, measure)| measure.bytes).sum::<u64>();
    let [before_bytes, after_bytes] = [sum(&stacks[0]), sum(&stacks[1])];
    // Whatever grew is shown, however little it is beside the rest.
    let shown = compared
        .iter()
        .take(args.top)
        .chain(compared.iter().skip(args.top).filter(|one| comparison::grew(one, least)));
    let shown: Vec<_> = shown.cloned().collect();
    let mut output = session.output();
    match session.format {
        Format::Human => {
            let sums = [before_bytes, after_bytes];
            let text = comparison::text(sums, args.at, &shown, compared.len(), least, session.styles);
            write(&mut output, text.as_bytes())?;
        }
        Format::Jsonl => {
            for one in &shown {
                written(output.record(&comparison::record(one, least)))?;
            }
            let grown = grown as u64;
            let record = Record::DiffComputed { at: args.at, before_bytes, after_bytes, grown };
            written(output.record(&record))?;
        }
    }
    Ok(if grown > 0 { Exit::NO } else { Exit::YES })
}
