//! Events into the answer of a run. Pure: no clock, no files, no output.

use std::collections::BTreeMap;

use common::Exit;

use crate::events::{Event, Outcome, RequestServed};

/// What a run has come to so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files by how they ended: the words of a status, and `failed`.
    pub files: BTreeMap<&'static str, u64>,
    /// Bytes of all files that are there.
    pub size_bytes: u64,
    /// Bytes that came over the network or from `file:` URLs, those of failed attempts included.
    pub transferred_bytes: u64,
    /// Some file had other content than it should.
    pub mismatched: bool,
    /// Some file that was asked after is not there.
    pub missing: bool,
}

impl Summary {
    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Advanced { bytes, .. } => self.transferred_bytes += bytes,
            Event::Ended { outcome, .. } => self.end(outcome),
            Event::Requested(_)
            | Event::Started { .. }
            | Event::Postponed { .. }
            | Event::Unpacking { .. }
            | Event::Unpacked { .. }
            | Event::Extracted(_) => {}
        }
    }

    fn end(&mut self, outcome: &Outcome) {
        let word = match outcome {
            Outcome::Finished(file) => {
                self.size_bytes += file.size_bytes;
                file.status.word()
            }
            Outcome::Checked(file) if file.available => {
                self.size_bytes += file.size_bytes.unwrap_or(0);
                "available"
            }
            Outcome::Checked(_) => {
                self.missing = true;
                "missing"
            }
            Outcome::Failed(file) => {
                self.mismatched |= file.code == "hash_mismatch";
                "failed"
            }
        };
        *self.files.entry(word).or_default() += 1;
    }

    /// How many files were dealt with.
    pub fn total(&self) -> u64 {
        self.files.values().sum()
    }

    /// 0 when every file is there; 1 when one had other content than its digest says, or none is where it was
    /// asked after; else 2.
    pub fn exit(&self) -> Exit {
        match (self.mismatched || self.missing, self.files.contains_key("failed")) {
            (true, _) => Exit::NO,
            (false, true) => Exit::CANNOT,
            (false, false) => Exit::YES,
        }
    }
}

/// What a server has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that were dealt with.
    pub requests: u64,
    /// Bytes of bodies that went out.
    pub bytes: u64,
}

impl Traffic {
    /// Takes in one request.
    pub fn apply(&mut self, served: &RequestServed) {
        self.requests += 1;
        self.bytes += served.bytes;
    }
}
