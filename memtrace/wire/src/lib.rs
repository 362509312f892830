//! The capture format, shared by the library that writes captures and the binary that reads them.
//!
//! A capture is one [`header`] of a page, then blocks. A block belongs to a *stream*: stream 0 holds the
//! [`code`] objects that stacks refer to, every other one the [`entry`] sequence of one thread at a time. An aggregated
//! capture has one stream only, of [`tables`].
//! While the program runs, blocks are [`block::SEGMENT`]-sized pieces of the file that its threads write
//! through shared memory, so that what was written outlives any death of the program; afterwards
//! `memtrace run` packs them. Both forms are read alike.
//!
//! Everything is little-endian. Decoding never panics, whatever the bytes. Must not know Python, the
//! system or any file: it turns values into bytes and back.

pub mod allocator;
pub mod block;
pub mod code;
pub mod entry;
pub mod header;
pub mod tables;
mod varint;

pub use allocator::Allocator;

/// The bytes are not what the format says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bytes that are no capture entry")
    }
}

impl std::error::Error for Malformed {}
