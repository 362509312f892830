//! Wires a command: source -> events -> reduce -> render. Must not know how any of these does its part.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use common::app::CommandLine;
use common::fs::{FileError, allow_open_files};
use common::record::RecordPath;
use common::{Exit, Failure, Format, Session, Tool};
use rayon::prelude::*;

use crate::cli::{Cli, Command, HashArgs};
use crate::config::{Extract, Get};
use crate::error::Error;
use crate::events::{FileHashed, Record};
use crate::get::{Claims, Getter, Hosts, Stop};
use crate::hash::{Algorithm, Hasher};
use crate::reduce::Summary;
use crate::registry::Lock;
use crate::render::{self, Screen};
use crate::transfer::Transfer;

mod cache;
mod extract;
mod registry;
mod serve;

/// What the shared wrapper needs to know of fetch.
pub static TOOL: Tool = Tool {
    name: "fetch",
    version: env!("CARGO_PKG_VERSION"),
    schema: || common::schema::of::<Record>("fetch"),
};

/// Runs one command.
pub fn run(cli: Cli, session: &mut Session) -> Result<Exit, Failure> {
    let records_asked = cli.output().format == Some(Format::Jsonl);
    match cli.command {
        Command::Get(args) => {
            session.begin().map_err(lost_output)?;
            let config = Get::new(&args)?;
            get(config, session)
        }
        Command::Extract(args) => {
            session.begin().map_err(lost_output)?;
            extract::run(&Extract::new(args)?, session)
        }
        Command::Hash(args) => {
            session.begin().map_err(lost_output)?;
            hash(&args, session)
        }
        Command::Registry(args) => registry::run(args.command, records_asked, session),
        Command::Cache(args) => cache::run(args.command, session),
        Command::Serve(args) => {
            session.begin().map_err(lost_output)?;
            serve::run(&args, session)
        }
        Command::Completions { shell } => {
            common::app::completions::<Cli>(&TOOL, shell, session);
            Ok(Exit::YES)
        }
    }
}

fn get(config: Get, session: &mut Session) -> Result<Exit, Failure> {
    config.warnings.iter().for_each(|warning| session.warn(warning));
    let began = Instant::now();
    let stop = Stop::on_signals().map_err(anyhow::Error::from)?;
    let connections = config.jobs.max(config.options.segments);
    allow_open_files();
    let getter = Getter {
        cache: config.folder.open()?,
        transfer: Arc::new(Transfer::new(
            connections,
            config.proxies,
            config.credentials,
            config.services,
            config.anonymous,
        )),
        hosts: config.per_host.map_or_else(|| Hosts::new(connections), Hosts::at_most),
        options: config.options,
        process: config.process,
        policy: config.policy,
        stop: stop.clone(),
        claims: Claims::of(config.requests.count().unwrap_or_default()),
        lock: config.lock,
    };
    // Who only asks uses no file, and leaves the folder alone.
    let in_use = (!config.options.check).then(|| getter.cache.mark_in_use());
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
    let locked = getter.lock.as_ref().map_or(Ok(()), Lock::write);
    drop(in_use);
    let settled = getter.cache.finish();
    for (word, number) in &summary.files {
        session.count(word, *number);
    }
    session.count("transferred_bytes", summary.transferred_bytes);
    worked?;
    settled?;
    locked?;
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

fn hash(args: &HashArgs, session: &Session) -> Result<Exit, Failure> {
    let algorithm: Algorithm = args.algorithm.parse().map_err(Error::Algorithm)?;
    let mut screen = Screen::new(session);
    let digest = |path: &PathBuf| -> Result<FileHashed, FileError> {
        let read = File::open(path).and_then(|file| Hasher::new([algorithm]).read(file));
        let (digests, size_bytes) = read.map_err(FileError::at("read", path))?;
        let digest = digests.iter().map(ToString::to_string).collect();
        Ok(FileHashed { name: None, path: RecordPath::from(path.as_path()), digest, size_bytes })
    };
    let hashed: Vec<_> = args.files.par_iter().map(digest).collect();
    for file in hashed {
        screen.hashed(file?).map_err(lost_output)?;
    }
    Ok(Exit::YES)
}

fn lost_output(error: io::Error) -> Failure {
    Failure::from(anyhow::Error::new(error).context("failed to write to standard output"))
}
