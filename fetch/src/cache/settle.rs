//! Lets the index know published files, many at once, and sees to it that a crash of the machine makes no wrong byte
//! a hit. Must not know where files come from or how they are hashed.
//!
//! The invariant: **a line of the index counts only as long as the bytes that it vouches for cannot have been lost.**
//! A file is renamed into its place without waiting for the disk. When the machine crashes after that, the file may
//! be missing, empty or full of zeros under its name. Therefore
//!
//! - the line of a long file is written after its bytes were made durable, and counts for good;
//! - the line of a short file, which is hashed sooner than the disk can be waited for, is written at once and bears
//!   the name of the machine's boot. In another boot it does not count: the file is hashed once more, from the disk
//!   this time, so that it has survived; and gets a line that counts for good, or is got anew.
//!
//! The process that published a file trusts its stamp at once, as it does not outlive the crash. The file stays locked
//! until its line is written: whoever waits for it finds it in the index.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::panic::resume_unwind;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::{self, JoinHandle, ScopedJoinHandle};
use std::time::{Duration, Instant};

use common::fs::FileError;

use super::index::{Entry, Index};
use crate::queue::Queue;

/// So many files at most are settled together; each is held open until then.
const FILES: usize = 256;
/// A batch of so many bytes waits for no more files: what a killed run has to hash again stays little.
const BYTES: u64 = 64 * 1024 * 1024;
/// How long a batch waits for more files.
const GATHER: Duration = Duration::from_millis(200);
/// Up to this size in bytes a file is hashed sooner than the disk says that it has it.
const SHORT: u64 = 1024 * 1024;
/// So many files are waited for at a time: the disk takes them together, as far as it can.
const SYNCS: usize = 8;

/// A verified file in its place.
#[derive(Debug)]
pub struct Published {
    /// The open file.
    pub file: Arc<File>,
    /// What the index is to know of it.
    pub entry: Entry,
    /// Whether its bytes are known to be on the disk.
    pub durable: bool,
}

/// The name of the machine's boot, a random one that the kernel takes at every start; empty when it tells none.
pub fn boot() -> &'static str {
    static BOOT: LazyLock<String> = LazyLock::new(|| {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        id.map(|id| id.trim().to_owned()).unwrap_or_default()
    });
    &BOOT
}

/// Whether the machine has started anew since a line was written that does not count for good.
pub fn outlived(entry: &Entry) -> bool {
    entry.boot.as_deref().is_some_and(|written| written != boot())
}

/// The thread that does it.
#[derive(Debug)]
pub struct Settler {
    queue: Arc<Queue<Published>>,
    thread: JoinHandle<Result<(), FileError>>,
}

impl Settler {
    /// Begins to enter files into `index`, whose folder lies in the cache folder.
    pub fn start(index: Arc<Mutex<Index>>) -> Settler {
        let queue = Arc::new(Queue::new(FILES));
        let published = Arc::clone(&queue);
        Settler { queue, thread: thread::spawn(move || settle(&published, &index)) }
    }

    /// Hands a file over; waits when the disk cannot keep up.
    pub fn add(&self, published: Published) {
        // A short one waits for others, or for `GATHER`.
        if published.entry.stamp.size_bytes > SHORT {
            self.queue.push(published);
        } else {
            self.queue.push_quietly(published);
        }
    }

    /// Waits until all files are in the index.
    pub fn finish(self) -> Result<(), FileError> {
        self.queue.close();
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Settles batch after batch to the end, and gives the first error.
fn settle(published: &Queue<Published>, index: &Mutex<Index>) -> Result<(), FileError> {
    // Should it panic, nobody waits for room any more.
    let _closing = published.closing();
    let mut result = Ok(());
    while let Some(first) = published.pop() {
        let batch = gather(first, published);
        let settled = commit(batch, index);
        result = result.and(settled);
    }
    result
}

/// The files that come soon after the first.
fn gather(first: Published, published: &Queue<Published>) -> Vec<Published> {
    let until = Instant::now() + GATHER;
    let mut bytes = first.entry.stamp.size_bytes;
    let mut batch = vec![first];
    let mut taken = VecDeque::new();
    while batch.len() < FILES && bytes < BYTES {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || !published.take(&mut taken, left) {
            break;
        }
        bytes += taken.iter().map(|one| one.entry.stamp.size_bytes).sum::<u64>();
        batch.extend(taken.drain(..));
    }
    batch
}

/// Enters a batch into the index, long files once they are durable; a file for which that fails is left out.
fn commit(batch: Vec<Published>, index: &Mutex<Index>) -> Result<(), FileError> {
    let waits = |one: &Published| !one.durable && (one.entry.stamp.size_bytes > SHORT || boot().is_empty());
    let (long, others): (Vec<_>, Vec<_>) = batch.into_iter().partition(waits);
    let synced = sync(&long);
    let mut entries: Vec<Entry> = others
        .iter()
        .map(|one| Entry { boot: (!one.durable).then(|| boot().to_owned()), ..one.entry.clone() })
        .collect();
    let mut failed = Ok(());
    for (published, synced) in long.iter().zip(synced) {
        match synced {
            Ok(()) => entries.push(published.entry.clone()),
            Err(error) => {
                let at = FileError::at("make durable", published.entry.path.as_ref());
                failed = failed.and(Err(at(error)));
            }
        }
    }
    let entered = index.lock().unwrap_or_else(PoisonError::into_inner).add(&entries);
    failed.and(entered)
}

/// Makes files durable, some at a time.
fn sync(files: &[Published]) -> Vec<io::Result<()>> {
    let share = files.len().div_ceil(SYNCS).max(1);
    thread::scope(|scope| {
        let sync = |files: &[Published]| files.iter().map(|one| one.file.sync_data()).collect::<Vec<_>>();
        let running: Vec<_> = files.chunks(share).map(|files| scope.spawn(move || sync(files))).collect();
        let join =
            |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        running.into_iter().flat_map(join).collect()
    })
}
