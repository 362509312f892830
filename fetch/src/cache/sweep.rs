//! Removes what killed runs have left in a cache folder and nobody will go on with. Must not know the network.
//!
//! Nothing that a living process holds is touched: whoever writes a file here has locked it. What cannot be removed
//! stays for the next sweep, and is no error.

use std::fs::{DirEntry, File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use common::fs::{PART_PREFIX, PART_SUFFIX};

use super::partial::Partial;
use super::place::{CONTROL, PARTIALS, UNPACKING};
use crate::archive::Staging;

/// A partial that nobody has gone on with for so long is given up.
pub const PARTIAL_AGE: Duration = Duration::from_hours(7 * 24);
/// A `.snakepipe-*.part` this old belongs to no living process, even where locks do not work.
const PART_AGE: Duration = Duration::from_hours(24);
/// All folders are looked through once in this time.
const PERIOD: Duration = Duration::from_hours(24);

/// Sweeps the cache folder `root`.
pub fn sweep(root: &Path) {
    let control = root.join(CONTROL);
    partials(&control.join(PARTIALS));
    super::usage::forget_dead(&control);
    for entry in entries(&control.join(UNPACKING)) {
        let _ = Staging::sweep(&entry.path());
    }
    let marker = control.join("swept");
    if marker.metadata().map_or(true, |marker| age(&marker) >= PERIOD) {
        parts(root);
        // Not written where it cannot be: the next run sweeps again.
        let _ = std::fs::write(marker, "");
    }
}

/// Gives up partials that are old or that nothing tells how to go on with.
fn partials(folder: &Path) {
    for entry in entries(folder) {
        // Notes without a partial are dealt with as an empty partial.
        let path = entry.path().with_extension("");
        let Ok(Some(partial)) = Partial::try_acquire(&path) else { continue };
        if partial.file().metadata().is_ok_and(|state| age(&state) >= PARTIAL_AGE) {
            let _ = partial.discard();
        }
    }
}

/// Removes `.snakepipe-*.part` below a folder; links are not followed.
fn parts(folder: &Path) {
    for entry in entries(folder) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Ok(state) = entry.metadata() else { continue };
        if state.is_dir() {
            parts(&entry.path());
        } else if name.starts_with(PART_PREFIX) && name.ends_with(PART_SUFFIX) && age(&state) >= PART_AGE {
            remove_unheld(&entry.path());
        }
    }
}

fn remove_unheld(path: &PathBuf) {
    if let Ok(file) = File::open(path)
        && file.try_lock().is_ok()
    {
        let _ = std::fs::remove_file(path);
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> {
    std::fs::read_dir(folder).into_iter().flatten().flatten()
}

/// How far from now a file was written. One from the future was written before the clock was set back: who knows
/// when, so that the distance must do.
fn age(state: &Metadata) -> Duration {
    let now = SystemTime::now();
    let written = state.modified().unwrap_or(now);
    now.duration_since(written).unwrap_or_else(|error| error.duration())
}
