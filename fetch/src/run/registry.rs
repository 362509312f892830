//! Wires `fetch registry`. Must not know how a registry is made, checked or converted.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use common::fs::write_atomic;
use common::record::RecordPath;
use common::{Exit, Failure, Format, Session};

use super::lost_output;
use crate::cache::Layout;
use crate::cli::{CheckArgs, ConvertArgs, MakeArgs, RegistryCommand};
use crate::config::{self, Folder, FromDoi, Get};
use crate::error::{Error, Problem};
use crate::events::{EntryChecked, EntryConverted, FileHashed, RegistryWritten};
use crate::registry::{self, Form, Identity, Listing, RegistryError, Selection, State};
use crate::render::Screen;
use crate::source::registry::{Entry, format_as_made};
use crate::source::{Address, Request};
use crate::transfer::{Credentials, Transfer};

/// Runs one command; `records_asked` is whether somebody wants records also where the registry is the answer.
pub fn run(command: RegistryCommand, records_asked: bool, session: &mut Session) -> Result<Exit, Failure> {
    match command {
        RegistryCommand::Make(args) => make(&args, records_asked, session),
        RegistryCommand::Check(args) => check(&args, session),
        RegistryCommand::Convert(args) => convert(&args, records_asked, session),
        RegistryCommand::FromDoi(args) => from_doi(FromDoi::new(&args)?, records_asked, session),
    }
}

/// Where a registry goes to, when not to standard output.
fn target(output: Option<&Path>) -> Option<&Path> {
    output.filter(|path| *path != Path::new("-"))
}

fn make(args: &MakeArgs, records_asked: bool, session: &mut Session) -> Result<Exit, Failure> {
    let target = target(args.output.as_deref());
    let algorithm = args.algorithm.parse().map_err(Error::Algorithm)?;
    if !args.folder.is_dir() {
        return Err(Error::NoFolder(args.folder.clone()).into());
    }
    let mut selection = Selection::new(&args.exclude).map_err(Error::from)?;
    selection.flat = args.no_recursive;
    selection.except = target.map_or_else(Identity::of_stdout, Identity::of_path).into_iter().collect();
    let made = registry::make(&args.folder, &selection, algorithm)?;
    let entries: Vec<Entry> = made.iter().map(|file| file.entry.clone()).collect();
    let text: Result<String, _> = entries.iter().map(format_as_made).collect();
    let text = text.map_err(|bad| Error::from(RegistryError::from(bad)))?;
    let records = made.into_iter().map(|file| FileHashed {
        name: Some(file.entry.name),
        path: RecordPath::from(file.path.as_path()),
        digest: file.entry.digest.to_string(),
        size_bytes: file.size_bytes,
    });
    if target.is_some() || records_asked {
        session.begin().map_err(lost_output)?;
    }
    if session.format == Format::Jsonl && (target.is_some() || records_asked) {
        let mut screen = Screen::new(session);
        for record in records {
            screen.hashed(record).map_err(lost_output)?;
        }
    }
    put(&text, entries.len(), target, records_asked, session)
}

fn convert(args: &ConvertArgs, records_asked: bool, session: &mut Session) -> Result<Exit, Failure> {
    let target = target(args.output.as_deref());
    let base = config::base_url(args.base_url.as_deref(), None)?;
    let (name, text) = config::read_text(&args.registry)?;
    let entries = match args.from {
        Some(form) => registry::read_as(&text, &name, form)?,
        None => registry::read(&text, &name)?,
    };
    let entries: Vec<Entry> = entries.into_iter().map(|entry| entry.below(base.as_ref())).collect();
    let lost = entries.iter().filter(|entry| !entry.addresses.is_empty()).count();
    if args.to == Form::Sha256sum && lost > 0 {
        session.warn(&format!(
            "{}: a sha256sum file has no place for URLs",
            common::term::count(lost as u64, "URL") + " left out"
        ));
    }
    let text = registry::write(&entries, args.to).map_err(Error::from)?;
    show(&entries, target, records_asked, session)?;
    put(&text, entries.len(), target, records_asked, session)
}

fn from_doi(config: FromDoi, records_asked: bool, session: &mut Session) -> Result<Exit, Failure> {
    let target = target(config.output.as_deref());
    let transfer = Transfer::new(1, config.proxies, Credentials::default(), config.services, true);
    let record = registry::record(&transfer, &config.doi, config.policy)?;
    let listing = Listing::new(&config.doi, &record);
    for name in &listing.without_digest {
        session.warn(&format!("{name:?} is only a comment: {} tells no digest of it", record.host()));
    }
    for name in &listing.unfit {
        session.warn(&format!("{name:?} is left out: no registry can have such a name"));
    }
    let base = Address::parse(&format!("doi:{}/", config.doi)).map_err(Error::from)?;
    let entries: Vec<Entry> = listing.entries.iter().map(|entry| entry.clone().below(Some(&base))).collect();
    show(&entries, target, records_asked, session)?;
    put(&listing.text, entries.len(), target, records_asked, session)
}

/// Shows programs what a registry has, when the registry itself is not what they read.
fn show(
    entries: &[Entry],
    target: Option<&Path>,
    records_asked: bool,
    session: &mut Session,
) -> Result<(), Failure> {
    if target.is_some() || records_asked {
        session.begin().map_err(lost_output)?;
    }
    if session.format == Format::Jsonl && (target.is_some() || records_asked) {
        let mut screen = Screen::new(session);
        for entry in entries {
            let urls = entry.addresses.iter().map(ToString::to_string).collect();
            let (name, digest) = (entry.name.clone(), entry.digest.to_string());
            screen.converted(EntryConverted { name, digest, urls }).map_err(lost_output)?;
        }
    }
    Ok(())
}

/// Writes a registry to its file, or prints it.
fn put(
    text: &str,
    entries: usize,
    target: Option<&Path>,
    records_asked: bool,
    session: &mut Session,
) -> Result<Exit, Failure> {
    session.count("entries", entries as u64);
    if let Some(path) = target {
        write_atomic(path, text.as_bytes())?;
        let written = RegistryWritten { path: RecordPath::from(path), entries: entries as u64 };
        Screen::new(session).written(written).map_err(lost_output)?;
    } else if !records_asked {
        let mut output = session.output();
        output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(lost_output)?;
    }
    Ok(Exit::YES)
}

fn check(args: &CheckArgs, session: &mut Session) -> Result<Exit, Failure> {
    session.begin().map_err(lost_output)?;
    if args.online.online {
        return super::get(Get::online(args)?, session);
    }
    let (name, text) = config::read_text(&args.registry)?;
    let entries = registry::read(&text, &name)?;
    let (files, folder) = if let Some(dir) = &args.dir {
        (below(dir, entries)?, Some(dir.clone()))
    } else {
        let folder = Folder::new(&args.folder)?;
        let own = (folder.layout != Layout::Shared).then(|| folder.root.clone());
        (cached(&folder, entries)?, own)
    };
    let paths: BTreeSet<PathBuf> = files.iter().map(|(_, path)| path.clone()).collect();
    let mut checked = registry::check(files)?;
    if let Some(folder) = folder {
        let except = Identity::of_path(&args.registry).into_iter().collect();
        let selection = Selection { except, ..Selection::default() };
        checked.extend(registry::unknown(&folder, &paths, &selection)?);
    }
    let mut exit = Exit::YES;
    for (state, word) in [
        (State::Right, "right"),
        (State::Wrong, "wrong"),
        (State::Missing, "missing"),
        (State::Unknown, "unknown"),
    ] {
        let number = checked.iter().filter(|file| file.state == state).count();
        session.count(word, number as u64);
        let bad = state == State::Wrong || state == State::Missing || state == State::Unknown && args.strict;
        if bad && number > 0 {
            exit = Exit::NO;
        }
    }
    let mut screen = Screen::new(session);
    for file in checked {
        let record = EntryChecked {
            name: file.name,
            path: RecordPath::from(file.path.as_path()),
            state: file.state,
            expected: file.expected.map(|digest| digest.to_string()),
            got: file.got.map(|digest| digest.to_string()),
            size_bytes: file.size_bytes,
        };
        screen.entry_checked(record).map_err(lost_output)?;
    }
    Ok(exit)
}

/// Where the files of a registry are in a folder of whoever made them: any name that stays in it will do.
fn below(folder: &Path, entries: Vec<Entry>) -> Result<Vec<(Entry, PathBuf)>, Failure> {
    if !folder.is_dir() {
        return Err(Error::NoFolder(folder.to_owned()).into());
    }
    let stays = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let place = |entry: Entry| {
        if entry.name.is_empty() || !Path::new(&entry.name).components().all(stays) {
            let why = "it leads out of the folder";
            return Err(Problem::UnsafePath { name: entry.name, why }.into());
        }
        let path = folder.join(&entry.name);
        Ok((entry, path))
    };
    entries.into_iter().map(place).collect()
}

/// Where `get` puts them.
fn cached(folder: &Folder, entries: Vec<Entry>) -> Result<Vec<(Entry, PathBuf)>, Failure> {
    let cache = folder.open()?;
    let place = |entry: Entry| {
        let request = Request::named(entry.name.clone(), entry.addresses.clone(), Some(entry.digest.clone()));
        Ok((entry, cache.place(&request)?.path))
    };
    entries.into_iter().map(place).collect()
}
