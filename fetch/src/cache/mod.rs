//! The verified cache: which files are there, whole and right, and how they come to be so.
//! Must not know how a file is transferred.

mod index;
mod partial;
mod place;
mod pooch;
mod reuse;
mod settle;
mod stock;
mod sweep;
mod unpacked;
mod usage;
mod visitors;

pub use index::{Entry, Stamp};
pub use partial::{Notes, Partial};
pub use place::{CONTROL, Layout};
pub use pooch::unique_file_name;
pub use reuse::UnderWay;
pub use settle::boot;
pub use stock::{Kept, Kind, Limits, Reason, Stock, Verified, beyond};
pub use unpacked::{VerifiedItem, Ways};
pub use usage::{InUse, Removing};

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use common::fs::FileError;

use crate::error::Problem;
use crate::hash::{Algorithm, Digest, Hasher};
use crate::source::{Address, Request, Who};
use crate::transfer::Validators;
use index::Index;
use settle::{Published, Settler};
use visitors::Visitors;

/// How long to wait until a process that published a file has entered it into the index, which takes far less.
const ENTERED: Duration = Duration::from_secs(30);

/// How a file that is there is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Verify {
    /// By size, time of writing and inode, which were noted when it was hashed
    #[default]
    Stat,
    /// By hashing it again
    Full,
}

/// A cache folder.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    layout: Layout,
    index: Arc<Mutex<Index>>,
    /// Started with the first file that is published.
    settler: OnceLock<Settler>,
    /// The folder that all share, when this is another one; its index is read when a file is first looked for there.
    others: Option<(PathBuf, OnceLock<Option<Mutex<Index>>>)>,
    under_way: UnderWay,
    visitors: Visitors,
    /// Whether something was done after which to tidy up, other than publishing files.
    unswept: AtomicBool,
}

/// The place of one request's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Relative to the cache folder, parts apart by `/`.
    pub relative: String,
    /// The whole path.
    pub path: PathBuf,
}

impl Cache {
    /// Opens the cache folder `root`, which need not exist.
    pub fn open(root: &Path, layout: Layout) -> Result<Cache, FileError> {
        let index = Index::open(&root.join(CONTROL))?;
        let index = Arc::new(Mutex::new(index));
        let (settler, under_way) = (OnceLock::new(), UnderWay::default());
        let (visitors, unswept) = (Visitors::new(&root.join(CONTROL)), AtomicBool::new(false));
        Ok(Cache {
            root: root.to_owned(),
            layout,
            index,
            settler,
            others: None,
            under_way,
            visitors,
            unswept,
        })
    }

    /// The same cache; a file whose digest is known is also looked for in the cache folder `shared`, before it is got.
    #[must_use]
    pub fn beside(mut self, shared: Option<PathBuf>) -> Cache {
        self.others = shared.filter(|shared| *shared != self.root).map(|shared| (shared, OnceLock::new()));
        self
    }

    /// Marks the cache as in use, until what is given is dropped: no file that is used meanwhile is removed.
    pub fn mark_in_use(&self) -> Option<InUse> {
        InUse::mark(&self.control())
    }

    fn control(&self) -> PathBuf {
        self.root.join(CONTROL)
    }

    fn partial_path(&self, relative: &str) -> PathBuf {
        self.control().join(place::PARTIALS).join(place::short_hash(relative))
    }

    /// Where the file of a request lies or will lie.
    pub fn place(&self, request: &Request) -> Result<Place, Problem> {
        let relative = place::relative_path(self.layout, request, || self.mark(request.who(0)))?;
        let path = self.root.join(&relative);
        Ok(Place { relative, path })
    }

    /// Begins the file of a place, or goes on with it: waits until nobody else among all processes makes it, or until
    /// `stopped`.
    pub fn begin(&self, place: &Place, stopped: impl Fn() -> bool) -> Result<Partial, Problem> {
        place::check_links(&self.root, &place.relative)?;
        let path = self.partial_path(&place.relative);
        let partial = Partial::acquire(&path, &stopped)?.ok_or(Problem::Stopped)?;
        // Who published the file keeps it locked until the index knows it. Where locks do not work, it is made again;
        // and so it is when somebody else has locked it, for whatever reason.
        let plain = place.path.symlink_metadata().is_ok_and(|state| state.is_file());
        if plain && let Ok(published) = File::open(&place.path) {
            let patience = Instant::now() + ENTERED;
            partial::wait(|| published.try_lock_shared(), || stopped() || Instant::now() > patience).ok();
        }
        Ok(partial)
    }

    /// The file at a place, when the index and its stat tell that it is the one asked for.
    pub fn stat_hit(&self, place: &Place, request: &Request) -> Option<Entry> {
        let entry = self.index().get(&place.relative)?;
        let wanted = self.wanted(request, Some(&entry))?;
        let state = state(&place.path)?;
        let same = Stamp::from(&state) == entry.stamp && !settle::outlived(&entry);
        let right = same && wanted.iter().all(|wanted| entry.has(wanted) == Some(true));
        if right {
            usage::renew(&place.path, &state);
        }
        right.then_some(entry)
    }

    /// The file at a place, when its bytes have the digest asked for; the index then knows it.
    pub fn hash_hit(&self, place: &Place, request: &Request) -> Result<Option<Entry>, FileError> {
        let hit = self.hashed(place, request)?;
        Ok(hit.map(|published| {
            let entry = published.entry.clone();
            self.settle(published);
            entry
        }))
    }

    /// The same in a folder where nothing can be written: the index does not get to know it.
    pub fn hash_hit_unwritten(&self, place: &Place, request: &Request) -> Result<Option<Entry>, FileError> {
        Ok(self.hashed(place, request)?.map(|published| published.entry))
    }

    fn hashed(&self, place: &Place, request: &Request) -> Result<Option<Published>, FileError> {
        let known = self.index().get(&place.relative);
        // pooch takes a file for what its URL gives when it bears the name that the URL makes, and so must who shares
        // its folder.
        let by_name = self.layout == Layout::Pooch && known.is_none() && !request.is_pinned();
        let wanted = self.wanted(request, known.as_ref());
        let Some(wanted) = wanted.or_else(|| by_name.then(Vec::new)) else { return Ok(None) };
        let Some(state) = state(&place.path) else { return Ok(None) };
        let stamp = Stamp::from(&state);
        let algorithms = wanted.iter().map(Digest::algorithm);
        let hasher = Hasher::new([Algorithm::Sha256].into_iter().chain(algorithms));
        let file = File::open(&place.path).map_err(FileError::at("read", &place.path))?;
        let (digests, _) = hasher.read(&file).map_err(FileError::at("read", &place.path))?;
        if !wanted.iter().all(|wanted| digests.contains(wanted)) {
            return Ok(None);
        }
        usage::renew(&place.path, &state);
        // What another boot has left was read from the disk: it will outlive further ones.
        let durable = known.as_ref().is_some_and(|known| known.stamp == stamp && settle::outlived(known));
        // What is known of other bytes, such as their ETag, does not hold for these.
        let known = known.filter(|known| digests[0].to_string() == known.sha256());
        let (url, who) = match &known {
            Some(known) => (known.url.clone(), known.who.clone()),
            None => (
                request.addresses.first().map(ToString::to_string).unwrap_or_default(),
                self.mark(request.who(0)),
            ),
        };
        let (etag, last_modified) = known.map(|known| (known.etag, known.last_modified)).unwrap_or_default();
        let entry = Entry { who, etag, last_modified, ..Entry::new(place, stamp, url, &digests) };
        Ok(Some(Published { file: Arc::new(file), entry, durable }))
    }

    /// Takes in what other processes have learnt.
    pub fn refresh(&self) -> Result<(), FileError> {
        self.index().refresh()
    }

    /// The mark of one who asks, as an entry or the notes of a partial have it.
    pub fn mark(&self, who: Option<&Who>) -> Option<String> {
        self.visitors.mark(who)
    }

    /// Whether what came for the one with this mark is for the one who asks, too.
    pub fn is_for(&self, mark: Option<&str>, who: Option<&Who>) -> bool {
        self.visitors.is(mark, who)
    }

    /// The digests that a file must have: those asked for, else the one it had when it came from the same URL, to the
    /// same one who asks.
    fn wanted(&self, request: &Request, known: Option<&Entry>) -> Option<Vec<Digest>> {
        if request.is_pinned() {
            return Some(request.digests().cloned().collect());
        }
        let known = known?;
        let from = |(index, address): (usize, &Address)| {
            address.to_string() == known.url && self.is_for(known.who.as_deref(), request.who(index))
        };
        let same_source = request.addresses.iter().enumerate().any(from);
        same_source.then(|| known.sha256().parse().ok().map(|digest| vec![digest])).flatten()
    }

    /// Moves a verified file, which came from `url` for `who`, into its place, and gives its entry. It is in the index for others after [`Cache::finish`] at
    /// the latest.
    pub fn publish(
        &self,
        partial: Partial,
        place: &Place,
        (url, who): (String, Option<&Who>),
        digests: &[Digest],
        validators: Validators,
    ) -> Result<Entry, FileError> {
        if self.layout == Layout::Pooch {
            // pooch takes a file by its name alone, whatever a crash has made of it.
            partial.file().sync_data().map_err(FileError::at("make durable", &place.path))?;
        }
        let (file, metadata) = partial.publish(&place.path)?;
        let Validators { etag, last_modified, .. } = validators;
        let who = self.mark(who);
        let entry =
            Entry { who, etag, last_modified, ..Entry::new(place, Stamp::from(&metadata), url, digests) };
        self.settle(Published { file, entry: entry.clone(), durable: false });
        Ok(entry)
    }

    /// Waits until all that was published is in the index; then tidies up, if anything was.
    pub fn finish(mut self) -> Result<(), FileError> {
        let settler = self.settler.take();
        let changed = settler.is_some() || self.unswept.load(Ordering::Relaxed);
        settler.map_or(Ok(()), Settler::finish)?;
        if changed {
            sweep::sweep(&self.root);
        }
        Ok(())
    }

    fn settle(&self, published: Published) {
        self.index().note(published.entry.clone());
        self.settler.get_or_init(|| Settler::start(Arc::clone(&self.index))).add(published);
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// An entry for a file that was just verified.
    pub fn new(place: &Place, stamp: Stamp, url: String, digests: &[Digest]) -> Entry {
        Entry {
            path: place.relative.clone(),
            stamp,
            boot: None,
            url,
            who: None,
            digests: digests.iter().map(Digest::to_string).collect(),
            etag: None,
            last_modified: None,
        }
    }
}

/// Never follows a link: what lies in the cache is a file.
fn state(path: &Path) -> Option<Metadata> {
    path.symlink_metadata().ok().filter(Metadata::is_file)
}
