//! Where a worker writes its stacks before it is ended: a file in memory, which goes when this process does.
//! Must not know why it is ended.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

/// One worker's.
#[derive(Debug)]
pub struct Stacks {
    file: OwnedFd,
}

impl Stacks {
    /// Empty.
    pub fn new() -> io::Result<Stacks> {
        Ok(Stacks { file: memfd_create("stacks", MemfdFlags::CLOEXEC)? })
    }

    /// The name under which another process of this user finds it.
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()).into()
    }

    /// What was written, behind an empty line; empty when nothing was.
    pub fn text(&self) -> String {
        let text = std::fs::read_to_string(self.path()).unwrap_or_default();
        if text.trim().is_empty() { String::new() } else { format!("\n\n{}", text.trim_end()) }
    }
}
