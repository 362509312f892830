//! Wires a command: source -> events -> reduce -> render. Must not know how any of these does its part.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use common::fs::FileError;
use common::record::RecordPath;
use common::{Exit, Failure, Format, Session, Tool};
use rayon::prelude::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::archive::{self, ArchiveError};
use crate::cache::Cache;
use crate::cli::{CacheCommand, Cli, Command, HashArgs, RegistryCommand, ServeArgs};
use crate::config::{Extract, Folder, FromDoi, Get};
use crate::error::Error;
use crate::events::{
    ArchiveExtracted, Event, FileExtracted, FileFailed, FileHashed, FileListed, Outcome, Processed, Record,
    ServerStarted,
};
use crate::get::{Claims, Getter, Hosts, Stop};
use crate::hash::{Algorithm, Hasher};
use crate::reduce::{Summary, Traffic};
use crate::registry::{self, Listing};
use crate::render::{self, Screen};
use crate::serve::{Server, Switch};
use crate::transfer::{Credentials, Transfer};

/// What the shared wrapper needs to know of fetch.
pub static TOOL: Tool = Tool {
    name: "fetch",
    version: env!("CARGO_PKG_VERSION"),
    schema: || common::schema::of::<Record>("fetch"),
};

/// Runs one command.
pub fn run(cli: Cli, session: &mut Session) -> Result<Exit, Failure> {
    match cli.command {
        Command::Get(args) => {
            session.begin().map_err(lost_output)?;
            let config = Get::new(&args)?;
            config.warnings.iter().for_each(|warning| session.warn(warning));
            get(config, session)
        }
        Command::Extract(args) => {
            session.begin().map_err(lost_output)?;
            extract(&Extract::new(args)?, session)
        }
        Command::Hash(args) => {
            session.begin().map_err(lost_output)?;
            hash(&args, session)
        }
        Command::Registry(args) => match args.command {
            RegistryCommand::FromDoi(args) => registry_from_doi(FromDoi::new(&args)?, session),
        },
        Command::Cache(args) => match args.command {
            CacheCommand::Path(folder) => cache_path(&Folder::new(&folder)?, session),
            CacheCommand::Ls(folder) => cache_list(&Folder::new(&folder)?, session),
        },
        Command::Serve(args) => {
            session.begin().map_err(lost_output)?;
            serve(&args, session)
        }
        Command::Completions { shell } => {
            common::app::completions::<Cli>(&TOOL, shell, session);
            Ok(Exit::YES)
        }
    }
}

fn get(config: Get, session: &mut Session) -> Result<Exit, Failure> {
    let began = Instant::now();
    let stop = Stop::on_signals().map_err(anyhow::Error::from)?;
    let connections = config.jobs.max(config.options.segments);
    allow_open_files();
    let getter = Getter {
        cache: Cache::open(&config.folder.root, config.folder.layout)?,
        transfer: Arc::new(Transfer::new(
            connections,
            config.proxies,
            config.credentials,
            config.services,
            config.anonymous,
        )),
        hosts: Hosts::new(connections),
        options: config.options,
        process: config.process,
        policy: config.policy,
        stop: stop.clone(),
        claims: Claims::default(),
    };
    let mut summary = Summary::default();
    let mut screen = Screen::new(session);
    if config.progress && session.format == Format::Jsonl {
        screen = screen.with_progress();
    }
    let mut shown = Ok(());
    let worked = getter.get_all(config.requests, config.jobs, |event| {
        summary.apply(&event);
        if shown.is_ok() {
            shown = screen.show(event);
        }
        if shown.is_err() || screen.reader_gone() {
            stop.set();
        }
    });
    drop(screen);
    let settled = getter.cache.finish();
    for (word, number) in &summary.files {
        session.count(word, *number);
    }
    session.count("transferred_bytes", summary.transferred_bytes);
    worked?;
    settled?;
    shown.map_err(lost_output)?;
    if stop.was_interrupted() {
        return Ok(Exit::INTERRUPTED);
    }
    if session.format == Format::Human {
        let elapsed_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        session.note(&render::summary(&summary, elapsed_us));
    }
    Ok(summary.exit())
}

fn extract(config: &Extract, session: &Session) -> Result<Exit, Failure> {
    let stop = Stop::on_signals().map_err(anyhow::Error::from)?;
    let mut screen = Screen::new(session);
    let mut summary = Summary::default();
    for (job, path) in (0..).zip(&config.files) {
        let name = path.to_string_lossy().into_owned();
        let size_bytes = path.metadata().map_or(0, |state| state.len());
        let bar = session.progress.bytes(&format!("unpacking {name}"), Some(size_bytes));
        let watch = |bytes| {
            bar.inc(bytes);
            !stop.is_set()
        };
        let unpacked = archive::unpack_local(path, &config.wish, &config.selection, config.limit, &watch);
        bar.finish_and_clear();
        match unpacked {
            Ok(unpacked) => {
                for file in FileExtracted::all(&name, &unpacked.target, &unpacked.items) {
                    screen.show(Event::Extracted(Box::new(file))).map_err(lost_output)?;
                }
                let processed = Processed::new(unpacked.kind, &unpacked.target, &unpacked.items);
                screen.extracted(ArchiveExtracted { name, processed }).map_err(lost_output)?;
            }
            Err(ArchiveError::Stopped) => break,
            Err(error) => {
                let outcome = Outcome::Failed(FileFailed::new(&name, &error));
                let ended = Event::Ended { job, outcome: Box::new(outcome) };
                summary.apply(&ended);
                screen.show(ended).map_err(lost_output)?;
            }
        }
    }
    if stop.was_interrupted() { Ok(Exit::INTERRUPTED) } else { Ok(summary.exit()) }
}

fn hash(args: &HashArgs, session: &Session) -> Result<Exit, Failure> {
    let algorithm: Algorithm = args.algorithm.parse().map_err(Error::Algorithm)?;
    let mut screen = Screen::new(session);
    let digest = |path: &PathBuf| -> Result<FileHashed, FileError> {
        let read = File::open(path).and_then(|file| Hasher::new([algorithm]).read(file));
        let (digests, size_bytes) = read.map_err(FileError::at("read", path))?;
        let digest = digests.iter().map(ToString::to_string).collect();
        Ok(FileHashed { path: RecordPath::from(path.as_path()), digest, size_bytes })
    };
    let hashed: Vec<_> = args.files.par_iter().map(digest).collect();
    for file in hashed {
        screen.hashed(file?).map_err(lost_output)?;
    }
    Ok(Exit::YES)
}

fn registry_from_doi(config: FromDoi, session: &Session) -> Result<Exit, Failure> {
    let transfer = Transfer::new(1, config.proxies, Credentials::default(), config.services, true);
    let record = registry::record(&transfer, &config.doi, config.policy)?;
    let listing = Listing::new(&config.doi, &record);
    for name in &listing.without_digest {
        session.warn(&format!("{name:?} is only a comment: {} tells no digest of it", record.host()));
    }
    for name in &listing.unfit {
        session.warn(&format!("{name:?} is left out: no registry can have such a name"));
    }
    if let Some(path) = &config.output {
        common::fs::write_atomic(path, listing.text.as_bytes())?;
    } else {
        let mut output = session.output();
        let written = output.write_all(listing.text.as_bytes()).and_then(|()| output.flush());
        written.map_err(lost_output)?;
    }
    Ok(Exit::YES)
}

fn serve(args: &ServeArgs, session: &mut Session) -> Result<Exit, Failure> {
    let server = Server::open(&args.folder, args.bind, args.port, args.rate)?;
    let address = server.address().map_err(anyhow::Error::from)?;
    let (switch, switched) = Switch::on_signals().map_err(anyhow::Error::from)?;
    if !args.bind.is_loopback() {
        session.warn(&format!("whoever reaches {address} can read {}", server.root().display()));
    }
    allow_open_files();
    let mut screen = Screen::new(session);
    let root = server.root().to_string_lossy().into_owned();
    let started = ServerStarted { url: format!("http://{address}/"), port: address.port(), root };
    let mut shown = screen.server_started(started);
    let mut traffic = Traffic::default();
    // A reader of the log that falls behind holds up the server, not its memory.
    let (sender, requests) = mpsc::sync_channel(1024);
    let ran = thread::scope(|scope| {
        let running = scope.spawn(move || server.run(switched, sender));
        for request in requests {
            traffic.apply(&request);
            if shown.is_ok() {
                shown = screen.served(request);
            }
            if shown.is_err() || screen.reader_gone() {
                switch.turn();
            }
        }
        running.join().unwrap_or_else(|panic| resume_unwind(panic))
    });
    drop(screen);
    session.count("requests", traffic.requests);
    session.count("sent_bytes", traffic.bytes);
    ran.map_err(anyhow::Error::from)?;
    shown.map_err(lost_output)?;
    Ok(Exit::YES)
}

fn cache_path(folder: &Folder, session: &Session) -> Result<Exit, Failure> {
    let mut output = session.output();
    let path = folder.root.as_os_str().as_bytes();
    output.write_all(path).and_then(|()| output.write_all(b"\n")).map_err(lost_output)?;
    Ok(Exit::YES)
}

fn cache_list(folder: &Folder, session: &mut Session) -> Result<Exit, Failure> {
    session.begin().map_err(lost_output)?;
    let files =
        Cache::open(&folder.root, folder.layout)?.list().into_iter().map(|(path, entry)| FileListed {
            path: RecordPath::from(path.as_path()),
            digest: entry.sha256().to_owned(),
            size_bytes: entry.stamp.size_bytes,
            url: entry.url,
        });
    Screen::new(session).listed(files.collect()).map_err(lost_output)?;
    Ok(Exit::YES)
}

/// Lets this process have as many files open at once as the system allows, instead of the few that are customary.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // With the customary ones it works too, as long as few files or connections are asked for at once.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

fn lost_output(error: io::Error) -> Failure {
    Failure::from(anyhow::Error::new(error).context("failed to write to standard output"))
}
