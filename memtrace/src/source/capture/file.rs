//! The capture as a file: its header, where its blocks are, and their bytes. Must not know what the
//! bytes mean.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memtrace_wire::block::{Coding, HEAD, Head, SEGMENT};
use memtrace_wire::header::{Header, SIZE, Unreadable};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::error::Error;
use crate::source::capture::prefetch::Prefetch;

/// No block unpacks to more; a damaged head could say anything.
const MOST_UNPACKED: u32 = 1 << 30;

/// An open capture.
pub struct CaptureFile {
    /// Its first page.
    pub header: Header,
    /// The blocks of each stream in their order; those behind a missing one are left out.
    pub streams: BTreeMap<u32, Vec<Block>>,
    /// True when bytes are missing or are not what they should be.
    pub damaged: bool,
    file: Arc<File>,
    path: PathBuf,
    prefetch: Prefetch,
}

/// Where a block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its head.
    pub head: Head,
    /// The place of its bytes in the file.
    offset: u64,
}

impl CaptureFile {
    /// Opens a capture and finds its blocks.
    pub fn open(path: &Path) -> Result<CaptureFile, Error> {
        let read = |cause| Error::Read { path: path.to_owned(), cause };
        let file = File::open(path).map_err(read)?;
        let mut page = [0; SIZE];
        file.read_exact_at(&mut page, 0).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => Error::NoCapture { path: path.to_owned() },
            _ => read(cause),
        })?;
        let header = Header::decode(&page).map_err(|unreadable| match unreadable {
            Unreadable::NoCapture => Error::NoCapture { path: path.to_owned() },
            Unreadable::Version(version) => Error::Version { path: path.to_owned(), version },
        })?;
        let mut capture = CaptureFile {
            header,
            streams: BTreeMap::new(),
            damaged: false,
            file: Arc::new(file),
            path: path.to_owned(),
            prefetch: Prefetch::default(),
        };
        capture.find_blocks().map_err(read)?;
        Ok(capture)
    }

    fn find_blocks(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let mut found: BTreeMap<u32, Vec<Block>> = BTreeMap::new();
        let mut at = SIZE as u64;
        // While the program runs, `claimed` may be ahead of what is written; nothing lies beyond it.
        self.damaged = length < self.header.claimed;
        while at + HEAD as u64 <= length {
            let mut bytes = [0; HEAD];
            self.file.read_exact_at(&mut bytes, at)?;
            let Ok(mut head) = Head::decode(&bytes) else {
                // Claimed by a thread that was killed before it could begin; or no block at all.
                self.damaged |= bytes != [0; HEAD];
                at += SEGMENT;
                continue;
            };
            let offset = at + HEAD as u64;
            at = offset + u64::from(head.capacity);
            let there = u32::try_from(length - offset).unwrap_or(u32::MAX);
            if head.used > there {
                self.damaged = true;
                head.used = there;
            }
            found.entry(head.stream).or_default().push(Block { head, offset });
        }
        for (stream, mut blocks) in found {
            blocks.sort_by_key(|block| block.head.index);
            let in_order = blocks.iter().zip(0..).take_while(|(block, index)| block.head.index == *index);
            let kept = in_order.count();
            self.damaged |= kept < blocks.len();
            blocks.truncate(kept);
            self.streams.insert(stream, blocks);
        }
        Ok(())
    }

    /// From now on blocks are read before they are asked for, so many at once.
    pub fn read_ahead(&mut self, at_once: usize) {
        let mut blocks: Vec<Block> = self.streams.values().flatten().copied().collect();
        blocks.sort_by_key(|block| block.head.first_seq);
        self.prefetch = Prefetch::new(&self.file, blocks, at_once);
    }

    /// The bytes of a block, as far as they can be had.
    pub fn bytes(&mut self, block: &Block) -> Result<Vec<u8>, Error> {
        let unpacked = self.prefetch.take(block).unwrap_or_else(|| unpack(&self.file, block));
        let unpacked = unpacked.map_err(|cause| Error::Read { path: self.path.clone(), cause })?;
        self.damaged |= unpacked.is_none();
        Ok(unpacked.unwrap_or_default())
    }
}

/// The bytes of a block; none where they are not what its head says.
pub type Unpacked = Option<Vec<u8>>;

/// Reads a block.
pub fn unpack(file: &File, block: &Block) -> io::Result<Unpacked> {
    let mut stored = vec![0; block.head.used as usize];
    file.read_exact_at(&mut stored, block.offset)?;
    let Coding::Zstd { unpacked } = block.head.coding else { return Ok(Some(stored)) };
    Ok(zstd::bulk::decompress(&stored, unpacked.min(MOST_UNPACKED) as usize).ok())
}

/// Gives the bytes of a block back to the file system, but for its head.
pub fn free(path: &Path, block: &Block) -> io::Result<()> {
    const PAGE: u64 = 4096;
    let (begin, end) = (block.offset.next_multiple_of(PAGE), block.offset + u64::from(block.head.capacity));
    let file = OpenOptions::new().write(true).open(path)?;
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match fallocate(&file, hole, begin, end.saturating_sub(begin)) {
        // Not every file system can.
        Err(Errno::OPNOTSUPP) => Ok(()),
        freed => Ok(freed?),
    }
}
