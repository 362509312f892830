//! Puts the events of all streams of a process in one order, by their sequence numbers, and those of all
//! processes of a run, by the clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use crate::error::Error;
use crate::events::{Event, Symbols};
use crate::source::OnEvents;
use crate::source::capture::file::CaptureFile;
use crate::source::capture::mixed::MixedStacks;
use crate::source::capture::stream::{Codes, Context, Stream};
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

/// Events that are handed over together: few enough to stay in a processor's cache.
const BATCH: usize = 4096;

/// How far reading got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// To the end.
    Done,
    /// To a sample that is too late, or to a full batch.
    Paused,
}

/// Hands over all events of the processes of a run, the first of which is the one that began it; says of
/// which some were lost because the file is damaged.
pub fn merge(
    files: Vec<CaptureFile>,
    symbols: &mut Symbols,
    on_events: OnEvents,
) -> Result<Vec<bool>, Error> {
    let began = files.first().map_or(0, |file| file.header.monotonic_us);
    let mut processes = Vec::new();
    // As many blocks are under way as rayon's threads are at work on while as many are being taken.
    let at_once = (2 * rayon::current_num_threads()).div_ceil(files.len().max(1));
    for mut file in files {
        let codes = Codes::read(&mut file)?;
        file.read_ahead(at_once);
        processes.push(Process::new(file, codes, began));
    }
    let due = |(index, process): (usize, &Process)| Reverse((process.now, index));
    let mut queue: BinaryHeap<Reverse<(u64, usize)>> = processes.iter().enumerate().map(due).collect();
    let single = processes.len() == 1;
    let mut resident = 0_u64;
    let mut symbolizer = Symbolizer::default();
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(Reverse((_, index))) = queue.pop() {
        let others = queue.peek().map_or(u64::MAX, |Reverse((now, _))| *now);
        let process = &mut processes[index];
        let step = process.run(others, symbols, &mut symbolizer, &mut batch)?;
        if !single {
            process.place(index, &mut batch, &mut resident);
        }
        if step == Step::Paused {
            queue.push(Reverse((process.now, index)));
        } else if !queue.is_empty() {
            resident = resident.saturating_sub(std::mem::take(&mut process.resident));
            batch.push(Event::Ended { process: u16::try_from(index).unwrap_or(u16::MAX) });
        }
        if on_events(&mut batch, symbols).is_break() {
            break;
        }
        batch.clear();
    }
    Ok(processes.iter().map(|process| process.damaged || process.file.damaged).collect())
}

impl Process {
    fn new(mut file: CaptureFile, codes: Codes, run_began_us: u64) -> Process {
        let header = &file.header;
        let stream = |blocks| Stream::new(blocks, MixedStacks::of(header));
        let mut streams: Vec<Stream> = std::mem::take(&mut file.streams).into_values().map(stream).collect();
        let due = |(index, stream): (usize, &mut Stream)| stream.due().map(|seq| Reverse((seq, index)));
        let queue = streams.iter_mut().enumerate().filter_map(due).collect();
        let began = file.header.monotonic_us.saturating_sub(run_began_us) / 1000;
        Process { file, codes, streams, queue, began, now: began, resident: 0, damaged: false }
    }

    /// Appends its next events to an empty batch: no more than up to the first sample of the clock that is later than
    /// `until`, nor than up to a new name of a thread, after which others are to be called so.
    fn run(
        &mut self,
        until: u64,
        symbols: &mut Symbols,
        symbolizer: &mut Symbolizer,
        batch: &mut Vec<Event>,
    ) -> Result<Step, Error> {
        let until = until.saturating_sub(self.began);
        let (file, codes) = (&mut self.file, &mut self.codes);
        let mut context = Context { file, codes, symbols, symbolizer, damaged: false };
        let mut step = Step::Done;
        while let Some(Reverse((_, index))) = self.queue.pop() {
            let others = self.queue.peek().map_or(u64::MAX, |Reverse((seq, _))| *seq);
            let stream = &mut self.streams[index];
            // One thread mostly has many events in a row: the queue is asked only when another's turn comes.
            let ran = stream.run(others, &mut context, |_, event| {
                batch.push(event);
                match event {
                    Event::Sampled { ms, .. } if ms > until => ControlFlow::Break(Step::Paused),
                    Event::ThreadNamed { .. } => ControlFlow::Break(Step::Paused),
                    _ if batch.len() >= BATCH => ControlFlow::Break(Step::Paused),
                    _ => ControlFlow::Continue(()),
                }
            })?;
            self.queue.extend(stream.due().map(|seq| Reverse((seq, index))));
            if let ControlFlow::Break(enough) = ran {
                step = enough;
                break;
            }
        }
        self.damaged |= context.damaged;
        Ok(step)
    }

    /// Gives events their place among those of other processes: addresses, clock and resident memory are the run's.
    fn place(&mut self, index: usize, batch: &mut [Event], resident: &mut u64) {
        let tag = (index as u64) << PROCESS_SHIFT;
        for event in batch {
            match event {
                Event::Allocated { address, .. }
                | Event::Freed { address }
                | Event::Unmapped { address, .. } => {
                    *address |= tag;
                }
                Event::Sampled { ms, resident: sampled } => {
                    self.now = self.began.saturating_add(*ms);
                    *resident = resident.saturating_sub(self.resident).saturating_add(*sampled);
                    self.resident = *sampled;
                    (*ms, *sampled) = (self.now, *resident);
                }
                Event::ThreadNamed { .. } | Event::Ended { .. } => {}
            }
        }
    }
}
