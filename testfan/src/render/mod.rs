//! Records to people or to JSON lines; the only place that prints. Must not know how a run is made.

mod human;
mod jsonl;
mod live;
mod region;

use std::io;

use common::app::Session;
use common::format::Format;

use crate::events::Record;

/// Somebody who is shown every record of a run, in order.
pub trait Render {
    /// Shows one.
    fn show(&mut self, record: &Record) -> io::Result<()>;
}

/// The renderer for the form of this session's output; `width` is the terminal's, if there is one.
pub fn renderer(session: &Session, width: Option<u16>) -> Box<dyn Render> {
    match session.format {
        Format::Jsonl => Box::new(jsonl::JsonLines::new(session.output())),
        Format::Human => Box::new(human::Human::new(session, width)),
    }
}
