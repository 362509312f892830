//! Events and answers as records.

use crate::events::{At, Event, Frame, Location, Record, StackId, Symbols};
use crate::reduce::Measure;
use crate::reduce::locations::Line;
use crate::reduce::sites::Site;
use crate::render::words;

/// One line of code.
pub fn location(line: &Line, at: At, symbols: &Symbols) -> Record {
    let Location { function, file, line: number } = words(line.location, symbols);
    Record::LocationMeasured {
        function,
        file,
        line: number,
        bytes: line.own.bytes,
        allocations: line.own.allocations,
        cumulative_bytes: line.cumulative.bytes,
        at,
    }
}

/// One event.
pub fn event(event: &Event, symbols: &Symbols) -> Record {
    match *event {
        Event::Allocated { address, size, allocator, thread, stack } => Record::AllocationRecorded {
            address: hexadecimal(address),
            size_bytes: size,
            allocator: symbols.allocator_name(allocator.index()).to_owned(),
            thread,
            stack: frames(stack, symbols),
        },
        Event::Freed { address } => {
            Record::AllocationFreed { address: hexadecimal(address), size_bytes: None }
        }
        Event::Unmapped { address, size } => {
            Record::AllocationFreed { address: hexadecimal(address), size_bytes: Some(size) }
        }
        Event::Ended { process } => Record::ProcessEnded { process },
        Event::ThreadNamed { thread } => {
            Record::ThreadNamed { thread, name: symbols.thread_name(thread).unwrap_or_default().to_owned() }
        }
        Event::Sampled { ms, resident } => {
            Record::MemorySampled { elapsed_us: ms.saturating_mul(1000), resident_bytes: resident }
        }
    }
}

/// What one site had.
pub fn site(site: &Site, measure: Measure, at: At, symbols: &Symbols) -> Record {
    Record::StackMeasured {
        bytes: measure.bytes,
        allocations: measure.allocations,
        allocator: symbols.allocator_name(site.allocator.index()).to_owned(),
        thread: site.thread,
        thread_name: symbols.thread_name(site.thread).map(str::to_owned),
        stack: frames(site.stack, symbols),
        at,
    }
}

/// A stack as records have it.
pub fn frames(stack: StackId, symbols: &Symbols) -> Vec<Frame> {
    let frame = |frame| {
        let Location { function, file, line } = symbols.resolve(frame).clone();
        Frame { function, file, line }
    };
    symbols.frames(stack).map(frame).collect()
}

fn hexadecimal(address: u64) -> String {
    format!("{address:#x}")
}
