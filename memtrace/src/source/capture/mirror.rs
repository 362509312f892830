//! A capture as somebody elsewhere sees it while the program writes it: what has come since the last time, as pieces
//! of the file. Must not know how they travel.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memtrace_wire::block::{HEAD, Head, SEGMENT};
use memtrace_wire::header::{End, Header, SIZE};

use crate::error::Error;
use crate::source::capture::file::CaptureFile;

/// A capture, and how much of each block was handed over.
pub struct Mirror {
    file: File,
    handed_over: BTreeMap<u64, u32>,
}

/// Takes a piece of the file and where it begins.
pub type OnPiece<'a> = &'a mut dyn FnMut(u64, &[u8]) -> io::Result<()>;

impl Mirror {
    /// Nothing is handed over yet.
    pub fn open(path: &Path) -> Result<Mirror, Error> {
        // Refuses what is no capture.
        CaptureFile::open(path)?;
        let file = File::open(path).map_err(|cause| Error::Read { path: path.to_owned(), cause })?;
        Ok(Mirror { file, handed_over: BTreeMap::new() })
    }

    /// Hands over what is new, in an order in which it makes sense at every moment. True once the program has ended;
    /// then this was the rest.
    pub fn changes(&mut self, on_piece: OnPiece) -> io::Result<bool> {
        let mut page = [0; SIZE];
        self.file.read_exact_at(&mut page, 0)?;
        let header = Header::decode(&page).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        let gone = header.pid != 0 && !Path::new(&format!("/proc/{}", header.pid)).exists();
        // Asked before the rest is read: nothing comes after it.
        let end = header.end.or_else(|| gone.then_some(End::Killed(0)));
        self.blocks(on_piece)?;
        // Elsewhere the process would be sought in vain.
        let header = Header { end, pid: 0, ..header };
        on_piece(0, &header.encode())?;
        Ok(end.is_some())
    }

    fn blocks(&mut self, on_piece: OnPiece) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let mut at = SIZE as u64;
        while at + HEAD as u64 <= length {
            let mut bytes = [0; HEAD];
            self.file.read_exact_at(&mut bytes, at)?;
            // Claimed by a thread that has not begun it yet.
            let Ok(head) = Head::decode(&bytes) else {
                at += SEGMENT;
                continue;
            };
            let content = at + HEAD as u64;
            let before = self.handed_over.insert(at, head.used);
            if before != Some(head.used) {
                let from = before.unwrap_or(0).min(head.used);
                let mut new = vec![0; (head.used - from) as usize];
                self.file.read_exact_at(&mut new, content + u64::from(from))?;
                on_piece(content + u64::from(from), &new)?;
                on_piece(at, &bytes)?;
            }
            at = content + u64::from(head.capacity);
        }
        Ok(())
    }
}
