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

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::collections::BTreeMap;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    /// An archive in which each entry has the name as given, however bad, and its own name as content.
    fn archive(folder: &Path, names: &[&str]) -> Result<std::path::PathBuf, Box<dyn std::error::Error>> {
        let path = folder.join("a.tgz");
        let mut tar = tar::Builder::new(GzEncoder::new(File::create(&path)?, Compression::fast()));
        for name in names {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(name.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            tar.append(&header, name.as_bytes())?;
        }
        tar.into_inner()?.finish()?;
        Ok(path)
    }

    fn package(archive: &Path, files: &[&str]) -> io::Result<Package> {
        Ok(Package {
            name: "a".into(),
            version: "1".into(),
            integrity: integrity(archive)?,
            files: files.iter().map(|path| ((*path).to_owned(), String::new())).collect::<BTreeMap<_, _>>(),
        })
    }

    #[test]
    fn only_pinned_files_are_written() -> Tested {
        let folder = tempfile::tempdir()?;
        let names =
            ["package/a.js", "package/../../out.js", "/package/abs.js", "package/extra.js", "package/d/b.js"];
        let archive = archive(folder.path(), &names)?;
        let into = folder.path().join("in/to");
        std::fs::create_dir_all(&into)?;
        unpack(&archive, &package(&archive, &["a.js", "d/b.js"])?, &into)?;
        assert_eq!(std::fs::read_to_string(into.join("d/b.js"))?, "package/d/b.js");
        assert_eq!(std::fs::read_dir(&into)?.count(), 2);
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 2, "the archive and the folder");
        Ok(())
    }

    #[test]
    fn another_archive_is_refused_unread() -> Tested {
        let folder = tempfile::tempdir()?;
        let archive = archive(folder.path(), &["package/a.js"])?;
        let pinned = Package { integrity: "sha512-other".into(), ..package(&archive, &["a.js"])? };
        let refused = unpack(&archive, &pinned, folder.path());
        assert!(matches!(refused, Err(RuntimeError::WrongArchive { .. })));
        assert!(!folder.path().join("a.js").exists());
        Ok(())
    }
}
