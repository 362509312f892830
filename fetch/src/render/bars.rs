//! Progress bars: one for each file under way, one for all. Must not know what becomes of the files.

use std::collections::HashMap;

use common::progress::{Progress, ProgressBar};

use crate::events::Event;

/// The bars of one run.
pub struct Bars {
    progress: Progress,
    files: HashMap<u64, ProgressBar>,
    total: Option<ProgressBar>,
}

impl Bars {
    /// Bars on `progress`, the first of them when there is something to show.
    pub fn new(progress: &Progress) -> Bars {
        Bars { progress: progress.clone(), files: HashMap::new(), total: None }
    }

    /// Moves the bars by one event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Requested(files) => match &self.total {
                Some(total) => total.inc_length(*files),
                None => self.total = Some(self.progress.count("files", *files)),
            },
            Event::Started { job, name, size_bytes, held_bytes, .. } => {
                self.start(*job, name, *size_bytes, *held_bytes);
            }
            Event::Unpacking { job, name, size_bytes } => {
                self.start(*job, &format!("unpacking {name}"), Some(*size_bytes), 0);
            }
            Event::Extracted(_) => {}
            Event::Advanced { job, bytes } | Event::Unpacked { job, bytes } => {
                if let Some(bar) = self.files.get(job) {
                    bar.inc(*bytes);
                }
            }
            Event::Postponed { job, .. } => self.clear(*job),
            Event::Ended { job, .. } => {
                self.clear(*job);
                if let Some(total) = &self.total {
                    total.inc(1);
                }
            }
        }
    }

    fn start(&mut self, job: u64, label: &str, size_bytes: Option<u64>, held_bytes: u64) {
        let bar = self.progress.bytes(label, size_bytes);
        bar.inc(held_bytes);
        if let Some(earlier) = self.files.insert(job, bar) {
            earlier.finish_and_clear();
        }
    }

    fn clear(&mut self, job: u64) {
        if let Some(bar) = self.files.remove(&job) {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for bar in self.files.values().chain(&self.total) {
            bar.finish_and_clear();
        }
    }
}
