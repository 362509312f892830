//! Makes published files durable, many at once, and only then lets the index on disk know them.
//! Must not know where files come from or how they are hashed.
//!
//! The invariant: **no line of the index is written before the bytes that it vouches for are durable.** A file is
//! renamed into its place without waiting for the disk. When the machine crashes after that, the file may be missing,
//! empty or full of zeros under its name; but no line has its stamp, so the next run hashes it, and gets it anew.
//! The process that published it may trust its stamp at once, as it does not outlive the crash.
//!
//! A file stays locked until its line is written: whoever waits for it finds it in the index.

use std::fs::File;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::fs::FileError;

use super::index::{Entry, Index};

/// So many files at most are made durable together; each is held open until then.
const FILES: usize = 256;
/// A batch of so many bytes waits for no more files: what a killed run has to hash again stays little.
const BYTES: u64 = 64 * 1024 * 1024;
/// How long a batch waits for more files.
const GATHER: Duration = Duration::from_millis(200);
/// So many files are waited for at a time: the disk takes them together, as far as it can.
const SYNCS: usize = 8;

/// A verified file in its place.
#[derive(Debug)]
pub struct Published {
    /// The open file.
    pub file: File,
    /// What the index is to know of it.
    pub entry: Entry,
}

/// The thread that makes files durable.
#[derive(Debug)]
pub struct Settler {
    sender: SyncSender<Published>,
    thread: JoinHandle<Result<(), FileError>>,
}

impl Settler {
    /// Begins to enter files into `index`, whose folder lies in the cache folder.
    pub fn start(index: Arc<Mutex<Index>>) -> Settler {
        let (sender, receiver) = mpsc::sync_channel(FILES);
        Settler { sender, thread: thread::spawn(move || settle(&receiver, &index)) }
    }

    /// Hands a file over; waits when the disk cannot keep up.
    pub fn add(&self, published: Published) {
        // The thread ends before its sender only by a panic, which `finish` passes on.
        let _ = self.sender.send(published);
    }

    /// Waits until all files are durable and in the index.
    pub fn finish(self) -> Result<(), FileError> {
        drop(self.sender);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Settles batch after batch to the end, and gives the first error.
fn settle(published: &Receiver<Published>, index: &Mutex<Index>) -> Result<(), FileError> {
    let mut result = Ok(());
    while let Ok(first) = published.recv() {
        let batch = gather(first, published);
        let settled = commit(&batch, index);
        result = result.and(settled);
    }
    result
}

/// The files that come soon after the first.
fn gather(first: Published, published: &Receiver<Published>) -> Vec<Published> {
    let until = Instant::now() + GATHER;
    let mut bytes = first.entry.stamp.size_bytes;
    let mut batch = vec![first];
    while batch.len() < FILES && bytes < BYTES {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(next) = published.recv_timeout(left) else { break };
        bytes += next.entry.stamp.size_bytes;
        batch.push(next);
    }
    batch
}

/// Makes a batch durable, and enters it into the index.
fn commit(batch: &[Published], index: &Mutex<Index>) -> Result<(), FileError> {
    let share = batch.len().div_ceil(SYNCS);
    let synced: Vec<_> = thread::scope(|scope| {
        let sync = |files: &'_ [Published]| files.iter().map(|one| one.file.sync_data()).collect::<Vec<_>>();
        let running: Vec<_> = batch.chunks(share).map(|files| scope.spawn(move || sync(files))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        running.into_iter().flat_map(join).collect()
    });
    let mut failed = Ok(());
    let mut durable = Vec::with_capacity(batch.len());
    for (published, synced) in batch.iter().zip(synced) {
        match synced {
            Ok(()) => durable.push(published.entry.clone()),
            Err(error) if failed.is_ok() => {
                failed = Err(FileError::at("make durable", published.entry.path.as_ref())(error));
            }
            Err(_) => {}
        }
    }
    let entered = index.lock().unwrap_or_else(PoisonError::into_inner).add(durable);
    failed.and(entered)
}
