//! `fetch get` seen from outside: the real binary against a real server on loopback.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod access;
mod adversary;
mod archives;
mod cache;
mod damage;
mod doi;
mod faults;
mod ftp;
mod json;
mod kills;
mod layout;
mod lock;
mod memory;
mod output;
mod places;
mod proxies;
mod python;
mod registries;
mod registry;
mod resume;
mod segments;
mod serve;
mod server;
mod servers;
mod sftp;
mod stores;
mod tidying;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use server::Server;

/// A test's own world: a server, a cache and a folder.
struct World {
    server: Server,
    folder: TempDir,
}

impl World {
    fn new() -> World {
        World { server: Server::new(), folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the test's folder.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn fetch(&self, args: &[&str]) -> Command {
        let mut command = Command::new(kit::binary("fetch"));
        command.args(args).current_dir(self.folder.path()).env("SNAKEPIPE_CACHE", self.path("cache"));
        // Nothing of the machine's own gets in between.
        command.env("NETRC", "/dev/null").env_remove("FETCH_PASSWORD").env_remove("SSL_CERT_FILE");
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.stdin(Stdio::null());
        command
    }

    /// Its records between the frame.
    #[track_caller]
    fn records(&self, args: &[&str], exit: i32) -> Vec<Value> {
        records_of(&mut self.fetch(args), exit)
    }

    /// The same with `input` on standard input.
    #[track_caller]
    fn records_of_input(&self, args: &[&str], input: &str, exit: i32) -> Vec<Value> {
        let input = std::fs::File::open(self.write("input.json", input)).unwrap();
        records_of(self.fetch(args).stdin(input), exit)
    }

    fn requests(&self) -> usize {
        self.server.seen().len()
    }
}

/// Runs `fetch` and gives its records between the frame, which must be whole and valid.
#[track_caller]
fn records_of(fetch: &mut Command, exit: i32) -> Vec<Value> {
    between(&kit::run(fetch).exits(exit).stdout)
}

/// The records between the frame of a run that wrote `stdout`.
#[track_caller]
fn between(stdout: &str) -> Vec<Value> {
    let mut records = kit::records("fetch", stdout);
    records.pop();
    records.remove(0);
    records
}

/// What a run must not leave in a cache folder: partials and half-written files, relative to it.
fn leftovers(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let unfinished = folder.ends_with("partial") || name.starts_with(".snakepipe-");
        if unfinished {
            found.push(name);
        } else if entry.path().is_dir() {
            found.extend(leftovers(&entry.path()).iter().map(|below| format!("{name}/{below}")));
        }
    }
    found
}

/// Bytes that never repeat, so that no part of them can stand in for another.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(step).take(length).collect()
}

/// The lines of an index after they were changed, each with its right checksum again.
fn resum(log: &str) -> String {
    let line = |line: &str| {
        let rest = &line["{'sum':'0123456789abcdef',".len()..];
        format!("{{\"sum\":\"{:016x}\",{rest}\n", xxhash_rust::xxh3::xxh3_64(rest.as_bytes()))
    };
    log.lines().map(line).collect()
}

/// `hashlib.sha256(b"hello\n").hexdigest()`
const HELLO: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

/// All files below `folder` but fetch's own, relative to it, sorted.
fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && name != ".fetch" {
            found.extend(files(&entry.path()).iter().map(|below| format!("{name}/{below}")));
        } else if name != ".fetch" {
            found.push(name);
        }
    }
    found.sort();
    found
}
