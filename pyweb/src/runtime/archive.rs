//! An npm archive (`.tgz`) unpacked, file by pinned file. Must not know where the archive came from.
//!
//! Only files that the lock file lists are written, under the names it gives them, so that no entry can
//! leave the folder.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use common::fs::FileError;
use flate2::read::GzDecoder;

use super::pins::Package;
use crate::digest::integrity;
use crate::error::RuntimeError;

/// More than any pinned package unpacks to; a bound on what a false archive can make us read.
const MOST_UNPACKED_BYTES: u64 = 256 << 20;

/// Unpacks the pinned files of `package` from `archive` into `folder`, once the archive's digest is right.
pub fn unpack(archive: &Path, package: &Package, folder: &Path) -> Result<(), RuntimeError> {
    let got = integrity(archive).map_err(FileError::at("read", archive))?;
    if got != package.integrity {
        return Err(RuntimeError::WrongArchive {
            package: package.folder(),
            from: archive.display().to_string(),
            expected: package.integrity.clone(),
            got,
        });
    }
    extract(archive, package, folder).map_err(FileError::at("unpack", archive))?;
    Ok(())
}

fn extract(archive: &Path, package: &Package, folder: &Path) -> io::Result<()> {
    let unpacked = GzDecoder::new(BufReader::new(File::open(archive)?)).take(MOST_UNPACKED_BYTES);
    for entry in tar::Archive::new(unpacked).entries()? {
        let mut entry = entry?;
        // npm puts everything into one folder, whose name is up to whoever packed it.
        let name: std::path::PathBuf = entry.path()?.components().skip(1).collect();
        let Some((path, _)) = name.to_str().and_then(|name| package.files.get_key_value(name)) else {
            continue;
        };
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        io::copy(&mut entry, &mut File::create(&target)?)?;
    }
    Ok(())
}
