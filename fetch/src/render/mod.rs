//! Shows what happens: records for programs, lines and bars for people. The only room that prints.

mod advances;
mod bars;
mod human;

pub use human::{cleared, summary};

use std::io::{self, Write};
use std::time::{Duration, Instant};

use common::term::{Align, plain, table};
use common::writer::Output;
use common::{Format, Session};

use crate::events::{
    ArchiveExtracted, EntryChecked, EntryConverted, Event, FileHashed, FileKept, FileListed, FileRemoved,
    FileVerified, Outcome, Record, RegistryWritten, RequestServed, ServerStarted,
};
use crate::registry::State;
use advances::Advances;
use bars::Bars;

/// Standard output in the form asked for, and the bars on standard error.
pub struct Screen<'a> {
    session: &'a Session,
    output: Output,
    bars: Bars,
    /// Only with `--progress`.
    advances: Option<Advances>,
}

impl<'a> Screen<'a> {
    /// The screen of a run.
    pub fn new(session: &'a Session) -> Self {
        Screen { session, output: session.output(), bars: Bars::new(&session.progress), advances: None }
    }

    /// Lets records tell how far each file is, too.
    #[must_use]
    pub fn with_progress(mut self) -> Self {
        self.advances = Some(Advances::default());
        self
    }

    /// Whether nobody reads standard output any more.
    pub fn reader_gone(&self) -> bool {
        self.output.reader_gone()
    }

    /// Shows one event of `fetch get`.
    pub fn show(&mut self, event: Event) -> io::Result<()> {
        self.bars.apply(&event);
        if let Some(record) =
            self.advances.as_mut().and_then(|advances| advances.apply(&event, Instant::now()))
        {
            self.output.record(&record)?;
        }
        match event {
            Event::Ended { outcome, .. } => self.ended(*outcome),
            Event::Extracted(file) if self.session.format == Format::Jsonl => {
                self.output.record(&Record::Extracted(*file))
            }
            Event::Postponed { name, reason, wait, .. } if self.session.verbose > 0 => {
                let (name, reason) = (plain(&name), plain(&reason));
                self.session.note(&format!("{name}: {reason}; again in {} ms", wait.as_millis()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Shows what came out of one archive of `fetch extract`.
    pub fn extracted(&mut self, archive: ArchiveExtracted) -> io::Result<()> {
        match self.session.format {
            Format::Human if self.session.quiet => Ok(()),
            Format::Human => self.text(&human::processed(self.session.styles, &archive.processed)),
            Format::Jsonl => self.output.record(&Record::ArchiveExtracted(archive)),
        }
    }

    /// Shows the digest of a file.
    pub fn hashed(&mut self, file: FileHashed) -> io::Result<()> {
        match self.session.format {
            Format::Human => self.text(&human::hashed(&file)),
            Format::Jsonl => self.output.record(&Record::Hashed(file)),
        }
    }

    /// Shows what is in the cache, each with the time since its last use.
    pub fn listed(&mut self, files: Vec<(FileListed, Duration)>) -> io::Result<()> {
        if self.session.format == Format::Human {
            let rows = files.iter().map(|(file, unused)| human::listed(file, *unused)).collect();
            let header = ["SIZE", "USED", "PATH", "FROM"];
            let columns = [Align::Right, Align::Right, Align::Left, Align::Left];
            let total = human::total(files.iter().map(|(file, _)| file));
            self.text(&if files.is_empty() { String::new() } else { table(&header, &columns, rows) })?;
            self.session.note(&total);
            return Ok(());
        }
        files.into_iter().try_for_each(|(file, _)| self.output.record(&Record::Listed(file)))
    }

    /// Shows whether a file is that of a registry; people need not hear of those that are right.
    pub fn entry_checked(&mut self, file: EntryChecked) -> io::Result<()> {
        match self.session.format {
            Format::Human if file.state == State::Right && self.session.quiet => Ok(()),
            Format::Human => self.text(&human::entry_checked(self.session.styles, &file)),
            Format::Jsonl => self.output.record(&Record::EntryChecked(file)),
        }
    }

    /// Shows that a registry was written.
    pub fn written(&mut self, registry: RegistryWritten) -> io::Result<()> {
        if self.session.format == Format::Human {
            self.session.note(&human::written(&registry));
            return Ok(());
        }
        self.output.record(&Record::Written(registry))
    }

    /// Shows an entry of a registry, to programs; people have the registry itself.
    pub fn converted(&mut self, entry: EntryConverted) -> io::Result<()> {
        match self.session.format {
            Format::Human => Ok(()),
            Format::Jsonl => self.output.record(&Record::Converted(entry)),
        }
    }

    /// Shows whether a file in the cache is right.
    pub fn verified(&mut self, file: FileVerified) -> io::Result<()> {
        match self.session.format {
            Format::Human if file.state == State::Right && self.session.quiet => Ok(()),
            Format::Human => self.text(&human::verified(self.session.styles, &file)),
            Format::Jsonl => self.output.record(&Record::Verified(file)),
        }
    }

    /// Shows that a file was removed from the cache.
    pub fn removed(&mut self, file: FileRemoved) -> io::Result<()> {
        match self.session.format {
            Format::Human if self.session.quiet => Ok(()),
            Format::Human => self.text(&human::removed(self.session.styles, &file)),
            Format::Jsonl => self.output.record(&Record::Removed(file)),
        }
    }

    /// Shows that a file stays in the cache that should go.
    pub fn kept(&mut self, file: FileKept) -> io::Result<()> {
        match self.session.format {
            Format::Human => self.text(&human::kept(self.session.styles, &file)),
            Format::Jsonl => self.output.record(&Record::Kept(file)),
        }
    }

    /// Shows where a server listens.
    pub fn server_started(&mut self, server: ServerStarted) -> io::Result<()> {
        match self.session.format {
            Format::Human => self.text(&human::server_started(self.session.styles, &server)),
            Format::Jsonl => self.output.record(&Record::ServerStarted(server)),
        }
    }

    /// Shows a request that a server has dealt with.
    pub fn served(&mut self, request: RequestServed) -> io::Result<()> {
        match self.session.format {
            Format::Human if self.session.quiet => Ok(()),
            Format::Human => self.text(&human::served(self.session.styles, &request)),
            Format::Jsonl => self.output.record(&Record::Served(request)),
        }
    }

    fn ended(&mut self, outcome: Outcome) -> io::Result<()> {
        match outcome {
            Outcome::Finished(file) => match self.session.format {
                Format::Human if self.session.quiet => Ok(()),
                Format::Human => self.text(&human::finished(self.session.styles, &file)),
                Format::Jsonl => self.output.record(&Record::Finished(file)),
            },
            Outcome::Checked(file) => match self.session.format {
                Format::Human if self.session.quiet && file.available => Ok(()),
                Format::Human => self.text(&human::checked(self.session.styles, &file)),
                Format::Jsonl => self.output.record(&Record::Checked(file)),
            },
            Outcome::Failed(file) => {
                let text = human::failure(self.session.error_styles, &file);
                // The record and the exit code say it too, so a closed standard error changes nothing.
                let _ = self.session.progress.suspend(|| io::stderr().write_all(text.as_bytes()));
                if self.session.format == Format::Jsonl {
                    self.output.record(&Record::Failed(file))?;
                }
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let output = &mut self.output;
        self.session.progress.suspend(|| output.write_all(text.as_bytes()).and_then(|()| output.flush()))
    }
}
