//! Shows what happens: records for programs, lines and bars for people. The only room that prints.

mod advances;
mod bars;
mod human;

pub use human::summary;

use std::io::{self, Write};
use std::time::Instant;

use common::term::{Align, table};
use common::writer::Output;
use common::{Format, Session};

use crate::events::{
    ArchiveExtracted, Event, FileHashed, FileListed, Outcome, Record, RequestServed, ServerStarted,
};
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

    /// Shows what is in the cache.
    pub fn listed(&mut self, files: Vec<FileListed>) -> io::Result<()> {
        if self.session.format == Format::Human {
            let rows = files.iter().map(human::listed).collect();
            return self.text(&table(&[], &[Align::Right, Align::Left, Align::Left], rows));
        }
        files.into_iter().try_for_each(|file| self.output.record(&Record::Listed(file)))
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
