//! Becomes an ordinary pytest process with the terminal, for its debugger.
//! Must not know when that is wanted.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::carried;
use crate::error::Error;

/// Replaces this process by Python running pytest with these arguments; returns only when that failed.
pub fn become_pytest(python: &Path, args: &[String]) -> Error {
    let entry = match carried::lay_out() {
        Ok(entry) => entry,
        Err(error) => return error.into(),
    };
    let cause = Command::new(python).arg(entry).arg("foreground").args(args).exec();
    Error::Python { python: python.to_owned(), cause }
}
