//! Members of zip archives, several at a time. Must not know what they are for.
//!
//! What counts is the list at the end of the archive, as for every reader that does not read from the front.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use jiff::civil;
use jiff::tz::TimeZone;
use rayon::prelude::*;
use zip::read::{ZipArchiveMetadata, ZipFile, ZipFileEntry};
use zip::result::ZipError;
use zip::{ExtraField, System, ZipArchive, ZipReadOptions};

use super::budget::Budget;
use super::target::{FileMeta, Item, Target, What, Writer};
use super::{ArchiveError, Items, MemberPath, Selection};

/// How much of an archive is read at a time.
const PIECE: usize = 128 * 1024;
/// No target of a link is longer than a path may be.
const LONGEST_LINK: u64 = 4096;
/// The bits of a mode that say what a file is: <https://man7.org/linux/man-pages/man7/inode.7.html>
const TYPE: u32 = 0o170_000;

/// What a member becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    File,
    Link,
    Folder,
}

/// Unpacks what is selected.
pub fn unpack(
    archive: &File,
    selection: &Selection,
    target: &Target,
    budget: &Budget<'_>,
) -> Result<Items, ArchiveError> {
    let size = archive.metadata().map_err(|error| ArchiveError::damaged(&error))?.len();
    let open = || BufReader::with_capacity(PIECE, Shared { archive, position: 0, size, budget });
    let listed = ZipArchive::new(open()).map_err(bad)?.metadata();
    let members = select(&listed, selection)?;
    let links: HashSet<&MemberPath> =
        members.iter().filter(|(_, (_, shape))| *shape == Shape::Link).map(|(path, _)| path).collect();
    let mut told: u64 = 0;
    for (path, (index, _)) in &members {
        // Several are written at a time, so a link would be there only sometimes.
        if path.folders().any(|folder| links.contains(&folder)) {
            return Err(ArchiveError::unsafe_member(path.as_bytes(), "it leads through a symbolic link"));
        }
        told = told.saturating_add(listed.entry(*index).map_err(bad)?.size());
    }
    budget.allows(told)?;
    let unpack = |(writer, reader): &mut (Writer<'_>, BufReader<Shared<'_>>), (path, (index, shape))| {
        let entry = listed.entry(index).map_err(bad)?;
        member(writer, reader, path, shape, entry, budget)
    };
    members.into_par_iter().map_init(|| (target.writer(), open()), unpack).collect()
}

/// The members wanted, by path, each with its place in the list; of several at one path the last.
fn select(
    listed: &ZipArchiveMetadata,
    selection: &Selection,
) -> Result<BTreeMap<MemberPath, (usize, Shape)>, ArchiveError> {
    let mut members = BTreeMap::new();
    let mut names = Vec::new();
    for index in 0..listed.len() {
        let entry = listed.entry(index).map_err(bad)?;
        let name = name(&entry)?;
        let path = match MemberPath::checked(name.as_bytes()) {
            Ok(Some(path)) => path,
            // The folder itself.
            Ok(None) => continue,
            Err(_) if !selection.is_all() => continue,
            Err(error) => return Err(error),
        };
        if !selection.is_all() {
            names.push(path.clone());
        }
        if selection.has(&path) {
            let shape = shape(&entry, &name)?;
            members.insert(path, (index, shape));
        }
    }
    selection.check_found(names.iter())?;
    Ok(members)
}

/// The name, with `/` also where a program of a system that has `\` in its place wrote that, against the format.
fn name(entry: &ZipFileEntry<'_>) -> Result<String, ArchiveError> {
    let name = entry.name().map_err(bad)?.into_owned();
    let other_system =
        matches!(entry.system(), System::Dos | System::Os2 | System::WindowsNTFS | System::VFAT);
    Ok(if other_system { name.replace('\\', "/") } else { name })
}

fn shape(entry: &ZipFileEntry<'_>, name: &str) -> Result<Shape, ArchiveError> {
    if name.ends_with('/') {
        return Ok(Shape::Folder);
    }
    match entry.unix_mode().map(|mode| mode & TYPE) {
        None | Some(0 | 0o100_000) => Ok(Shape::File),
        Some(0o120_000) => Ok(Shape::Link),
        Some(0o040_000) => Ok(Shape::Folder),
        Some(_) => Err(ArchiveError::unsupported(name.as_bytes(), "is a device or a pipe")),
    }
}

fn member(
    writer: &mut Writer<'_>,
    reader: &mut BufReader<Shared<'_>>,
    path: MemberPath,
    shape: Shape,
    entry: ZipFileEntry<'_>,
    budget: &Budget<'_>,
) -> Result<Item, ArchiveError> {
    if shape == Shape::Folder {
        writer.folder(&path)?;
        return Ok((path, What::Folder));
    }
    if entry.encrypted() {
        return Err(ArchiveError::unsupported(path.as_bytes(), "is encrypted"));
    }
    let file = entry.with_reader(reader, ZipReadOptions::new());
    let mut file = file.map_err(|error| unsupported(&path, error))?;
    let size = file.size();
    if shape == Shape::Link {
        let mut leads_to = Vec::new();
        let read = file.by_ref().take(LONGEST_LINK).read_to_end(&mut leads_to);
        read.map_err(|error| ArchiveError::damaged(&error))?;
        let what = writer.link(&path, &leads_to)?;
        return Ok((path, what));
    }
    let executable = file.unix_mode().is_some_and(|mode| mode & 0o100 != 0);
    let meta = FileMeta { executable, mtime: mtime(&file), sparse: false, size: Some(size) };
    // One byte more than told is enough to see that it is wrong.
    let what = writer.file(&path, &meta, &mut file.take(size.saturating_add(1)), budget)?;
    Ok((path, what))
}

/// When a member was written: by Unix's clock where the archive has it, else by that on its maker's wall.
fn mtime(file: &ZipFile<'_, impl Read>) -> Option<(i64, u32)> {
    let exact = file.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(times) => times.mod_time(),
        _ => None,
    });
    if let Some(seconds) = exact {
        return Some((seconds.into(), 0));
    }
    let wall = file.last_modified().filter(zip::DateTime::is_valid)?;
    let narrow = |number: u8| i8::try_from(number).ok();
    let time = civil::DateTime::new(
        wall.year().try_into().ok()?,
        narrow(wall.month())?,
        narrow(wall.day())?,
        narrow(wall.hour())?,
        narrow(wall.minute())?,
        narrow(wall.second())?,
        0,
    );
    let time = TimeZone::system().to_timestamp(time.ok()?).ok()?;
    Some((time.as_second(), 0))
}

fn bad(error: ZipError) -> ArchiveError {
    match error {
        ZipError::Io(error) => ArchiveError::damaged(&error),
        error => ArchiveError::Damaged(error.to_string()),
    }
}

fn unsupported(path: &MemberPath, error: ZipError) -> ArchiveError {
    match error {
        ZipError::UnsupportedArchive(why) => {
            ArchiveError::unsupported(path.as_bytes(), format!("has what is not known: {why}"))
        }
        ZipError::CompressionMethodNotSupported(method) => ArchiveError::unsupported(
            path.as_bytes(),
            format!("is compressed by method {method}, which is not known"),
        ),
        error => bad(error),
    }
}

/// Reads an open file at a place of its own, so that threads can share it.
#[derive(Clone)]
struct Shared<'a> {
    archive: &'a File,
    position: u64,
    size: u64,
    budget: &'a Budget<'a>,
}

impl Read for Shared<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.archive.read_at(bytes, self.position)?;
        self.position += read as u64;
        self.budget.advance(read as u64)?;
        Ok(read)
    }
}

impl Seek for Shared<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.position = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
