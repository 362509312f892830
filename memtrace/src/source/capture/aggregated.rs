//! Aggregated captures: a header and tables of sums. Must not know what the sums are of.

use std::io::Write;
use std::path::Path;

use common::Failure;
use common::fs::{AtomicFile, FileError};
use memtrace_wire::block::{Coding, HEAD, Head, TABLES};
use memtrace_wire::header::{Header, SIZE};
use memtrace_wire::tables::Tables;

use crate::error::Error;
use crate::source::Outline;
use crate::source::capture::file::CaptureFile;
use crate::source::capture::pack::LEVEL;
use crate::source::capture::{Ending, incomplete_because};

/// The tables of an aggregated capture; none where the file has the events themselves.
pub fn read_tables(path: &Path) -> Result<Option<(Tables, Outline)>, Error> {
    let mut file = CaptureFile::open(path)?;
    if !file.header.options.aggregate {
        return Ok(None);
    }
    let damaged = || Error::Damaged { path: path.to_owned() };
    let block = file.streams.get(&TABLES).and_then(|blocks| blocks.first()).copied().ok_or_else(damaged)?;
    let tables = Tables::decode(&file.bytes(&block)?).map_err(|_| damaged())?;
    let incomplete_because = incomplete_because(&file.header, file.damaged);
    Ok(Some((tables, Outline { command: file.header.command, incomplete_because })))
}

/// Puts an aggregated capture in the place of the one at `path`, if there is one: of a program that has ended, or
/// that is as far as `header` says.
pub fn write_tables(
    path: &Path,
    header: &Header,
    ending: Option<Ending>,
    tables: &Tables,
) -> Result<Header, Failure> {
    let bytes = tables.encode();
    let stored = zstd::bulk::compress(&bytes, LEVEL).map_err(FileError::at("pack", path))?;
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let (unpacked, used) = (length(&bytes), length(&stored));
    let head = Head {
        stream: TABLES,
        index: 0,
        coding: Coding::Zstd { unpacked },
        capacity: used,
        used,
        first_seq: 0,
    };
    let mut header = ending.map_or_else(|| header.clone(), |ending| ending.put_into(header));
    header.claimed = (SIZE + HEAD + stored.len()) as u64;
    let mut file = AtomicFile::create(path)?;
    for piece in [&header.encode()[..], &head.encode(), &stored] {
        file.write_all(piece).map_err(FileError::at("write", path))?;
    }
    file.commit()?;
    Ok(header)
}
