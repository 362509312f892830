//! What is done with a file once it lies verified in its place: unpacking it. Must not know how it came there.

use super::{Getter, tell};
use crate::cache::{Entry, Place, Ways};
use crate::error::Problem;
use crate::events::{Event, FileExtracted, Processed};
use crate::queue::Queue;
use crate::source::Process;

/// Unpacks the file of one request.
pub struct Unpacker<'a> {
    /// The number of its job.
    pub job: u64,
    /// Its name.
    pub name: &'a str,
    /// What the run is to keep to.
    pub getter: &'a Getter,
    /// Who hears of it.
    pub events: &'a Queue<Event>,
}

impl Unpacker<'_> {
    /// Unpacks the file at `place`, unless that is done; nothing when there is nothing to unpack.
    pub fn unpack(
        &self,
        place: &Place,
        entry: &Entry,
        process: &Process,
    ) -> Result<Option<Processed>, Problem> {
        let (job, name, size_bytes) = (self.job, self.name.to_owned(), entry.stamp.size_bytes);
        let begin = || tell(self.events, Event::Unpacking { job, name: name.clone(), size_bytes });
        let watch = |bytes| {
            tell(self.events, Event::Unpacked { job, bytes });
            !self.getter.stop.is_set()
        };
        let options = self.getter.options;
        let ways = Ways { limit: options.max_unpacked, verify: options.verify, begin: &begin, watch: &watch };
        let unpacked = self.getter.cache.unpack(place, entry.sha256(), process, ways)?;
        let Some((kind, target, items)) = unpacked else { return Ok(None) };
        for file in FileExtracted::all(self.name, &target, &items) {
            tell(self.events, Event::Extracted(Box::new(file)));
        }
        Ok(Some(Processed::new(kind, &target, &items)))
    }
}
