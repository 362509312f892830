//! Packs a capture once the program has ended: each block by Zstandard, without the room that was not used and without
//! what nobody asks for.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use common::Failure;
use common::fs::{AtomicFile, FileError};
use memtrace_wire::block::{CODES, Coding, HEAD, Head};
use memtrace_wire::code::{Definition, Lines};
use memtrace_wire::header::{End, Header, SIZE};
use zstd::bulk::Compressor;

use crate::source::capture::file::CaptureFile;
use crate::source::capture::lines::{self, Form};

/// Zstandard's own scale; a program that has ended should not wait for its capture.
pub const LEVEL: i32 = 1;

/// What is known of a program once it has ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending {
    /// How it ended, if that is known.
    pub end: Option<End>,
    /// Microseconds since 1970 when it ended.
    pub ended_us: u64,
    /// See [`Header::peak_resident`].
    pub peak_resident: u64,
}

impl Ending {
    /// The header of the capture of a program that has ended so.
    pub fn put_into(self, header: &Header) -> Header {
        let Ending { end, ended_us, peak_resident } = self;
        // Where it went on as another program, or without being recorded, its end is not the end of this capture.
        let own = header.end.filter(|end| matches!(end, End::Replaced | End::Stopped));
        let end = own.or(end).or(header.end);
        Header { end, ended_us, peak_resident, ..header.clone() }
    }
}

/// Writes the capture at `path` anew, packed, with how the program ended; returns its header.
///
/// Until the packed file is whole the unpacked one stays, which can be read as well.
pub fn pack(path: &Path, ending: Ending) -> Result<Header, Failure> {
    let mut file = CaptureFile::open(path)?;
    let mut packed = AtomicFile::create(path)?;
    let mut header = ending.put_into(&file.header);
    header.claimed = SIZE as u64;
    let mut write = |bytes: &[u8]| packed.write_all(bytes).map_err(FileError::at("write", path));
    write(&[0; SIZE])?;
    let mut compressor = Compressor::new(LEVEL).map_err(FileError::at("pack", path))?;
    for (stream, blocks) in std::mem::take(&mut file.streams) {
        for block in blocks {
            let mut bytes = file.bytes(&block)?;
            if stream == CODES && Form::of(header.python) == Form::Locations {
                bytes = without_columns(&bytes);
            }
            let unpacked = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let stored = compressor.compress(&bytes).map_err(FileError::at("pack", path))?;
            let used = u32::try_from(stored.len()).unwrap_or(u32::MAX);
            let Head { index, first_seq, .. } = block.head;
            let coding = Coding::Zstd { unpacked };
            write(&Head { stream, index, coding, capacity: used, used, first_seq }.encode())?;
            write(&stored)?;
            header.claimed += (HEAD + stored.len()) as u64;
        }
    }
    packed.file().write_all_at(&header.encode(), 0).map_err(FileError::at("write", path))?;
    packed.commit()?;
    Ok(header)
}

/// The definitions of a block with line tables that have no columns, which nobody asks for and which take more room
/// than all else that is said of code. What cannot be read stays as it is.
fn without_columns(definitions: &[u8]) -> Vec<u8> {
    let (mut rest, mut slim) = (0, Vec::new());
    let mut at = 0;
    while let Ok(Some(mut definition)) = Definition::decode(definitions, &mut at) {
        if let Definition::Code(_, code) = &mut definition
            && code.lines == Lines::Own
            && let Some(ranges) = lines::without_columns(&code.line_table, code.first_line)
        {
            (code.line_table, code.lines) = (ranges, Lines::Ranges);
        }
        definition.encode(&mut slim);
        rest = at;
    }
    slim.extend_from_slice(&definitions[rest..]);
    slim
}

/// Writes how the program ended into a capture that could not be packed.
pub fn end_in_place(path: &Path, ending: Ending) -> Result<Header, Failure> {
    let header = ending.put_into(&CaptureFile::open(path)?.header);
    let file = OpenOptions::new().write(true).open(path).map_err(FileError::at("open", path))?;
    file.write_all_at(&header.encode(), 0).map_err(FileError::at("write", path))?;
    Ok(header)
}
