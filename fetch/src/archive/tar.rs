//! Members of tar archives, from a stream that is read once. Must not know how it is compressed.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};

use tar::{Archive, Entry, EntryType};

use super::budget::Budget;
use super::compress::read_content;
use super::kind::{has_tar_header, is_empty_tar};
use super::sparse::Sparse;
use super::target::{FileMeta, Target, What, Writer};
use super::{ArchiveError, Items, MemberPath, Selection};

/// So many bytes may the headers of one member have: names and attributes, which are held in memory.
const HEADERS: u64 = 1 << 20;

/// Unpacks what is selected.
///
/// An archive that ends behind a member, without the blocks of zeros that should follow, is taken, as tar does.
pub fn unpack(
    archive: &File,
    selection: &Selection,
    target: &Target,
    budget: &Budget<'_>,
) -> Result<Items, ArchiveError> {
    read_content(archive, budget, |_, content| {
        let mut head = Vec::new();
        let read = (&mut *content).take(512).read_to_end(&mut head);
        read.map_err(|error| ArchiveError::damaged(&error))?;
        if !has_tar_header(&head) && !is_empty_tar(&head) {
            return Err(ArchiveError::OtherKind("a tar archive"));
        }
        let left = Cell::new(HEADERS);
        let mut archive = Archive::new(Guarded { content: head.chain(content), left: &left });
        let mut unpacking =
            Unpacking { selection, writer: target.writer(), budget, items: Items::new(), names: Vec::new() };
        for entry in archive.entries().map_err(|error| ArchiveError::damaged(&error))? {
            let mut entry = entry.map_err(|error| ArchiveError::damaged(&error))?;
            left.set(u64::MAX);
            unpacking.member(&mut entry)?;
            drain(&mut entry, budget)?;
            left.set(HEADERS);
        }
        left.set(u64::MAX);
        // What follows is padding; but the checksum of a compressed stream is at its very end.
        drain(&mut archive.into_inner(), budget)?;
        selection.check_found(unpacking.names.iter())?;
        Ok(unpacking.items)
    })
}

/// One archive under way.
struct Unpacking<'a> {
    selection: &'a Selection,
    writer: Writer<'a>,
    budget: &'a Budget<'a>,
    items: Items,
    /// All members, when only some are wanted.
    names: Vec<MemberPath>,
}

impl Unpacking<'_> {
    fn member(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        let kind = entry.header().entry_type();
        // Attributes for members to come, and the label of a volume.
        if kind.is_pax_global_extensions() || kind.as_byte() == b'V' {
            return Ok(());
        }
        let attributes = Attributes::of(entry)?;
        let name = attributes.sparse.as_ref().and_then(|sparse| sparse.name.clone());
        let name = name.unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = match MemberPath::checked(&name) {
            Ok(Some(path)) => path,
            // The folder itself.
            Ok(None) => return Ok(()),
            Err(_) if !self.selection.is_all() => return Ok(()),
            Err(error) => return Err(error),
        };
        if !self.selection.is_all() {
            self.names.push(path.clone());
        }
        if !self.selection.has(&path) {
            return Ok(());
        }
        let what = match kind {
            // So were folders written before there was a type for them.
            EntryType::Regular if name.ends_with(b"/") => self.folder(&path)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(&path, entry, attributes)?
            }
            EntryType::Directory => self.folder(&path)?,
            EntryType::Symlink => self.writer.link(&path, &link_name(entry))?,
            EntryType::Link => match self.hard_link(&path, entry)? {
                Some(what) => what,
                None => return Ok(()),
            },
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                return Err(ArchiveError::unsupported(path.as_bytes(), "is a device or a pipe"));
            }
            other => {
                let why = format!("is of the unknown type {:?}", char::from(other.as_byte()));
                return Err(ArchiveError::unsupported(path.as_bytes(), why));
            }
        };
        self.items.insert(path, what);
        Ok(())
    }

    fn folder(&mut self, path: &MemberPath) -> Result<What, ArchiveError> {
        self.writer.folder(path)?;
        Ok(What::Folder)
    }

    fn file(
        &mut self,
        path: &MemberPath,
        entry: &mut Entry<'_, impl Read>,
        attributes: Attributes,
    ) -> Result<What, ArchiveError> {
        let header = entry.header();
        let executable = header.mode().is_ok_and(|mode| mode & 0o100 != 0);
        // A time that cannot be read is no reason to do without the file.
        let seconds = header.mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
        let mtime = attributes.mtime.or_else(|| Some((seconds?, 0)));
        let sparse = attributes.sparse.is_some() || header.entry_type() == EntryType::GNUSparse;
        let meta = FileMeta { executable, mtime, sparse, size: Some(entry.size()) };
        let Some(sparse) = attributes.sparse else {
            return self.writer.file(path, &meta, entry, self.budget);
        };
        let mut content = sparse.open(entry).map_err(|error| ArchiveError::damaged(&error))?;
        let meta = FileMeta { size: Some(content.size()), ..meta };
        self.writer.file(path, &meta, &mut content, self.budget)
    }

    fn hard_link(
        &mut self,
        path: &MemberPath,
        entry: &Entry<'_, impl Read>,
    ) -> Result<Option<What>, ArchiveError> {
        let name = link_name(entry);
        let source = MemberPath::parse(&name).map_err(|_| {
            ArchiveError::unsafe_member(path.as_bytes(), "its hard link leads out of the folder")
        })?;
        let Some(source) = source else {
            return Err(ArchiveError::unsupported(path.as_bytes(), "is a hard link to a folder"));
        };
        if source == *path {
            return Ok(None);
        }
        match self.items.get(&source).cloned() {
            Some(What::File { stamp, xxh3 }) => {
                self.writer.hard_link(path, &source)?;
                Ok(Some(What::File { stamp, xxh3 }))
            }
            // Another name of a link may lie at another depth, so where it leads is checked anew.
            Some(What::Link(leads_to)) => self.writer.link(path, &leads_to).map(Some),
            Some(What::Folder) => {
                Err(ArchiveError::unsupported(path.as_bytes(), "is a hard link to a folder"))
            }
            None => {
                let why =
                    format!("is a hard link to {:?}, which is not before it or is not taken", source.text());
                Err(ArchiveError::unsupported(path.as_bytes(), why))
            }
        }
    }
}

/// Where a link leads; nowhere when the archive does not say it, which is refused with all else that cannot be.
fn link_name(entry: &Entry<'_, impl Read>) -> Vec<u8> {
    entry.link_name_bytes().unwrap_or_default().into_owned()
}

/// What the extended header of a member says besides what the library reads of it.
#[derive(Default)]
struct Attributes {
    mtime: Option<(i64, u32)>,
    sparse: Option<Sparse>,
}

impl Attributes {
    fn of(entry: &mut Entry<'_, impl Read>) -> Result<Attributes, ArchiveError> {
        let mut attributes = Attributes::default();
        let extensions = entry.pax_extensions().map_err(|error| ArchiveError::damaged(&error))?;
        for extension in extensions.into_iter().flatten() {
            let extension = extension.map_err(|error| ArchiveError::damaged(&error))?;
            let (key, value) = (extension.key_bytes(), extension.value_bytes());
            if key == b"mtime" {
                attributes.mtime = seconds(value);
            } else if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                attributes.sparse.get_or_insert_default().note(key, value);
            }
        }
        Ok(attributes)
    }
}

/// Seconds since 1970 as pax writes them: `1700000000.123456789`, perhaps negative.
fn seconds(text: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nanoseconds: u32 = digits.parse().ok()?;
    Some(match nanoseconds {
        // The part behind the point leads away from zero.
        1.. if text.starts_with('-') => (seconds.checked_sub(1)?, 1_000_000_000 - nanoseconds),
        _ => (seconds, nanoseconds),
    })
}

/// Reads to the end.
fn drain(content: &mut impl Read, budget: &Budget<'_>) -> Result<(), ArchiveError> {
    let mut piece = [0; 16 * 1024];
    loop {
        match content.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => budget.spend(read as u64)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ArchiveError::damaged(&error)),
        }
    }
}

/// Lets no header be so long that holding it takes much memory.
struct Guarded<'a, R> {
    content: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Guarded<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(bytes)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left.set(left.ok_or_else(|| io::Error::other("the header of a member is too long"))?);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_of_pax_are_read() {
        for (text, time) in [
            ("1700000000", Some((1_700_000_000, 0))),
            ("1.5", Some((1, 500_000_000))),
            ("1.1234567891", Some((1, 123_456_789))),
            ("-1.25", Some((-2, 750_000_000))),
            ("-3", Some((-3, 0))),
            ("x", None),
            ("1.x", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), time, "{text}");
        }
    }
}
