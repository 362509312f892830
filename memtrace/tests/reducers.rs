//! The reducers against a model that keeps every byte's owner and every moment: any events, same answers.

use std::collections::BTreeMap;

use memtrace::events::{At, Event, Location, StackId, Symbols};
use memtrace::reduce::Measure;
use memtrace::reduce::aggregate::tables::{from_tables, to_tables};
use memtrace::reduce::calls::Calls;
use memtrace::reduce::profile::Profile;
use memtrace::reduce::sites::Site;
use memtrace::reduce::timeline::EVENTS_PER_TICK;
use memtrace::reduce::tree::Tree;
use memtrace_wire::Allocator;
use memtrace_wire::tables::Tables;
use proptest::prelude::*;

/// A small world, so that addresses collide: blocks at 0..20, pages at 100..140.
#[derive(Clone, Copy, Debug)]
enum Step {
    Malloc { address: u64, size: u64, stack: usize },
    Free { address: u64 },
    Mmap { address: u64, size: u64, stack: usize },
    Munmap { address: u64, size: u64 },
    End,
}

fn step() -> impl Strategy<Value = Step> {
    let block = (0..20_u64, 0..50_u64, 0..4_usize);
    let pages = (100..140_u64, 1..20_u64, 0..4_usize);
    prop_oneof![
        4 => block.clone().prop_map(|(address, size, stack)| Step::Malloc { address, size, stack }),
        3 => (0..20_u64).prop_map(|address| Step::Free { address }),
        2 => pages.clone().prop_map(|(address, size, stack)| Step::Mmap { address, size, stack }),
        2 => pages.prop_map(|(address, size, _)| Step::Munmap { address, size }),
        1 => Just(Step::End),
    ]
}

/// Who owns what, byte by byte.
#[derive(Clone, Default)]
struct Model {
    blocks: BTreeMap<u64, (u64, usize)>,
    pages: BTreeMap<u64, usize>,
    /// What processes had that have ended.
    left: [u64; 4],
}

impl Model {
    fn apply(&mut self, step: Step) {
        match step {
            Step::Malloc { address, size, stack } => drop(self.blocks.insert(address, (size, stack))),
            Step::Free { address } => drop(self.blocks.remove(&address)),
            Step::Mmap { address, size, stack } => {
                self.pages.extend((address..address + size).map(|byte| (byte, stack)));
            }
            Step::Munmap { address, size } => {
                self.pages.retain(|byte, _| !(address..address + size).contains(byte));
            }
            Step::End => {
                self.left = self.leaked();
                self.blocks.clear();
                self.pages.clear();
            }
        }
    }

    fn leaked(&self) -> [u64; 4] {
        let in_use = self.by_stack();
        std::array::from_fn(|stack| self.left[stack] + in_use[stack])
    }

    fn by_stack(&self) -> [u64; 4] {
        let mut bytes = [0; 4];
        self.blocks.values().for_each(|&(size, stack)| bytes[stack] += size);
        self.pages.values().for_each(|&stack| bytes[stack] += 1);
        bytes
    }
}

fn event(step: Step, stacks: &[StackId]) -> Event {
    let allocated = |allocator: Allocator, address, size, stack: usize| {
        let (allocator, stack) = (allocator.into(), stacks[stack]);
        Event::Allocated { address, size, allocator, thread: 1, stack }
    };
    match step {
        Step::Malloc { address, size, stack } => allocated(Allocator::Malloc, address, size, stack),
        Step::Free { address } => Event::Freed { address },
        Step::Mmap { address, size, stack } => allocated(Allocator::Mmap, address, size, stack),
        Step::Munmap { address, size } => Event::Unmapped { address, size },
        Step::End => Event::Ended { process: 0 },
    }
}

proptest! {
    #[test]
    fn tables_of_an_aggregate(steps in prop::collection::vec(step(), 0..120)) {
        let mut symbols = Symbols::default();
        let stacks: Vec<StackId> = (0..4)
            .map(|line| {
                let location = symbols.location(Location { function: "f".into(), file: "f.py".into(), line });
                symbols.stack(StackId::EMPTY, location)
            })
            .collect();
        symbols.name_thread(1, "main");
        let mut profile = Profile::default().with_lifetimes();
        for (index, &step) in steps.iter().enumerate() {
            profile.apply(&Event::Sampled { ms: index as u64 * 10, resident: 4096 });
            profile.apply(&event(step, &stacks));
        }
        let aggregate = profile.aggregate();
        let tables = Tables::decode(&to_tables(&aggregate, &symbols).encode());
        let read = tables.and_then(|tables| from_tables(&tables));
        prop_assert!(read.is_ok());
        let Ok((read, known)) = read else { return Ok(()) };
        prop_assert_eq!(read.stats(&known, None), profile.stats(&symbols, None));
        prop_assert_eq!(read, aggregate);
        prop_assert_eq!((known.locations(), known.thread_name(1)), (symbols.locations(), Some("main")));
    }

    #[test]
    fn any_tables(
        columns in prop::collection::vec(prop::collection::vec(0..4_u64, 0..30), 8),
        large in (0..8_usize, 0..30_usize, any::<u64>()),
    ) {
        const WIDTHS: [usize; 8] = [5, 2, 3, 2, 2, 14, 3, 5];
        let mut columns = columns;
        for (column, width) in columns.iter_mut().zip(WIDTHS) {
            column.truncate(column.len() / width * width);
        }
        columns[0].resize(5, 1);
        if let Some(number) = columns[large.0].get_mut(large.1) {
            *number = large.2;
        }
        let tables = Tables { texts: vec!["a".into(), "b".into()], columns };
        if let Ok((aggregate, symbols)) = from_tables(&tables) {
            let _ = (aggregate.stats(&symbols, None), aggregate.usage());
            let kinds = [At::Peak, At::Leaked, At::Temporary].map(|at| aggregate.by_site(at));
            let kinds = [&kinds[0][..], &kinds[1], &kinds[2]];
            let _ = Tree::with_lives(kinds, &aggregate.history.lives, &aggregate.sites(), &symbols);
        }
    }

    #[test]
    fn temporary(steps in prop::collection::vec((0..4_u32, 0..30_u64, any::<bool>()), 0..200)) {
        let (mut profile, mut bytes, mut count) = (Profile::default(), 0, 0);
        for (index, &(thread, address, allocates)) in steps.iter().enumerate() {
            let size = index as u64 + 1;
            profile.apply(&if allocates {
                let allocator = Allocator::Malloc.into();
                Event::Allocated { address, size, allocator, thread, stack: StackId::EMPTY }
            } else {
                Event::Freed { address }
            });
            // Whoever was last to have the address must have allocated nothing since.
            let before = &steps[..index];
            let given = before.iter().rposition(|&(_, at, _)| at == address).filter(|&given| before[given].2);
            if let Some(given) = given.filter(|_| !allocates)
                && !before[given + 1..].iter().any(|&(other, _, gives)| gives && other == before[given].0)
            {
                bytes += given as u64 + 1;
                count += 1;
            }
        }
        let stats = profile.stats(&Symbols::default(), None);
        prop_assert_eq!((stats.temporary_bytes, stats.temporary_allocations), (bytes, count));
    }

    #[test]
    fn peak_and_leaks(steps in prop::collection::vec(step(), 0..120)) {
        let mut symbols = Symbols::default();
        let stacks: Vec<StackId> = (0..4).map(|line| {
            let location = symbols.location(Location { function: "f".into(), file: "f.py".into(), line });
            symbols.stack(StackId::EMPTY, location)
        }).collect();

        let (mut profile, mut model, mut peak) = (Profile::default(), Model::default(), [0; 4]);
        for &step in &steps {
            profile.apply(&event(step, &stacks));
            // What is replaced goes first, as the reducers have it.
            model.apply(match step {
                Step::Malloc { address, .. } => Step::Free { address },
                Step::Mmap { address, size, .. } => Step::Munmap { address, size },
                other => other,
            });
            model.apply(step);
            if model.by_stack().iter().sum::<u64>() > peak.iter().sum() {
                peak = model.by_stack();
            }
        }

        let bytes = |at| {
            let mut bytes = [0; 4];
            for (stack, Measure { bytes: measured, .. }) in profile.by_stack(at) {
                let index = stacks.iter().position(|known| *known == stack);
                bytes[index.unwrap_or_default()] += measured;
            }
            bytes
        };
        prop_assert_eq!(bytes(At::Leaked), model.leaked());
        prop_assert_eq!(bytes(At::Peak), peak);
        let stats = profile.stats(&symbols, None);
        prop_assert_eq!(stats.peak_bytes, peak.iter().sum::<u64>());
        prop_assert_eq!(stats.leaked_bytes, model.leaked().iter().sum::<u64>());
    }

    #[test]
    fn over_time(steps in prop::collection::vec((step(), 0..3000_u64), 1..150), clock: bool) {
        let mut symbols = Symbols::default();
        let stacks: Vec<StackId> = (0..4).map(|line| {
            let location = symbols.location(Location { function: "f".into(), file: "f.py".into(), line });
            symbols.stack(StackId::EMPTY, location)
        }).collect();
        let (mut profile, mut model) = (Profile::default().with_timeline(), Model::default());
        // What was in use after each event, and the tick of that event.
        let mut after: Vec<(u64, [u64; 4])> = Vec::new();
        let mut now = 0;
        for (count, (step, wait)) in (1..).zip(steps) {
            // The first may come before the clock is read.
            if clock && count > 1 {
                now += wait;
                profile.apply(&Event::Sampled { ms: now, resident: now * 10 });
            } else if !clock {
                now = count / EVENTS_PER_TICK;
            }
            profile.apply(&event(step, &stacks));
            model.apply(step);
            after.push((now, model.by_stack()));
        }
        let history = profile.history();
        prop_assert!(history.moments.len() <= 200);
        let mut before = [0; 4];
        for (number, moment) in (0_u64..).zip(&history.moments) {
            let ticks = number * history.ticks_per_moment..(number + 1) * history.ticks_per_moment;
            let inside = || after.iter().filter(|(tick, _)| ticks.contains(tick)).map(|(_, sizes)| *sizes);
            let most = inside().chain([before]).map(|sizes| sizes.iter().sum::<u64>()).max();
            before = inside().next_back().unwrap_or(before);
            prop_assert_eq!(moment.last, before.iter().sum::<u64>());
            // Between two of the model's states a mapping that replaces another is smaller.
            prop_assert_eq!(Some(moment.most), most);
            let mut lived = [0; 4];
            for life in &history.lives {
                if u64::from(life.born) <= number && life.died.is_none_or(|died| number < died.into()) {
                    let stack = profile.sites()[life.site.index()].stack;
                    lived[stacks.iter().position(|known| *known == stack).unwrap_or_default()] += life.bytes;
                }
            }
            prop_assert_eq!(lived, before);
        }
    }

    #[test]
    fn a_bounded_tree_loses_nothing(parents in prop::collection::vec((0..40_usize, 1..1000_u64), 1..40), most in 1..50_usize) {
        let mut symbols = Symbols::default();
        let mut stacks = vec![StackId::EMPTY];
        let mut sites = Vec::new();
        for (line, (parent, bytes)) in (0..).zip(parents) {
            let location = symbols.location(Location { function: "f".into(), file: "f.py".into(), line });
            let stack = symbols.stack(stacks[parent % stacks.len()], location);
            stacks.push(stack);
            let site = Site { stack, thread: line % 3, allocator: Allocator::Malloc.into() };
            sites.push((site, Measure { bytes, allocations: 1 }));
        }
        let half = &sites[..sites.len() / 2];
        let whole = Tree::new([&sites, half, &[]], &symbols, true);
        let bounded = whole.clone().bounded(most);
        // Each node that stayed may have one for its smaller callees.
        prop_assert!(bounded.nodes.len() <= (2 * most).min(whole.nodes.len()).max(most));
        for kind in 0..3 {
            prop_assert_eq!(bounded.cumulative(kind)[0], whole.cumulative(kind)[0]);
        }
        for (index, node) in bounded.nodes.iter().enumerate().skip(1) {
            prop_assert!(node.parent < index);
        }
        let calls = Calls::new(&whole, 0, |location| location.index() % 3 == 0);
        prop_assert_eq!(calls.root().cumulative, whole.cumulative(0)[0]);
        for call in &calls.all {
            let below: u64 = call.callees.iter().map(|callee| calls.all[*callee].cumulative.bytes).sum();
            prop_assert_eq!(call.cumulative.bytes, below + call.own.bytes);
        }
    }
}
