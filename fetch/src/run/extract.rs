//! Wires `fetch extract`. Must not know how an archive is unpacked.

use common::{Exit, Failure, Session};

use super::lost_output;
use crate::archive::{self, ArchiveError};
use crate::config::Extract;
use crate::events::{ArchiveExtracted, Event, FileExtracted, FileFailed, Outcome, Processed};
use crate::get::Stop;
use crate::reduce::Summary;
use crate::render::Screen;

/// Unpacks each file.
pub fn run(config: &Extract, session: &Session) -> Result<Exit, Failure> {
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
