//! Events from records on standard input, of whatever allocator. Must not know what is made of them.

use std::io::BufRead;

use common::reader::{Line, lines};
use serde_json::Value;

use crate::error::Error;
use crate::events::{Event, Location, Record, StackId, Symbols};
use crate::source::{OnEvents, Outline};

const ALLOCATED: &str = "memtrace.allocation.recorded";
const FREED: &str = "memtrace.allocation.freed";
const NAMED: &str = "memtrace.thread.named";
const ENDED: &str = "memtrace.process.ended";
const SAMPLED: &str = "memtrace.memory.sampled";
const STARTED: &str = "memtrace.run.started";
const FINISHED: &str = "memtrace.run.finished";

/// Reads allocations and frees; records of other types are passed over.
pub fn read(input: impl BufRead, symbols: &mut Symbols, on_events: OnEvents) -> Result<Outline, Error> {
    // A stream that announces itself must also say that it ended; a bare list of events need not.
    let (mut started, mut finished) = (false, false);
    let mut events = Vec::new();
    for line in lines(input) {
        let line = line?;
        let kind = line.kind().unwrap_or_default().to_owned();
        match kind.as_str() {
            STARTED => started = true,
            FINISHED => finished = line.object.get("exit_code") == Some(&Value::from(0)),
            ALLOCATED | FREED | ENDED | NAMED | SAMPLED => {
                events.extend(event(line, kind, symbols)?);
                // Each by itself: whoever writes them may take his time.
                if on_events(&mut events, symbols).is_break() {
                    break;
                }
                events.clear();
            }
            _ => {}
        }
    }
    let cut = started && !finished;
    Ok(Outline {
        command: Vec::new(),
        incomplete_because: cut.then(|| "the records on standard input were cut short".into()),
    })
}

fn event(line: Line, kind: String, symbols: &mut Symbols) -> Result<Option<Event>, Error> {
    let number = line.number;
    let address = |text: &str| {
        let digits = text.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
        digits.ok_or_else(|| Error::Address { line: number, address: text.to_owned() })
    };
    let record = serde_json::from_value(Value::Object(line.object)).map_err(|cause| Error::Record {
        line: number,
        kind,
        cause,
    })?;
    Ok(match record {
        Record::AllocationRecorded { address: at, size_bytes: size, allocator, thread, stack } => {
            let stack = stack.into_iter().rev().fold(StackId::EMPTY, |caller, frame| {
                let (function, file, line) = (frame.function, frame.file, frame.line);
                let location = symbols.location(Location { function, file, line });
                symbols.stack(caller, location)
            });
            let allocator = symbols.allocator(&allocator);
            Some(Event::Allocated { address: address(&at)?, size, allocator, thread, stack })
        }
        Record::AllocationFreed { address: at, size_bytes: None } => {
            Some(Event::Freed { address: address(&at)? })
        }
        Record::AllocationFreed { address: at, size_bytes: Some(size) } => {
            Some(Event::Unmapped { address: address(&at)?, size })
        }
        Record::ProcessEnded { process } => Some(Event::Ended { process }),
        Record::ThreadNamed { thread, name } => {
            symbols.name_thread(thread, &name);
            Some(Event::ThreadNamed { thread })
        }
        Record::MemorySampled { elapsed_us, resident_bytes } => {
            Some(Event::Sampled { ms: elapsed_us / 1000, resident: resident_bytes })
        }
        _ => None,
    })
}
