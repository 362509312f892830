//! Files from elsewhere that go into the bundle: those that `fetch.file.finished` records name.
//! Must not get anything.

use std::io::{BufRead, BufReader, stdin};
use std::path::{Component, Path, PathBuf};

use common::fs::FileError;
use serde::Deserialize;

use crate::digest::sha256_file;
use crate::error::BundleError;

/// One file.
#[derive(Debug)]
pub struct Asset {
    /// Its path in the bundle.
    pub name: String,
    /// Where it is now.
    pub path: PathBuf,
}

/// The records that matter here.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Line {
    #[serde(rename = "fetch.run.started")]
    Started {},
    #[serde(rename = "fetch.file.finished")]
    Finished { name: String, path: PathBuf, digest: String },
    #[serde(rename = "fetch.file.failed")]
    Failed { name: String, message: String },
    #[serde(rename = "fetch.run.finished")]
    Ended {},
}

/// Reads the records of a file, or of standard input for `-`, and checks every file they name.
pub fn read(source: &PathBuf) -> Result<Vec<Asset>, BundleError> {
    if source == Path::new("-") {
        return assets(stdin().lock());
    }
    let file = std::fs::File::open(source).map_err(FileError::at("open", source))?;
    assets(BufReader::new(file))
}

fn assets(input: impl BufRead) -> Result<Vec<Asset>, BundleError> {
    let mut assets = Vec::new();
    let mut open = false;
    for line in common::reader::lines(input) {
        let line = line?;
        match line.decode() {
            Some(Line::Started {}) => open = true,
            Some(Line::Ended {}) => open = false,
            Some(Line::Failed { name, message }) => return Err(BundleError::AssetFailed { name, message }),
            Some(Line::Finished { name, path, digest }) => {
                check(&name, &path, &digest)?;
                assets.push(Asset { name, path });
            }
            None => {}
        }
    }
    if open { Err(BundleError::AssetsCutShort) } else { Ok(assets) }
}

fn check(name: &str, path: &Path, digest: &str) -> Result<(), BundleError> {
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !inside {
        return Err(BundleError::UnsafeAsset { name: name.to_owned() });
    }
    // The record is minutes old at most, but the file may be anybody's.
    if let Some(expected) = digest.strip_prefix("sha256:") {
        let got = sha256_file(path).map_err(FileError::at("read", path))?;
        if got != expected {
            return Err(BundleError::AssetChanged {
                name: name.to_owned(),
                expected: expected.to_owned(),
                got,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leaves_the_bundle_is_refused() {
        for name in ["../x", "/etc/x", "a/../../x", ""] {
            let line =
                format!(r#"{{"type":"fetch.file.finished","name":"{name}","path":"/dev/null","digest":""}}"#);
            assert!(matches!(assets(line.as_bytes()), Err(BundleError::UnsafeAsset { .. })), "{name}");
        }
    }

    #[test]
    fn records_that_stop_too_early_are_refused() {
        let cut = r#"{"type":"fetch.run.started","version":"1"}"#;
        assert!(matches!(assets(cut.as_bytes()), Err(BundleError::AssetsCutShort)));
    }
}
