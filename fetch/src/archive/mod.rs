//! Archives and compressed files: what comes out of them, into a folder and never out of it.
//! Must not know caches, requests or where an archive comes from.
//!
//! - [`kind`]: which of them a file is, by its content
//! - [`compress`], [`ahead`]: one compressed stream; decompressed in a thread of its own
//! - [`tar`], [`sparse`], [`zip`]: the members of an archive
//! - [`members`]: names of members that are paths below a folder; those that somebody wants
//! - [`target`]: the folder that is written into; nothing in an archive makes it write elsewhere
//! - [`staging`]: the folder where that happens, seen by others only once it is whole
//! - [`budget`]: how much may come out; how far it is; whether to go on

mod ahead;
mod budget;
mod compress;
mod error;
mod kind;
mod local;
mod members;
mod sparse;
mod staging;
mod tar;
mod target;
mod zip;

pub use budget::{Budget, Limit, Watch, bytes};
pub use error::ArchiveError;
pub use kind::Kind;
pub use local::{Unpacked, Wish, check_spares, unpack_local};
pub use members::{MemberPath, Selection};
pub use staging::{Staging, remove_stale};
pub use target::{Item, What, content, same_content, unchanged};

use std::collections::BTreeMap;
use std::fs::File;

use target::Target;

/// What lies in a folder after unpacking, by path.
pub type Items = BTreeMap<MemberPath, What>;

/// What to take out of an archive.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What it is.
    pub kind: Kind,
    /// Which members; all of them when empty.
    pub selection: &'a Selection,
    /// What the content of a compressed file is to be called.
    pub output: &'a MemberPath,
}

/// Unpacks `archive` into the empty folder of `staging`.
pub fn unpack(
    archive: &File,
    order: Order<'_>,
    staging: &Staging,
    budget: &Budget<'_>,
) -> Result<Items, ArchiveError> {
    let target = Target::open(staging.content())?;
    let unpacked = match order.kind {
        Kind::Unzip => zip::unpack(archive, order.selection, &target, budget),
        Kind::Untar => tar::unpack(archive, order.selection, &target, budget),
        Kind::Decompress => compress::unpack(archive, order.output, &target, budget),
    };
    // A reader that was told to stop fails in its own words.
    unpacked.map_err(|error| budget.verdict().unwrap_or(error))
}
