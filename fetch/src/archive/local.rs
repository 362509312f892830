//! An archive of this machine, unpacked where its owner says: what `fetch extract` does. Must not know caches.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use common::fs::{FileError, PART_PREFIX, PART_SUFFIX};
use xxhash_rust::xxh3::xxh3_64;

use super::{ArchiveError, Budget, Items, Kind, Limit, MemberPath, Order, Selection, Staging, Watch, unpack};

/// What came out of an archive, and where it lies.
#[derive(Debug)]
pub struct Unpacked {
    /// What the archive was.
    pub kind: Kind,
    /// The folder that the items lie in.
    pub target: PathBuf,
    /// What lies there.
    pub items: Items,
}

/// Where to unpack an archive, and as what.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The folder; without, one beside the archive under pooch's name.
    pub to: Option<PathBuf>,
    /// The kind that the archive must be of; without, its content says it.
    pub kind: Option<Kind>,
    /// What the content of a compressed file is called; without, as before it was compressed, or under pooch's name.
    pub name: Option<String>,
}

/// Unpacks the file at `archive`.
pub fn unpack_local(
    archive: &Path,
    wish: &Wish,
    selection: &Selection,
    limit: Limit,
    watch: Watch<'_>,
) -> Result<Unpacked, ArchiveError> {
    let archive = std::path::absolute(archive).map_err(FileError::at("find", archive))?;
    let file = File::open(&archive).map_err(FileError::at("read", &archive))?;
    let size = file.metadata().map_err(FileError::at("read", &archive))?.len();
    let kind = match wish.kind {
        Some(kind) => kind,
        None => {
            Kind::detect(&file, &archive)?.ok_or(ArchiveError::OtherKind("an archive, nor compressed"))?
        }
    };
    let name = archive.file_name().unwrap_or_default();
    let mut named = OsString::from(name);
    named.push(kind.suffix());
    let (target, output) = match (kind, &wish.to) {
        (Kind::Decompress, None) => (archive.parent().unwrap_or(Path::new("/")).to_owned(), named),
        (Kind::Decompress, Some(to)) => (to.clone(), content_name(name).unwrap_or(named)),
        (_, None) => (archive.with_file_name(&named), named),
        (_, Some(to)) => (to.clone(), named),
    };
    let output = wish.name.as_ref().map_or(output, OsString::from);
    let output = MemberPath::checked(output.as_bytes())?.ok_or(ArchiveError::OtherKind("a file"))?;
    if kind == Kind::Decompress && !selection.is_all() {
        return Err(ArchiveError::OtherKind("an archive with members: it is a single compressed file"));
    }
    let target = std::path::absolute(&target).map_err(FileError::at("find", &target))?;
    let home = if target.is_dir() { &target } else { target.parent().unwrap_or(&target) };
    let key = xxh3_64(&[target.as_os_str().as_bytes(), archive.as_os_str().as_bytes()].concat());
    // One is beside the target until that is there, and in it from then on.
    [Some(target.as_path()), target.parent()].into_iter().flatten().for_each(sweep);
    let staging = Staging::acquire(&home.join(format!("{PART_PREFIX}{key:016x}{PART_SUFFIX}")))?;
    let budget = Budget::new(limit, size, watch);
    let items = unpack(&file, Order { kind, selection, output: &output }, &staging, &budget)?;
    check_spares(&items, &target, &archive)?;
    staging.publish(&target, &items, &Items::new())?;
    Ok(Unpacked { kind, target, items })
}

/// Removes the folders that killed runs have left in `home`. What cannot be removed stays for the next one.
fn sweep(home: &Path) {
    for entry in std::fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name.starts_with(PART_PREFIX) && name.ends_with(PART_SUFFIX);
        if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = Staging::sweep(&entry.path());
        }
    }
}

/// Refuses what would lie over the archive itself.
pub fn check_spares(items: &Items, target: &Path, archive: &Path) -> Result<(), ArchiveError> {
    let own =
        archive.strip_prefix(target).ok().and_then(|own| MemberPath::parse(own.as_os_str().as_bytes()).ok());
    match own.flatten().filter(|own| items.contains_key(own)) {
        Some(own) => Err(ArchiveError::Overwrites { member: own.text(), over: "the archive itself" }),
        None => Ok(()),
    }
}

/// What a compressed file was called before: `data.csv` for `data.csv.gz`.
fn content_name(name: &std::ffi::OsStr) -> Option<OsString> {
    let path = Path::new(name);
    let known = ["gz", "bz2", "xz", "lzma", "zst"];
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    known.contains(&extension.as_str()).then(|| path.file_stem().map(OsString::from)).flatten()
}
