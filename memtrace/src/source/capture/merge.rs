//! Puts the events of all streams of a process in one order, by their sequence numbers, and those of all
//! processes of a run, by the clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::error::Error;
use crate::events::{Event, Symbols};
use crate::source::Flow;
use crate::source::capture::file::CaptureFile;
use crate::source::capture::mixed::MixedStacks;
use crate::source::capture::stream::{Codes, Context, Step, Stream};
use crate::source::symbolize::Symbolizer;

/// Addresses in programs have 47 bits; above them goes the number of the process, so that the same address
/// in two processes is two.
const PROCESS_SHIFT: u32 = 48;

/// A process of a run, read up to some sample of the clock.
struct Process {
    file: CaptureFile,
    codes: Codes,
    streams: Vec<Stream>,
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    /// When it began, in milliseconds of the whole run.
    began: u64,
    /// Up to when it is read, on the same clock.
    now: u64,
    /// Its resident set size at that time.
    resident: u64,
    damaged: bool,
}

/// Where events go.
pub type OnEvent<'a> = &'a mut dyn FnMut(Event, &Symbols) -> Flow;

/// Hands over all events of the processes of a run, the first of which is the one that began it; says of
/// which some were lost because the file is damaged.
pub fn merge(files: Vec<CaptureFile>, symbols: &mut Symbols, on_event: OnEvent) -> Result<Vec<bool>, Error> {
    let began = files.first().map_or(0, |file| file.header.monotonic_us);
    let mut processes = Vec::new();
    for file in files {
        processes.push(Process::new(file, began)?);
    }
    let due = |(index, process): (usize, &Process)| Reverse((process.now, index));
    let mut queue: BinaryHeap<Reverse<(u64, usize)>> = processes.iter().enumerate().map(due).collect();
    let single = processes.len() == 1;
    let mut resident = 0_u64;
    let mut symbolizer = Symbolizer::default();
    while let Some(Reverse((_, index))) = queue.pop() {
        let others = queue.peek().map_or(u64::MAX, |Reverse((now, _))| *now);
        let process = &mut processes[index];
        if single {
            if process.run(others, symbols, &mut symbolizer, on_event)? == Step::Stopped {
                break;
            }
            continue;
        }
        let tag = (index as u64) << PROCESS_SHIFT;
        let began = process.began;
        let mut now = process.now;
        let mut own = process.resident;
        let step = process.run(others, symbols, &mut symbolizer, &mut |event, symbols| {
            if let Event::Sampled { ms, resident: sampled } = event {
                now = began.saturating_add(ms);
                resident = resident.saturating_sub(own).saturating_add(sampled);
                own = sampled;
                return on_event(Event::Sampled { ms: now, resident }, symbols);
            }
            on_event(tagged(event, tag), symbols)
        })?;
        (process.now, process.resident) = (now, own);
        match step {
            Step::Stopped => break,
            Step::Paused => queue.push(Reverse((process.now, index))),
            Step::Done => {
                resident = resident.saturating_sub(std::mem::take(&mut process.resident));
                let process = u16::try_from(index).unwrap_or(u16::MAX);
                if !queue.is_empty() && on_event(Event::Ended { process }, symbols).is_break() {
                    break;
                }
            }
        }
    }
    Ok(processes.iter().map(|process| process.damaged || process.file.damaged).collect())
}

fn tagged(event: Event, tag: u64) -> Event {
    match event {
        Event::Allocated { address, size, allocator, thread, stack } => {
            Event::Allocated { address: address | tag, size, allocator, thread, stack }
        }
        Event::Freed { address } => Event::Freed { address: address | tag },
        Event::Unmapped { address, size } => Event::Unmapped { address: address | tag, size },
        other => other,
    }
}

impl Process {
    fn new(mut file: CaptureFile, run_began_us: u64) -> Result<Process, Error> {
        let codes = Codes::read(&mut file)?;
        let header = &file.header;
        let stream = |blocks| Stream::new(blocks, MixedStacks::of(header));
        let mut streams: Vec<Stream> = std::mem::take(&mut file.streams).into_values().map(stream).collect();
        let due = |(index, stream): (usize, &mut Stream)| stream.due().map(|seq| Reverse((seq, index)));
        let queue = streams.iter_mut().enumerate().filter_map(due).collect();
        let began = file.header.monotonic_us.saturating_sub(run_began_us) / 1000;
        Ok(Process { file, codes, streams, queue, began, now: began, resident: 0, damaged: false })
    }

    /// Hands over its events, up to the first sample of the clock that is later than `until`.
    fn run(
        &mut self,
        until: u64,
        symbols: &mut Symbols,
        symbolizer: &mut Symbolizer,
        on_event: OnEvent,
    ) -> Result<Step, Error> {
        let until = until.saturating_sub(self.began);
        let (file, codes) = (&mut self.file, &mut self.codes);
        let mut context = Context { file, codes, symbols, symbolizer, until, damaged: false };
        let mut step = Step::Done;
        while let Some(Reverse((_, index))) = self.queue.pop() {
            let others = self.queue.peek().map_or(u64::MAX, |Reverse((seq, _))| *seq);
            let stream = &mut self.streams[index];
            // One thread mostly has many events in a row: the queue is asked only when another's turn comes.
            step = stream.run(others, &mut context, on_event)?;
            self.queue.extend(stream.due().map(|seq| Reverse((seq, index))));
            if step != Step::Done {
                break;
            }
        }
        self.damaged |= context.damaged;
        Ok(step)
    }
}
