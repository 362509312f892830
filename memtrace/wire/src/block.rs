//! The head of a block, and how to go from one to the next.

use crate::Malformed;

/// The size of the pieces that threads claim while the program runs; a longer one is a multiple of it.
pub const SEGMENT: u64 = 256 << 10;
/// The size of a block's head.
pub const HEAD: usize = 40;
/// The stream of [`crate::code::Code`] definitions.
pub const CODES: u32 = 0;
/// The stream of [`crate::tables::Tables`], of which an aggregated capture has one.
pub const TABLES: u32 = u32::MAX;
/// Where in the head the number of used bytes lies, which grows as the block is written.
pub const USED_AT: usize = 20;

const MAGIC: u32 = u32::from_le_bytes(*b"blk1");

/// How a block's bytes are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As they are.
    Plain,
    /// A frame of Zstandard. On events it is as fast as LZ4, and takes half the room or less.
    Zstd {
        /// The length they unpack to.
        unpacked: u32,
    },
}

/// The head of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which stream it belongs to.
    pub stream: u32,
    /// Its place in that stream, from 0.
    pub index: u32,
    /// How its bytes are stored.
    pub coding: Coding,
    /// Bytes behind the head, to where the next block begins.
    pub capacity: u32,
    /// How many of them are written.
    pub used: u32,
    /// At most the sequence number of its first event.
    pub first_seq: u64,
}

impl Head {
    /// The head as bytes.
    pub fn encode(&self) -> [u8; HEAD] {
        let (coding, unpacked) = match self.coding {
            Coding::Plain => (0, 0),
            Coding::Zstd { unpacked } => (1, unpacked),
        };
        let words = [MAGIC, self.stream, self.index, coding, self.capacity, self.used, unpacked, 0];
        let mut out = [0; HEAD];
        for (place, word) in out.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        out[32..].copy_from_slice(&self.first_seq.to_le_bytes());
        out
    }

    /// The head that `bytes` hold.
    ///
    /// A segment that was claimed but not begun is all zeros: [`Malformed`], and the next one may be
    /// sought [`SEGMENT`] bytes on.
    pub fn decode(bytes: &[u8; HEAD]) -> Result<Head, Malformed> {
        let mut words = [0; HEAD / 4];
        for (word, place) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = u32::from_le_bytes([place[0], place[1], place[2], place[3]]);
        }
        let [magic, stream, index, coding, capacity, used, unpacked, _, low, high] = words;
        let coding = match coding {
            0 => Coding::Plain,
            1 => Coding::Zstd { unpacked },
            _ => return Err(Malformed),
        };
        if magic != MAGIC || used > capacity {
            return Err(Malformed);
        }
        let first_seq = u64::from(high) << 32 | u64::from(low);
        Ok(Head { stream, index, coding, capacity, used, first_seq })
    }
}
