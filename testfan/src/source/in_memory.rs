//! Files in memory that other processes of this user find by name, and that go when this process does: where
//! a worker writes its stacks before it is ended, and where workers lock the ports that they bind.
//! Must not know why a worker is ended, nor who waits.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

/// One file.
#[derive(Debug)]
pub struct InMemory {
    file: OwnedFd,
}

impl InMemory {
    /// Empty.
    pub fn new() -> io::Result<InMemory> {
        Ok(InMemory { file: memfd_create("testfan", MemfdFlags::CLOEXEC)? })
    }

    /// The name under which another process of this user finds it.
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()).into()
    }

    /// The stacks that were written, behind an empty line; empty when none were.
    pub fn text(&self) -> String {
        let text = std::fs::read_to_string(self.path()).unwrap_or_default();
        if text.trim().is_empty() { String::new() } else { format!("\n\n{}", text.trim_end()) }
    }
}
