//! Reads a capture while the program writes it, a little more each time. Whoever reads may come late, leave and
//! come back: the program takes no notice.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use memtrace_wire::block::CODES;
use memtrace_wire::header::Header;

use crate::error::Error;
use crate::events::{Event, Symbols};
use crate::source::capture::file::{CaptureFile, free};
use crate::source::capture::mixed::MixedStacks;
use crate::source::capture::stream::{Codes, Context, Stream};
use crate::source::symbolize::Symbolizer;

/// Events are put in order so many sequence numbers at a time: a capture that is already large does not have to
/// be in memory at once.
const STEP: u64 = 1 << 20;

/// A capture, read up to where the program was.
pub struct Follower {
    path: PathBuf,
    header: Header,
    codes: Codes,
    streams: BTreeMap<u32, Stream>,
    symbols: Symbols,
    symbolizer: Symbolizer,
    /// Events that are written, while others that come before them may not be yet.
    waiting: Vec<(u64, Event)>,
    /// The highest sequence number so far.
    highest: u64,
}

impl Follower {
    /// Nothing is read yet.
    pub fn new(path: &Path) -> Result<Follower, Error> {
        let mut file = CaptureFile::open(path)?;
        Ok(Follower {
            path: path.to_owned(),
            codes: Codes::read(&mut file)?,
            header: file.header,
            streams: BTreeMap::new(),
            symbols: Symbols::default(),
            symbolizer: Symbolizer::default(),
            waiting: Vec::new(),
            highest: 0,
        })
    }

    /// Hands over what has come since the last time, but for the events that came too late to be sure of their
    /// order among the threads'; those come the next time, unless the program `is_over`.
    pub fn poll(&mut self, is_over: bool, on_events: &mut dyn FnMut(&[Event])) -> Result<(), Error> {
        let mut file = CaptureFile::open(&self.path)?;
        // Code is defined before it is referred to, so it is looked at after what refers to it.
        let mut later = CaptureFile::open(&self.path)?;
        self.header = later.header.clone();
        self.codes.update(&mut later)?;
        file.streams.remove(&CODES);
        for (number, blocks) in std::mem::take(&mut file.streams) {
            let new = || Stream::new(Vec::new(), MixedStacks::of(&self.header));
            let stream = self.streams.entry(number).or_insert_with(new);
            stream.grow(blocks, &mut file)?;
        }
        // What was the highest the last time has by now been passed by everybody who was writing then.
        let settled = if is_over { u64::MAX } else { self.highest };
        let mut upto = self.highest;
        loop {
            upto = upto.saturating_add(STEP);
            let mut context = Context {
                file: &mut file,
                codes: &mut self.codes,
                symbols: &mut self.symbols,
                symbolizer: &mut self.symbolizer,
                damaged: false,
            };
            let mut more = false;
            for stream in self.streams.values_mut() {
                let drained: ControlFlow<Infallible> = stream.run(upto, &mut context, |seq, event| {
                    // What has no place among the others' events is in the symbols.
                    self.waiting.extend(seq.map(|seq| (seq, event)));
                    ControlFlow::Continue(())
                })?;
                let ControlFlow::Continue(()) = drained;
                more |= stream.due().is_some();
            }
            self.waiting.sort_unstable_by_key(|(seq, _)| *seq);
            self.highest = self.waiting.last().map_or(self.highest, |(seq, _)| self.highest.max(*seq));
            let settled = if more { upto.saturating_sub(STEP).max(settled) } else { settled };
            let due = self.waiting.partition_point(|(seq, _)| *seq <= settled);
            let events: Vec<Event> = self.waiting.drain(..due).map(|(_, event)| event).collect();
            on_events(&events);
            if !more {
                return Ok(());
            }
        }
    }

    /// Gives back to the file system what was read; nobody can read it from the beginning any more.
    pub fn free_what_was_read(&mut self) -> Result<(), Error> {
        for stream in self.streams.values_mut() {
            for block in stream.blocks_read() {
                free(&self.path, &block).map_err(|cause| Error::Read { path: self.path.clone(), cause })?;
            }
        }
        Ok(())
    }

    /// The capture's first page, as it was when it was last looked at.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// True once the program has come to its end, or is gone.
    pub fn ended(&self) -> bool {
        let gone = || self.header.pid != 0 && !Path::new(&format!("/proc/{}", self.header.pid)).exists();
        self.header.end.is_some() || gone()
    }

    /// What the numbers in the events stand for.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// The program and its arguments.
    pub fn command(&self) -> &[String] {
        &self.header.command
    }

    /// The process id of the program; 0 before it has begun.
    pub fn pid(&self) -> u32 {
        self.header.pid
    }
}
