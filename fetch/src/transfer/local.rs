//! `file:` URLs. Must not know the network.

use std::fs::File;
use std::io;
use std::path::Path;

use common::fs::FileError;

use super::{Body, Validators};
use crate::error::Problem;

/// Opens a file of this machine.
pub fn open(path: &Path) -> Result<Body, Problem> {
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound => Problem::NoLocalFile(path.to_owned()),
        _ => FileError::at("read", path)(cause).into(),
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    let size = metadata.is_file().then_some(metadata.len());
    Ok(Body::new(file, 0, size, Validators::default()))
}
