//! Counts how tests ended. Must not know where they ran.

use std::collections::BTreeMap;

use crate::protocol::Done;

/// The outcomes so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: BTreeMap<&'static str, u64>,
    durations: BTreeMap<usize, u64>,
    quiet: Vec<(usize, f64)>,
}

impl Tally {
    /// One more test is done; `reported` when pytest's plugins already have its reports.
    pub fn done(&mut self, done: &Done, reported: bool) {
        *self.counts.entry(done.outcome.word()).or_default() += 1;
        self.durations.insert(done.i, done.duration_us);
        if !reported {
            #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
            self.quiet.push((done.i, done.duration_us as f64 / 1e6));
        }
    }

    /// How many tests ended each way, by the outcome's name in the records.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(word, count)| (*word, *count))
    }

    /// How long each item took, in microseconds.
    pub fn durations(&self) -> &BTreeMap<usize, u64> {
        &self.durations
    }

    /// The items that pytest's plugins have not been told of, with their seconds.
    pub fn take_quiet(&mut self) -> Vec<(usize, f64)> {
        std::mem::take(&mut self.quiet)
    }
}
