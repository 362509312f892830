//! Wires `fetch cache`. Must not know how a cache keeps its files.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime};

use common::record::RecordPath;
use common::{Exit, Failure, Format, Session};

use super::lost_output;
use crate::cache::{Cache, Kept, Kind, Limits, Reason, Removing, Stock, VerifiedItem, beyond};
use crate::cli::{CacheCommand, LsArgs, Order, PruneArgs, RmArgs, VerifyArgs};
use crate::config::Folder;
use crate::error::Error;
use crate::events::{FileKept, FileListed, FileRemoved, FileVerified, ListedState};
use crate::registry::State;
use crate::render::Screen;
use crate::source::{self, Address};

/// So few digits of a digest name a file, if not by chance.
const SHORTEST_DIGEST: usize = 8;

/// Runs one command.
pub fn run(command: CacheCommand, session: &mut Session) -> Result<Exit, Failure> {
    match command {
        CacheCommand::Path(folder) => path(&Folder::new(&folder)?, session),
        CacheCommand::Ls(args) => list(&args, session),
        CacheCommand::Verify(args) => verify(&args, session),
        CacheCommand::Prune(args) => prune(&args, session),
        CacheCommand::Rm(args) => remove(&args, session),
    }
}

fn path(folder: &Folder, session: &Session) -> Result<Exit, Failure> {
    let mut output = session.output();
    let path = folder.root.as_os_str().as_bytes();
    output.write_all(path).and_then(|()| output.write_all(b"\n")).map_err(lost_output)?;
    Ok(Exit::YES)
}

fn list(args: &LsArgs, session: &mut Session) -> Result<Exit, Failure> {
    session.begin().map_err(lost_output)?;
    let mut stock = Folder::new(&args.folder)?.open()?.stock()?;
    match args.sort {
        Order::Path => {}
        Order::Size => stock.sort_by_key(|one| one.size_bytes),
        Order::Used => stock.sort_by_key(|one| one.last_use),
    }
    let now = SystemTime::now();
    let ages: Vec<Duration> =
        stock.iter().map(|one| now.duration_since(one.last_use).unwrap_or_default()).collect();
    session.count("files", stock.len() as u64);
    session.count("size_bytes", stock.iter().map(Stock::bytes).sum());
    let listed = |one: Stock| {
        let (state, entry) = match one.kind {
            Kind::File(entry) => (ListedState::Whole, Some(entry)),
            Kind::Partial => (ListedState::Partial, None),
            Kind::Unknown => (ListedState::Unknown, None),
        };
        FileListed {
            path: RecordPath::from(one.path.as_path()),
            state,
            digest: entry.as_ref().map(|entry| entry.sha256().to_owned()),
            url: entry.map(|entry| entry.url),
            size_bytes: one.size_bytes,
            unpacked_bytes: one.unpacked_bytes,
            // A time that no calendar has is none of a file that was used.
            last_use: jiff::Timestamp::try_from(one.last_use).unwrap_or_default().to_string(),
        }
    };
    let files = stock.into_iter().map(listed).zip(ages).collect();
    Screen::new(session).listed(files).map_err(lost_output)?;
    Ok(Exit::YES)
}

fn verify(args: &VerifyArgs, session: &mut Session) -> Result<Exit, Failure> {
    session.begin().map_err(lost_output)?;
    let cache = Folder::new(&args.folder)?.open()?;
    let verified = cache.verify()?;
    let wrong: Vec<Stock> =
        verified.iter().filter(|one| !one.is_right()).map(|one| one.stock.clone()).collect();
    let unpacked = cache.verify_unpacked()?;
    let spoilt: Vec<&VerifiedItem> = unpacked.iter().filter(|item| item.state != State::Right).collect();
    let exit = if wrong.is_empty() && spoilt.is_empty() { Exit::YES } else { Exit::NO };
    let missing = spoilt.iter().filter(|item| item.state == State::Missing).count();
    session.count("right", (verified.len() - wrong.len() + unpacked.len() - spoilt.len()) as u64);
    session.count("wrong", (wrong.len() + spoilt.len() - missing) as u64);
    session.count("missing", missing as u64);
    let mut screen = Screen::new(session);
    for one in verified {
        let record = FileVerified {
            path: RecordPath::from(one.stock.path.as_path()),
            state: if one.is_right() { State::Right } else { State::Wrong },
            expected: one.entry.sha256().to_owned(),
            url: one.entry.url,
            got: Some(one.got.to_string()),
            size_bytes: one.stock.size_bytes,
        };
        screen.verified(record).map_err(lost_output)?;
    }
    for item in &unpacked {
        screen.verified(item_verified(item)).map_err(lost_output)?;
    }
    if args.remove {
        for item in spoilt.iter().filter(|item| item.state == State::Wrong) {
            if let Some(size_bytes) = cache.remove_item(item)? {
                let path = RecordPath::from(item.path.as_path());
                let removed = FileRemoved { path, size_bytes, reason: Reason::Wrong, dry_run: false };
                screen.removed(removed).map_err(lost_output)?;
            }
        }
    }
    drop(screen);
    if args.remove {
        let wrong: Vec<_> = wrong.iter().map(|one| (one, Reason::Wrong)).collect();
        // Nobody can count on a wrong file, so it may be one that is in use.
        clear(&cache, &wrong, None, false, session)?;
    }
    Ok(exit)
}

fn item_verified(item: &VerifiedItem) -> FileVerified {
    FileVerified {
        path: RecordPath::from(item.path.as_path()),
        state: item.state,
        expected: item.expected.clone(),
        got: item.got.clone(),
        url: item.url.clone(),
        size_bytes: item.size_bytes,
    }
}

fn prune(args: &PruneArgs, session: &mut Session) -> Result<Exit, Failure> {
    let limits = Limits { bytes: args.max_size, age: args.older_than };
    session.begin().map_err(lost_output)?;
    let cache = Folder::new(&args.folder)?.open()?;
    let right = if args.dry_run { None } else { Some(cache.removing()?) };
    let stock = cache.stock()?;
    let gone = beyond(&stock, limits, SystemTime::now());
    clear(&cache, &gone, right.as_ref(), args.dry_run, session)?;
    Ok(Exit::YES)
}

fn remove(args: &RmArgs, session: &mut Session) -> Result<Exit, Failure> {
    session.begin().map_err(lost_output)?;
    let cache = Folder::new(&args.folder)?.open()?;
    let right = if args.dry_run { None } else { Some(cache.removing()?) };
    let stock = cache.stock()?;
    let mut wanted: Vec<&Stock> = Vec::new();
    for text in &args.wanted {
        let found: Vec<&Stock> = stock.iter().filter(|one| is_called(one, text)).collect();
        if found.is_empty() {
            return Err(Error::NotInCache(shown(text)).into());
        }
        wanted.extend(found);
    }
    wanted.sort_by(|a, b| a.relative.cmp(&b.relative));
    wanted.dedup_by(|a, b| a.relative == b.relative);
    let wanted: Vec<_> = wanted.into_iter().map(|one| (one, Reason::Asked)).collect();
    let all = clear(&cache, &wanted, right.as_ref(), args.dry_run, session)?;
    Ok(if all { Exit::YES } else { Exit::NO })
}

/// What somebody asked for, without secrets.
fn shown(text: &str) -> String {
    Address::parse(text)
        .map_or_else(|_| source::conceal(&[text.to_owned()]).concat(), |address| address.to_string())
}

/// Whether something is meant by a name, a path, a URL or a digest.
fn is_called(one: &Stock, text: &str) -> bool {
    let by_path = std::path::absolute(text).is_ok_and(|path| path == one.path);
    let named = one.relative == text || one.relative.ends_with(&format!("/{text}"));
    let Kind::File(entry) = &one.kind else { return by_path || named };
    let by_url = shown(text) == entry.url;
    let (algorithm, hex) = text.split_once(':').unwrap_or(("", text));
    let hex = hex.to_ascii_lowercase();
    let by_digest = hex.len() >= SHORTEST_DIGEST
        && entry.digests.iter().any(|digest| {
            let (name, known) = digest.split_once(':').unwrap_or_default();
            (algorithm.is_empty() || algorithm.eq_ignore_ascii_case(name)) && known.starts_with(&hex)
        });
    by_path || named || by_url || by_digest
}

/// Removes what should go, and says of each whether it did; true when all went.
fn clear(
    cache: &Cache,
    gone: &[(&Stock, Reason)],
    right: Option<&Removing>,
    dry_run: bool,
    session: &mut Session,
) -> Result<bool, Failure> {
    let (mut removed, mut bytes, mut kept) = (0, 0, 0);
    let mut screen = Screen::new(session);
    for (one, reason) in gone {
        let stays: Option<Kept> = if dry_run { None } else { cache.remove(one, right)? };
        let (path, size_bytes) = (RecordPath::from(one.path.as_path()), one.bytes());
        if let Some(reason) = stays {
            kept += 1;
            screen.kept(FileKept { path, size_bytes, reason }).map_err(lost_output)?;
        } else {
            (removed, bytes) = (removed + 1, bytes + size_bytes);
            screen
                .removed(FileRemoved { path, size_bytes, reason: *reason, dry_run })
                .map_err(lost_output)?;
        }
    }
    drop(screen);
    session.count("removed", removed);
    session.count("removed_bytes", bytes);
    session.count("kept", kept);
    if session.format == Format::Human {
        session.note(&crate::render::cleared(removed, bytes, kept, dry_run));
    }
    Ok(kept == 0)
}
