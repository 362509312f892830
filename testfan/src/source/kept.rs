//! Where testfan keeps what it remembers of a folder's runs: the cache folder, one file a folder and kind.
//! Must not know what is in the files.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use common::fs::cache_dir;

/// The file of one kind, such as `durations`, for the suite or the runs in `folder`; none without a home folder.
pub fn path(kind: &str, folder: &str, extension: &str) -> Option<PathBuf> {
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    Some(cache_dir("testfan").ok()?.join(kind).join(format!("{:016x}.{extension}", hasher.finish())))
}
