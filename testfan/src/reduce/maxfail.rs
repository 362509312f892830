//! How many tests may still fail. Must not know where they run.
//!
//! A worker whose test failed waits until the failure is counted; one whose test passed never does.
//! So nothing begins in it after the last failure that is allowed; tests that run beside that one in
//! other workers end in order, and may be more failures.

/// The failures of a run, against `--maxfail`.
#[derive(Clone, Debug, Default)]
pub struct Maxfail {
    /// 0: as many as there are.
    limit: usize,
    failed: usize,
}

impl Maxfail {
    /// At most so many failures; 0: as many as there are.
    pub fn new(limit: usize) -> Self {
        Maxfail { limit, failed: 0 }
    }

    /// One more failed.
    pub fn failed(&mut self) {
        self.failed += 1;
    }

    /// Whether as many failed as may.
    pub fn reached(&self) -> bool {
        self.limit > 0 && self.failed >= self.limit
    }
}
