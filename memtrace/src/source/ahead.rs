//! Reads events in a thread of their own, some batches ahead of who takes them. Must not know what is made of
//! them.

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crate::error::Error;
use crate::events::{Event, Symbols};
use crate::source::{self, Flow, Outline};

/// Events in a batch: few enough to stay in a processor's cache.
const BATCH: usize = 2048;
/// Batches between the two threads.
const AHEAD: usize = 8;

/// Hands over all events of `input` in their order, and then what their numbers stand for.
pub fn read_ahead(input: &Path, mut on_events: impl FnMut(&[Event])) -> Result<(Symbols, Outline), Error> {
    let (full, taken) = sync_channel::<Vec<Event>>(AHEAD);
    let (empty, emptied) = sync_channel::<Vec<Event>>(AHEAD);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut symbols = Symbols::default();
            let mut batch = Vec::with_capacity(BATCH);
            let outline = source::read(input, &mut symbols, &mut |events, _| {
                if batch.is_empty() {
                    std::mem::swap(&mut batch, events);
                } else {
                    batch.append(events);
                }
                if batch.len() < BATCH {
                    return Flow::Continue(());
                }
                let next = next_batch(&emptied);
                match full.send(std::mem::replace(&mut batch, next)) {
                    Ok(()) => Flow::Continue(()),
                    Err(_) => Flow::Break(()),
                }
            })?;
            // Nobody to take them means that the other thread panicked, and says so.
            let _ = full.send(batch);
            Ok((symbols, outline))
        });
        for mut batch in taken {
            on_events(&batch);
            batch.clear();
            // Full when the reader is done with it, or has enough.
            let _ = empty.try_send(batch);
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A batch that was used before, where there is one: memory that is in use already is the cheapest.
fn next_batch(emptied: &Receiver<Vec<Event>>) -> Vec<Event> {
    emptied.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH))
}
