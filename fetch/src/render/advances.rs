//! Records of how far each file is, few enough to be read. Must not know who reads them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::events::{Event, FileAdvanced, FileStarted, Record};

/// The least time between two records of one file.
const PAUSE: Duration = Duration::from_millis(100);

/// The files under way, by job.
#[derive(Default)]
pub struct Advances {
    files: HashMap<u64, File>,
}

struct File {
    name: String,
    got_bytes: u64,
    told: Instant,
}

impl Advances {
    /// The record that an event at the time `now` is worth.
    pub fn apply(&mut self, event: &Event, now: Instant) -> Option<Record> {
        match event {
            Event::Started { job, name, url, size_bytes, held_bytes } => {
                self.files.insert(*job, File { name: name.clone(), got_bytes: *held_bytes, told: now });
                Some(Record::Started(FileStarted {
                    name: name.clone(),
                    url: url.clone(),
                    size_bytes: *size_bytes,
                    held_bytes: *held_bytes,
                }))
            }
            Event::Advanced { job, bytes } => {
                let file = self.files.get_mut(job)?;
                file.got_bytes += bytes;
                if now.duration_since(file.told) < PAUSE {
                    return None;
                }
                file.told = now;
                Some(Record::Advanced(FileAdvanced { name: file.name.clone(), got_bytes: file.got_bytes }))
            }
            Event::Ended { job, .. } => {
                self.files.remove(job);
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_of_at_most_ten_times_a_second() {
        let mut advances = Advances::default();
        let began = Instant::now();
        let (name, url) = ("a".to_owned(), "http://host/a".to_owned());
        let started = Event::Started { job: 1, name, url, size_bytes: None, held_bytes: 5 };
        assert!(matches!(advances.apply(&started, began), Some(Record::Started(_))));
        let told: Vec<u64> = (1..=1000)
            .filter_map(|millisecond| {
                let now = began + Duration::from_millis(millisecond);
                advances.apply(&Event::Advanced { job: 1, bytes: 1 }, now)
            })
            .map(|record| if let Record::Advanced(file) = record { file.got_bytes } else { 0 })
            .collect();
        assert_eq!(told, [105, 205, 305, 405, 505, 605, 705, 805, 905, 1005]);
        assert!(advances.apply(&Event::Advanced { job: 2, bytes: 1 }, began).is_none());
    }
}
