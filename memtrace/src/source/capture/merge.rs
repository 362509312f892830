//! Puts the events of all streams in one order, by their sequence numbers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::error::Error;
use crate::events::{Event, Symbols};
use crate::source::Flow;
use crate::source::capture::file::CaptureFile;
use crate::source::capture::stream::{Codes, Context, Stream};

/// Hands over all events; says whether some were lost because the file is damaged.
pub fn merge(
    file: &mut CaptureFile,
    codes: Codes,
    symbols: &mut Symbols,
    on_event: &mut dyn FnMut(Event, &Symbols) -> Flow,
) -> Result<bool, Error> {
    let mut streams: Vec<Stream> = std::mem::take(&mut file.streams).into_values().map(Stream::new).collect();
    let mut context = Context { file, codes, symbols, damaged: false };
    let due = |(index, stream): (usize, &mut Stream)| stream.due().map(|seq| Reverse((seq, index)));
    let mut queue: BinaryHeap<Reverse<(u64, usize)>> =
        streams.iter_mut().enumerate().filter_map(due).collect();
    while let Some(Reverse((_, index))) = queue.pop() {
        let others = queue.peek().map_or(u64::MAX, |Reverse((seq, _))| *seq);
        let stream = &mut streams[index];
        // One thread mostly has many events in a row: the queue is asked only when another's turn comes.
        if stream.run(others, &mut context, on_event)?.is_break() {
            break;
        }
        queue.extend(stream.due().map(|seq| Reverse((seq, index))));
    }
    Ok(context.damaged)
}
