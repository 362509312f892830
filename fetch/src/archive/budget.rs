//! How much may come out of an archive, how far its reading is, and whether to go on.
//! Must not know what an archive is.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::ArchiveError;

/// So much may come out of any archive.
const FLOOR: u64 = 1 << 30;
/// And so many times its own size. Text and sparse arrays stay below; what was made to fill disks does not.
const RATIO: u64 = 250;

/// Hears of bytes of the archive that were read, and says whether to go on.
pub type Watch<'a> = &'a (dyn Fn(u64) -> bool + Sync);

/// How much may come out of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// 1 GiB, or 250 times its size when that is more.
    #[default]
    Sane,
    /// So many bytes.
    Bytes(u64),
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Limit, String> {
        bytes(text).map(Limit::Bytes)
    }
}

/// Reads a number of bytes: `500`, `10G`, also `10GB` and `10GiB`, by 1024 each.
pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        unit => return Err(format!("{unit:?} is none of K M G T")),
    };
    let number: u64 = digits.parse().map_err(|_| "not a number of bytes such as 20G".to_owned())?;
    number.checked_shl(shift).filter(|bytes| bytes >> shift == number).ok_or("too big".into())
}

/// What the unpacking of one archive may use up; shared by its threads.
pub struct Budget<'a> {
    limit: u64,
    used: AtomicU64,
    stopped: AtomicBool,
    watch: Watch<'a>,
}

impl<'a> Budget<'a> {
    /// The budget for an archive of `archive_bytes` bytes.
    pub fn new(limit: Limit, archive_bytes: u64, watch: Watch<'a>) -> Budget<'a> {
        let limit = match limit {
            Limit::Sane => archive_bytes.saturating_mul(RATIO).max(FLOOR),
            Limit::Bytes(bytes) => bytes,
        };
        Budget { limit, used: AtomicU64::new(0), stopped: AtomicBool::new(false), watch }
    }

    /// Takes note of bytes that came out.
    pub fn spend(&self, bytes: u64) -> Result<(), ArchiveError> {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used > self.limit { Err(ArchiveError::TooLarge { limit: self.limit }) } else { Ok(()) }
    }

    /// Whether so many bytes may come out at all.
    pub fn allows(&self, bytes: u64) -> Result<(), ArchiveError> {
        if bytes > self.limit { Err(ArchiveError::TooLarge { limit: self.limit }) } else { Ok(()) }
    }

    /// Takes note of bytes of the archive that were read; an error when the run is to stop.
    pub fn advance(&self, bytes: u64) -> io::Result<()> {
        if (self.watch)(bytes) {
            return Ok(());
        }
        self.stopped.store(true, Ordering::Relaxed);
        Err(io::Error::other("stopped"))
    }

    /// Why reading failed, when that was not the archive's fault.
    pub fn verdict(&self) -> Option<ArchiveError> {
        self.stopped.load(Ordering::Relaxed).then_some(ArchiveError::Stopped)
    }
}

/// Reads an archive from its start, whoever else reads the same open file.
pub struct Watched<'a> {
    file: &'a File,
    at: u64,
    budget: &'a Budget<'a>,
}

impl<'a> Watched<'a> {
    /// From the first byte on.
    pub fn new(file: &'a File, budget: &'a Budget<'a>) -> Watched<'a> {
        Watched { file, at: 0, budget }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.at)?;
        self.at += read as u64;
        self.budget.advance(read as u64)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        for (text, bytes) in [("0", 0), ("512", 512), ("20G", 20 << 30), ("3mib", 3 << 20), ("1k", 1024)] {
            assert_eq!(text.parse(), Ok(Limit::Bytes(bytes)), "{text}");
        }
        for text in ["", "G", "1.5G", "-1", "20X", "99999999999T", "18446744073709551616"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_archive_may_grow_only_so_much() {
        let go_on = |_| true;
        assert!(Budget::new(Limit::Sane, 10, &go_on).spend(FLOOR).is_ok());
        assert!(Budget::new(Limit::Sane, 10, &go_on).spend(FLOOR + 1).is_err());
        assert!(Budget::new(Limit::Sane, FLOOR, &go_on).spend(RATIO * FLOOR).is_ok());
        let small = Budget::new(Limit::Bytes(5), 10, &go_on);
        assert!(small.spend(5).is_ok() && small.spend(1).is_err());
    }
}
