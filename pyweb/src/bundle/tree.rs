//! All files of a bundle: gathered, written beside the place, moved there at once. Must not know pages.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::fs::FileError;
use rayon::prelude::*;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::{Value, json};

use super::compress::Compressor;
use super::site::is_read;
use crate::cli::Compress;
use crate::digest::sha256_file;
use crate::error::BundleError;
use crate::pwa;
use crate::runtime::pins::Package;

/// The list of a bundle's files, by which one is known.
pub const LOCK: &str = "pyweb.lock.json";

/// How the folder's name begins in which a bundle is made; a run that was killed leaves one.
pub const STAGING: &str = ".pyweb-bundle-";

/// What a file holds.
#[derive(Debug)]
pub enum Content {
    /// The same as another file.
    File(PathBuf),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// The files by path, with `/` between its parts.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, Content>,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written {
    /// Files, the compressed copies and the list not counted.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Their size with Brotli where a file has it.
    pub br_bytes: u64,
}

/// One file as the list has it.
struct Entry {
    path: String,
    sha256: String,
    bytes: u64,
    br_bytes: u64,
}

impl Tree {
    /// Adds a file; an error when another has its path.
    pub fn add(&mut self, path: &str, content: Content) -> Result<(), BundleError> {
        if path == LOCK || self.files.insert(path.to_owned(), content).is_some() {
            return Err(BundleError::Clash { path: path.to_owned() });
        }
        Ok(())
    }

    /// Adds a file, in the place of another if there is one.
    pub fn replace(&mut self, path: &str, content: Content) {
        self.files.insert(path.to_owned(), content);
    }

    /// The texts that are in it so far.
    pub fn texts(&self) -> impl Iterator<Item = Result<Vec<u8>, FileError>> {
        let read = |content: &Content| match content {
            Content::File(file) => std::fs::read(file).map_err(FileError::at("read", file)),
            Content::Bytes(bytes) => Ok(bytes.clone()),
        };
        self.files.iter().filter(|(path, _)| is_read(path)).map(move |(_, content)| read(content))
    }

    /// Writes everything into the folder `out`, which is empty, missing or an earlier bundle; with `pwa`, and a
    /// service worker that knows it all.
    pub fn write(
        &self,
        out: &Path,
        compress: Compress,
        pwa: bool,
        packages: &[&Package],
    ) -> Result<Written, BundleError> {
        let out =
            out.canonicalize().or_else(|_| std::path::absolute(out)).map_err(FileError::at("find", out))?;
        let parent = out.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(parent).map_err(FileError::at("create", parent))?;
        let staging = Staging::new(parent)?;
        let compressor = Compressor::new(compress)?;
        let root = staging.folder.path();
        let mut entries: Vec<Entry> = self
            .files
            .par_iter()
            .map(|(path, content)| write_file(root, path, content, &compressor))
            .collect::<Result<_, _>>()?;
        if pwa {
            if self.files.contains_key(pwa::SERVICE_WORKER) {
                return Err(BundleError::Clash { path: pwa::SERVICE_WORKER.into() });
            }
            let files = entries.iter().map(|entry| (entry.path.as_str(), entry.sha256.as_str()));
            let worker = Content::Bytes(pwa::service_worker(files).into_bytes());
            entries.push(write_file(root, pwa::SERVICE_WORKER, &worker, &compressor)?);
            entries.sort_by(|one, other| one.path.cmp(&other.path));
        }
        let lock = root.join(LOCK);
        let list = format!("{:#}\n", list(&entries, packages));
        std::fs::write(&lock, list).map_err(FileError::at("write", &lock))?;
        publish(staging, &out, parent)?;
        Ok(entries.iter().fold(Written::default(), |sum, entry| Written {
            files: sum.files + 1,
            bytes: sum.bytes + entry.bytes,
            br_bytes: sum.br_bytes + entry.br_bytes,
        }))
    }
}

fn write_file(
    root: &Path,
    path: &str,
    content: &Content,
    compressor: &Compressor,
) -> Result<Entry, BundleError> {
    let target = root.join(path);
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(FileError::at("create", folder))?;
    }
    // Not `fs::copy`: it would take the source's permissions along.
    let copied = File::create(&target).and_then(|mut new| match content {
        Content::File(source) => io::copy(&mut File::open(source)?, &mut new),
        Content::Bytes(bytes) => io::copy(&mut bytes.as_slice(), &mut new),
    });
    let bytes = copied.map_err(FileError::at("write", &target))?;
    let sha256 = sha256_file(&target).map_err(FileError::at("read", &target))?;
    let br_bytes = compressor.compress(&target, &sha256)?;
    Ok(Entry { path: path.to_owned(), sha256, bytes, br_bytes })
}

fn list(entries: &[Entry], packages: &[&Package]) -> Value {
    let packages: Vec<Value> = packages
        .iter()
        .map(|package| {
            json!({"name": package.name, "version": package.version, "integrity": package.integrity})
        })
        .collect();
    let file =
        |entry: &Entry| (entry.path.clone(), json!({"sha256": entry.sha256, "size_bytes": entry.bytes}));
    let files: serde_json::Map<String, Value> = entries.iter().map(file).collect();
    json!({"version": 1, "packages": packages, "files": files})
}

/// A folder on the same file system as the bundle's place, gone again unless it is moved away.
///
/// It is locked for as long as its process lives: one without an owner was left by a run that was killed.
struct Staging {
    folder: tempfile::TempDir,
    _lock: Option<File>,
}

impl Staging {
    fn new(parent: &Path) -> Result<Staging, BundleError> {
        // Until the new folder is locked, nobody else may take it for an abandoned one.
        let gate = File::open(parent).and_then(|folder| folder.lock().map(|()| folder)).ok();
        // Where folders cannot be locked, whose they are cannot be told.
        if gate.is_some() {
            sweep(parent);
        }
        let folder = tempfile::Builder::new()
            .prefix(STAGING)
            .permissions(Permissions::from_mode(0o777))
            .tempdir_in(parent)
            .map_err(FileError::at("create a folder in", parent))?;
        let lock = File::open(folder.path()).and_then(|own| own.lock().map(|()| own)).ok();
        Ok(Staging { folder, _lock: lock })
    }
}

/// Removes the folders in `parent` that killed runs left. What cannot be removed stays.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let named = entry.file_name().to_string_lossy().starts_with(STAGING);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if named && is_folder && File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Moves the new bundle into its place; an earlier one is there until that moment.
fn publish(staging: Staging, out: &Path, parent: &Path) -> Result<(), BundleError> {
    let new = staging.folder.path();
    let replaces = out.join(LOCK).is_file();
    if replaces && renameat_with(CWD, new, CWD, out, RenameFlags::EXCHANGE).is_ok() {
        // The earlier bundle is where the new one was, and goes with the staging folder.
        return Ok(());
    }
    if replaces {
        // The file system cannot exchange, and only over an empty folder can be renamed.
        let old = Staging::new(parent)?;
        std::fs::rename(out, old.folder.path()).map_err(FileError::at("move away", out))?;
        if let Err(error) = std::fs::rename(new, out) {
            let _ = std::fs::rename(old.folder.path(), out);
            return Err(FileError::at("create", out)(error).into());
        }
    } else {
        std::fs::rename(new, out).map_err(FileError::at("create", out))?;
    }
    // It has moved: there is nothing left to clean up.
    let _ = staging.folder.keep();
    Ok(())
}
