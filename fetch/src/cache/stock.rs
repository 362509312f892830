//! All that lies in a cache folder: how much it is, whether it is right, what of it can go. Must not know what is shown
//! of it, nor why a file was got.
//!
//! Only what fetch put there is ever removed. A file that the index does not know is fetch's in the shared cache alone;
//! elsewhere it is somebody's own. A file goes while its place is held, so that nobody makes it at the same moment, and
//! its line in the index goes with it.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use common::fs::FileError;
use rayon::prelude::*;
use rustix::fs::OFlags;
use schemars::JsonSchema;
use serde::Serialize;

use super::index::{Entry, Stamp};
use super::partial::Partial;
use super::place::{Layout, PARTIALS};
use super::sweep::PARTIAL_AGE;
use super::usage::{Removing, last_use};
use super::{Cache, state};
use crate::error::Error;
use crate::hash::{Algorithm, Digest, Hasher};
use crate::registry::{Selection, walk};

/// A file that the index does not know may be about to be entered until it is this old.
const NEW: Duration = Duration::from_hours(24);

/// Something in a cache folder.
#[derive(Clone, Debug)]
pub struct Stock {
    /// What it is.
    pub kind: Kind,
    /// Where it lies, relative to the cache folder.
    pub relative: String,
    /// The whole path.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The size in bytes of what was unpacked of it, which goes with it.
    pub unpacked_bytes: u64,
    /// When it, or what was unpacked of it, was last used.
    pub last_use: SystemTime,
    /// Its state when it was found.
    pub stamp: Stamp,
}

impl Stock {
    /// How many bytes go with it.
    pub fn bytes(&self) -> u64 {
        self.size_bytes + self.unpacked_bytes
    }
}

/// What something in a cache folder is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A file that was verified.
    File(Entry),
    /// A file in the shared cache that the index does not know: what a killed run left, or an older index knew.
    Unknown,
    /// The beginning of a file.
    Partial,
}

/// Why something stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Another process uses it, or may.
    InUse,
    /// It is no longer what was found.
    Changed,
}

/// Why something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody can use it.
    Orphan,
    /// It was not used for long.
    TooOld,
    /// There was too much, and this was not used for longest.
    TooMuch,
    /// It is not what it was when it was verified.
    Wrong,
    /// Somebody asked for that.
    Asked,
}

/// How much may stay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// No more bytes than this; what was not used for longest goes first.
    pub bytes: Option<u64>,
    /// Nothing whose last use is longer ago.
    pub age: Option<Duration>,
}

/// A file, verified again.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The file.
    pub stock: Stock,
    /// What the index knows of it.
    pub entry: Entry,
    /// The sha256 that it has.
    pub got: Digest,
}

impl Verified {
    /// Whether it is as it was when it was entered.
    pub fn is_right(&self) -> bool {
        self.entry.has(&self.got) == Some(true)
    }
}

impl Cache {
    /// Everything in it, sorted by path: files of the index that are there, unknown files, partials.
    pub fn stock(&self) -> Result<Vec<Stock>, Error> {
        let entries: Vec<Entry> = self.index().entries();
        let known: HashSet<String> = entries.iter().map(|entry| entry.path.clone()).collect();
        let file = |entry: Entry| self.one(Kind::File(entry.clone()), entry.path);
        let mut stock: Vec<Stock> = entries.into_iter().filter_map(file).collect();
        let mut unpacked = self.unpacked();
        for one in &mut stock {
            if let Some(unpacked) = unpacked.get(&one.relative) {
                one.unpacked_bytes = unpacked.size_bytes;
                one.last_use = unpacked.last_use.map_or(one.last_use, |used| used.max(one.last_use));
            }
        }
        if self.layout == Layout::Shared && self.root.is_dir() {
            // What was unpacked of an archive that is gone is unknown, too.
            unpacked.retain(|archive, _| known.contains(archive));
            let spared = unpacked.into_values().flat_map(|unpacked| unpacked.paths).collect();
            let found = walk(&self.root, &Selection { spared, ..Selection::default() })?.into_iter();
            let unknown = found.filter(|found| !known.contains(&found.name));
            stock.extend(unknown.filter_map(|found| self.one(Kind::Unknown, found.name)));
        }
        let partials = std::fs::read_dir(self.control().join(PARTIALS)).into_iter().flatten().flatten();
        let partials = partials.filter_map(|entry| entry.file_name().into_string().ok());
        let partials = partials.filter(|name| !name.contains('.'));
        stock.extend(
            partials
                .filter_map(|name| self.one(Kind::Partial, format!("{}/{PARTIALS}/{name}", super::CONTROL))),
        );
        stock.sort_by(|a, b| a.relative.cmp(&b.relative));
        Ok(stock)
    }

    fn one(&self, kind: Kind, relative: String) -> Option<Stock> {
        let path = self.root.join(&relative);
        let state = state(&path)?;
        Some(Stock {
            kind,
            relative,
            size_bytes: state.size(),
            unpacked_bytes: 0,
            last_use: last_use(&state),
            path,
            stamp: Stamp::from(&state),
        })
    }

    /// Hashes all files of the index again; sorted by path.
    pub fn verify(&self) -> Result<Vec<Verified>, Error> {
        let known = |stock: Stock| match stock.kind.clone() {
            Kind::File(entry) => Some((stock, entry)),
            Kind::Unknown | Kind::Partial => None,
        };
        let files: Vec<(Stock, Entry)> = self.stock()?.into_iter().filter_map(known).collect();
        let verify = |(stock, entry)| self.verify_one(stock, entry).transpose();
        Ok(files.into_par_iter().filter_map(verify).collect::<Result<_, FileError>>()?)
    }

    /// Nothing for a file that was removed meanwhile; one that was replaced meanwhile is looked at once more.
    fn verify_one(&self, stock: Stock, entry: Entry) -> Result<Option<Verified>, FileError> {
        let Some(got) = hash(&stock.path)? else { return Ok(None) };
        let verified = Verified { stock, entry, got };
        if verified.is_right() {
            return Ok(Some(verified));
        }
        let Verified { stock, entry, got } = verified;
        self.refresh()?;
        let now = self.index().get(&entry.path);
        match now {
            None => Ok(None),
            Some(now) if now == entry => Ok(Some(Verified { stock, entry, got })),
            Some(now) => {
                let Some(stock) = self.one(Kind::File(now.clone()), now.path.clone()) else {
                    return Ok(None);
                };
                let got = hash(&stock.path)?;
                Ok(got.map(|got| Verified { stock, entry: now, got }))
            }
        }
    }

    /// Gets the right to remove files.
    pub fn removing(&self) -> Result<Removing, FileError> {
        Removing::begin(&self.control())
    }

    /// Removes something, unless another process uses it; with `right`, also unless a living run may count on it.
    pub fn remove(&self, stock: &Stock, right: Option<&Removing>) -> Result<Option<Kept>, FileError> {
        let failed = |error| FileError::at("remove", &stock.path)(error);
        if matches!(stock.kind, Kind::Partial) {
            let Some(partial) = Partial::try_acquire(&stock.path)? else { return Ok(Some(Kept::InUse)) };
            partial.discard().map_err(failed)?;
            return Ok(None);
        }
        let Some(_place) = Partial::try_acquire(&self.partial_path(&stock.relative))? else {
            return Ok(Some(Kept::InUse));
        };
        // Gone already: what is left of it is its line.
        if let Some(now) = state(&stock.path) {
            if Stamp::from(&now) != stock.stamp {
                return Ok(Some(Kept::Changed));
            }
            if right.is_some_and(|right| right.is_used(last_use(&now).max(stock.last_use))) {
                return Ok(Some(Kept::InUse));
            }
            let file = File::open(&stock.path).map_err(failed)?;
            if let Err(TryLockError::WouldBlock) = file.try_lock() {
                return Ok(Some(Kept::InUse));
            }
            if !self.remove_unpacked(&stock.relative)? {
                return Ok(Some(Kept::InUse));
            }
            std::fs::remove_file(&stock.path).map_err(failed)?;
        } else if !self.remove_unpacked(&stock.relative)? {
            return Ok(Some(Kept::InUse));
        }
        if self.layout == Layout::Shared
            && let Some(folder) = stock.path.parent().filter(|folder| *folder != self.root)
        {
            // The folder of one digest or URL; it stays while it holds anything.
            let _ = std::fs::remove_dir(folder);
        }
        if matches!(stock.kind, Kind::File(_)) {
            self.index().forget(std::slice::from_ref(&stock.relative))?;
        }
        Ok(None)
    }
}

/// What goes, and why: all that nobody can use, and what is beyond the limits. Pure.
pub fn beyond(stock: &[Stock], limits: Limits, now: SystemTime) -> Vec<(&Stock, Reason)> {
    let age = |one: &Stock| now.duration_since(one.last_use).unwrap_or_default();
    let orphan = |one: &Stock| match one.kind {
        Kind::File(_) => false,
        Kind::Unknown => age(one) >= NEW,
        Kind::Partial => age(one) >= PARTIAL_AGE,
    };
    let reason = |one: &Stock| {
        if orphan(one) {
            return Some(Reason::Orphan);
        }
        limits.age.is_some_and(|limit| age(one) > limit).then_some(Reason::TooOld)
    };
    let mut gone: Vec<(&Stock, Reason)> = Vec::new();
    let mut stays: Vec<&Stock> = Vec::new();
    for one in stock {
        match reason(one) {
            Some(reason) => gone.push((one, reason)),
            None => stays.push(one),
        }
    }
    stays.sort_by_key(|one| one.last_use);
    let mut bytes: u64 = stays.iter().map(|one| one.bytes()).sum();
    for one in stays {
        if limits.bytes.is_none_or(|limit| bytes <= limit) {
            break;
        }
        // A new file that is unknown is on its way into the index.
        if !matches!(one.kind, Kind::Unknown) {
            bytes -= one.bytes();
            gone.push((one, Reason::TooMuch));
        }
    }
    gone
}

/// The sha256 of a file; nothing when it is gone. Its access time, which tells its last use, stays as it is.
fn hash(path: &Path) -> Result<Option<Digest>, FileError> {
    let open = |flags: OFlags| {
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    };
    // Only the owner may leave the access time alone.
    let opened = open(OFlags::NOATIME).or_else(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => open(OFlags::empty()),
        _ => Err(error),
    });
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(FileError::at("read", path))?,
    };
    let (mut digests, _) =
        Hasher::new([Algorithm::Sha256]).read(file).map_err(FileError::at("read", path))?;
    Ok(digests.pop())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn stock(number: usize, size_bytes: u64, hours: u64) -> Stock {
        let kind = match number % 3 {
            0 => Kind::Unknown,
            1 => Kind::Partial,
            _ => Kind::File(Entry {
                path: String::new(),
                stamp: Stamp { size_bytes, mtime_ns: 0, inode: 0 },
                boot: None,
                url: String::new(),
                who: None,
                digests: vec![],
                etag: None,
                last_modified: None,
            }),
        };
        let (last_use, stamp) =
            (NOW + Duration::from_hours(1000 - hours), Stamp { size_bytes, mtime_ns: 0, inode: 0 });
        Stock {
            kind,
            relative: number.to_string(),
            path: PathBuf::new(),
            size_bytes,
            unpacked_bytes: 0,
            last_use,
            stamp,
        }
    }

    proptest! {
        #[test]
        fn what_stays_is_within_the_limits_and_newest(
            ones in proptest::collection::vec((0..100_u64, 0..900_u64), 0..20),
            limit in proptest::option::of(0..600_u64),
            hours in proptest::option::of(0..900_u64),
        ) {
            let all: Vec<Stock> = ones.iter().enumerate().map(|(at, (size, age))| stock(at, *size, *age)).collect();
            let now = NOW + Duration::from_hours(1000);
            let limits = Limits { bytes: limit, age: hours.map(Duration::from_hours) };
            let gone = beyond(&all, limits, now);
            let went = |one: &Stock| gone.iter().any(|(other, _)| other.relative == one.relative);
            let stays: Vec<&Stock> = all.iter().filter(|one| !went(one)).collect();
            for one in &stays {
                if let Some(age) = limits.age {
                    prop_assert!(now.duration_since(one.last_use).unwrap_or_default() <= age);
                }
            }
            let removable = |one: &&&Stock| !matches!(one.kind, Kind::Unknown);
            if let Some(limit) = limit {
                let left: u64 = stays.iter().map(|one| one.size_bytes).sum();
                prop_assert!(left <= limit || stays.iter().filter(removable).count() == 0);
            }
            for (one, reason) in &gone {
                match reason {
                    Reason::TooMuch => prop_assert!(
                        stays.iter().filter(removable).all(|other| other.last_use >= one.last_use)
                    ),
                    Reason::TooOld => prop_assert!(hours.is_some()),
                    _ => prop_assert!(!matches!(one.kind, Kind::File(_))),
                }
            }
        }
    }
}
