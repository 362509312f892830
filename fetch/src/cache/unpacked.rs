//! What was unpacked of the archives in a cache folder, so that doing it again costs a stat of each file.
//! Must not know archives from inside, nor where they come from.
//!
//! One note for each archive and way to unpack it, in `unpacked/` of the cache's own folder: which version of the
//! archive, which members, and the state of each file. As with the index, it counts only as long as the bytes that it
//! vouches for cannot have been lost: in another boot of the machine the files are hashed once more.

use std::collections::{HashMap, HashSet};
use std::fs::{DirEntry, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use common::fs::{FileError, write_atomic};
use serde::{Deserialize, Serialize};

use super::place::{self, CONTROL, UNPACKED, UNPACKING};
use super::{Cache, Place, Verify, settle, usage};
use crate::archive::{
    self, ArchiveError, Budget, Items, Kind, Limit, MemberPath, Order, Selection, Staging, Watch, What,
};
use crate::error::Problem;
use crate::source::{Process, ProcessKind};

mod verify;

pub use verify::VerifiedItem;

/// How to unpack, and who hears of it.
#[derive(Clone, Copy)]
pub struct Ways<'a> {
    /// How much may come out of an archive.
    pub limit: Limit,
    /// How files that are there are checked.
    pub verify: Verify,
    /// Called when there is something to do.
    pub begin: &'a dyn Fn(),
    /// Called as it is done.
    pub watch: Watch<'a>,
}

/// What is known of one archive, unpacked in one way.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// Where the archive lies, relative to the cache folder.
    archive: String,
    /// The sha256 of the archive.
    digest: String,
    kind: Kind,
    /// The folder, relative to the cache folder; empty for itself.
    target: String,
    /// What was asked for since that version is there; none while it is being made.
    selections: Vec<Selection>,
    /// The machine's boot in which it was unpacked, until its bytes are known to be on the disk.
    boot: Option<String>,
    items: Vec<archive::Item>,
}

/// All that was unpacked of one archive and is there.
#[derive(Debug, Default)]
pub struct Unpacked {
    /// The size of its files in bytes.
    pub size_bytes: u64,
    /// When one of them was last used.
    pub last_use: Option<SystemTime>,
    /// Where they lie, and the folders they lie in.
    pub paths: HashSet<PathBuf>,
}

/// Where one archive is unpacked to.
struct Way<'a> {
    process: &'a Process,
    place: &'a Place,
    digest: &'a str,
    /// The stem of the names of its note and its staging folder.
    key: String,
}

impl Cache {
    /// Unpacks the file at `place`, whose sha256 is `digest`, unless that is done already.
    ///
    /// Gives what it is, the folder, and what lies there of what is wanted; nothing for a file that is no archive, when
    /// its content is to decide.
    pub fn unpack(
        &self,
        place: &Place,
        digest: &str,
        process: &Process,
        ways: Ways<'_>,
    ) -> Result<Option<(Kind, PathBuf, Items)>, Problem> {
        if process.kind == ProcessKind::Decompress && !process.members.is_all() {
            return Err(
                ArchiveError::OtherKind("an archive with members: it is a single compressed file").into()
            );
        }
        let extract_dir = process.extract_dir.as_deref().unwrap_or_default();
        let name = process.name.as_deref().unwrap_or_default();
        let identity = [&place.relative, process.kind.word(), extract_dir, name].join("\0");
        let way = Way { process, place, digest, key: place::short_hash(&identity) };
        if let Some(note) = self.read_note(&way, ways.verify) {
            return Ok(Some(self.wanted_of(note, process)));
        }
        let file = File::open(&place.path).map_err(FileError::at("read", &place.path))?;
        let kind = match process.kind.archive() {
            Some(kind) => kind,
            None => match Kind::detect(&file, &place.path)? {
                Some(kind) => kind,
                None => return Ok(None),
            },
        };
        let staging = Staging::acquire(&self.control().join(UNPACKING).join(&way.key))?;
        // Another process may have done it while this one waited.
        if let Some(note) = self.read_note(&way, ways.verify) {
            return Ok(Some(self.wanted_of(note, process)));
        }
        (ways.begin)();
        self.unswept.store(true, Ordering::Relaxed);
        let note = self.unpack_anew(&way, kind, &file, &staging, ways)?;
        Ok(Some(self.wanted_of(note, process)))
    }

    fn unpack_anew(
        &self,
        way: &Way<'_>,
        kind: Kind,
        file: &File,
        staging: &Staging,
        ways: Ways<'_>,
    ) -> Result<Note, Problem> {
        let (target, output) = self.target(way, kind)?;
        let path = self.root.join(&target);
        let size = file.metadata().map_err(FileError::at("read", &way.place.path))?.len();
        let budget = Budget::new(ways.limit, size, ways.watch);
        let order = Order { kind, selection: &way.process.members, output: &output };
        let items = archive::unpack(file, order, staging, &budget)?;
        self.check_spares(&items, &path, way.place)?;
        let earlier = self.read(&way.key).filter(|note| note.target == target);
        // More of the same version: what was unpacked of it before stays.
        let (known, selections, stale) = match earlier {
            Some(note) if note.digest == way.digest => (note.items, note.selections, Items::new()),
            Some(note) => (Vec::new(), Vec::new(), note.items.into_iter().collect()),
            None => (Vec::new(), Vec::new(), Items::new()),
        };
        let mut all: Items = known.into_iter().chain(stale.clone()).collect();
        let mut note = Note {
            archive: way.place.relative.clone(),
            digest: way.digest.to_owned(),
            kind,
            target,
            selections: Vec::new(),
            boot: Some(settle::boot().to_owned()),
            items: all.clone().into_iter().chain(items.clone()).collect(),
        };
        // A run that is killed from here on leaves word of all that may lie there.
        self.write(&way.key, &note)?;
        staging.publish(&path, &items, &stale)?;
        all.retain(|path, _| !stale.contains_key(path));
        all.extend(items);
        note.items = all.into_iter().collect();
        note.selections = selections.into_iter().chain([way.process.members.clone()]).collect();
        self.write(&way.key, &note)?;
        Ok(note)
    }

    /// The folder, relative to the cache folder, and what the content of a compressed file is called in it.
    fn target(&self, way: &Way<'_>, kind: Kind) -> Result<(String, MemberPath), Problem> {
        let (folder, name) = way.place.relative.rsplit_once('/').unwrap_or(("", &way.place.relative));
        let named = format!("{name}{}", kind.suffix());
        let below = match way.process.extract_dir.as_deref() {
            Some(dir) if dir.trim_end_matches('/').is_empty() && !dir.is_empty() => {
                return Err(Problem::UnsafePath { name: dir.to_owned(), why: "it is absolute" });
            }
            Some("" | "." | "./") => String::new(),
            Some(dir) => place::checked(dir.trim_end_matches('/'))?,
            None if kind == Kind::Decompress => String::new(),
            None => named.clone(),
        };
        let target = match (folder, below.as_str()) {
            ("", below) => below.to_owned(),
            (folder, "") => folder.to_owned(),
            (folder, below) => format!("{folder}/{below}"),
        };
        if !target.is_empty() {
            place::check_links(&self.root, &format!("{target}/file"))?;
        }
        let output = way.process.name.as_deref().unwrap_or(&named);
        let refuse = |why| Problem::UnsafePath { name: output.to_owned(), why };
        let output =
            MemberPath::parse(output.as_bytes()).map_err(refuse)?.ok_or(refuse("it is the folder itself"))?;
        Ok((target, output))
    }

    /// Refuses members that would lie over the archive, or over what fetch keeps in the cache folder for itself.
    fn check_spares(&self, items: &Items, target: &Path, place: &Place) -> Result<(), ArchiveError> {
        archive::check_spares(items, target, &place.path)?;
        let own = self.root.join(CONTROL);
        match items.keys().find(|path| target.join(path.as_path()).starts_with(&own)) {
            Some(path) => Err(ArchiveError::Overwrites { member: path.text(), over: "fetch's own files" }),
            None => Ok(()),
        }
    }

    /// The note, when all that it says of what is wanted still holds.
    fn read_note(&self, way: &Way<'_>, verify: Verify) -> Option<Note> {
        let mut note = self.read(&way.key)?;
        let wanted = &way.process.members;
        if note.digest != way.digest || !note.selections.iter().any(|selection| selection.covers(wanted)) {
            return None;
        }
        let root = self.root.join(&note.target);
        let outlived = note.boot.as_deref().is_some_and(|boot| boot.is_empty() || boot != settle::boot());
        // What is to count for good must be right as a whole.
        let concerns = |path: &MemberPath| outlived || wanted.has(path);
        let holds = |(path, what): &archive::Item| {
            archive::unchanged(&root, path, what)
                && (verify == Verify::Stat && !outlived || archive::same_content(&root, path, what))
        };
        if !note.items.iter().filter(|(path, _)| concerns(path)).all(holds) {
            return None;
        }
        if outlived {
            note.boot = None;
            // Not written where it cannot be: the files are hashed again the next time.
            let _ = self.write(&way.key, &note);
        }
        Some(note)
    }

    fn wanted_of(&self, note: Note, process: &Process) -> (Kind, PathBuf, Items) {
        let items = note.items.into_iter().filter(|(path, _)| process.members.has(path)).collect();
        (note.kind, self.root.join(note.target), items)
    }

    /// What was unpacked, by archive, relative to the cache folder.
    pub(super) fn unpacked(&self) -> HashMap<String, Unpacked> {
        let mut all: HashMap<String, Unpacked> = HashMap::new();
        for (_, note) in self.notes() {
            let root = self.root.join(&note.target);
            let unpacked = all.entry(note.archive).or_default();
            for (path, what) in &note.items {
                unpacked.paths.extend(path.folders().map(|folder| root.join(folder.as_path())));
                let path = root.join(path.as_path());
                if let Ok(state) = path.symlink_metadata()
                    && unpacked.paths.insert(path)
                    && *what != What::Folder
                {
                    unpacked.size_bytes += what.size_bytes();
                    unpacked.last_use = unpacked.last_use.max(Some(usage::last_use(&state)));
                }
            }
        }
        all
    }

    /// Removes what was unpacked of an archive, as far as nobody has changed it; false when somebody is unpacking it.
    pub(super) fn remove_unpacked(&self, archive: &str) -> Result<bool, FileError> {
        let path = self.root.join(archive);
        let beside = path.parent().unwrap_or(&self.root);
        for (key, _) in self.notes().into_iter().filter(|(_, note)| note.archive == archive) {
            let Some(_held) = Staging::try_acquire(&self.control().join(UNPACKING).join(&key))? else {
                return Ok(false);
            };
            // What it says now that nobody else can write it.
            let Some(note) = self.read(&key) else { continue };
            let target = self.root.join(&note.target);
            archive::remove_stale(&target, &Items::new(), &note.items.into_iter().collect());
            let below = |folder: &&Path| folder.starts_with(beside) && *folder != beside;
            for folder in target.ancestors().take_while(below) {
                // It stays while it holds anything.
                if std::fs::remove_dir(folder).is_err() {
                    break;
                }
            }
            let path = self.note_path(&key);
            std::fs::remove_file(&path).map_err(FileError::at("remove", &path))?;
        }
        Ok(true)
    }

    fn notes(&self) -> Vec<(String, Note)> {
        let notes = std::fs::read_dir(self.control().join(UNPACKED)).into_iter().flatten().flatten();
        let note = |entry: DirEntry| {
            let key = entry.file_name().to_str()?.strip_suffix(".json")?.to_owned();
            let note = self.read(&key)?;
            // A note that was tampered with may lead nowhere else.
            let inside = note.target.is_empty() || place::is_ours(&note.target);
            (inside && place::is_ours(&note.archive)).then_some((key, note))
        };
        notes.filter_map(note).collect()
    }

    fn read(&self, key: &str) -> Option<Note> {
        serde_json::from_slice(&std::fs::read(self.note_path(key)).ok()?).ok()
    }

    fn write(&self, key: &str, note: &Note) -> Result<(), FileError> {
        let path = self.note_path(key);
        let text = serde_json::to_vec(note).map_err(|error| FileError::at("write", &path)(error.into()))?;
        write_atomic(path, &text)
    }

    fn note_path(&self, key: &str) -> PathBuf {
        self.control().join(UNPACKED).join(format!("{key}.json"))
    }
}
