//! The `test.*` records, which testfan and pyweb both emit so that one report serves both.
//! Must not know how a test is run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a test ended, in pytest's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It passed.
    Passed,
    /// Its call failed, or its process died.
    Failed,
    /// It was skipped.
    Skipped,
    /// It failed as expected.
    Xfailed,
    /// It passed although a failure was expected.
    Xpassed,
    /// Its setup or teardown failed.
    Error,
}

impl Outcome {
    /// True for the outcomes that make a run fail.
    pub fn is_bad(self) -> bool {
        matches!(self, Outcome::Failed | Outcome::Error)
    }

    /// Its name in the records.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
            Outcome::Xfailed => "xfailed",
            Outcome::Xpassed => "xpassed",
            Outcome::Error => "error",
        }
    }
}

/// `test.started`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestStarted {
    /// The test's node id.
    pub id: String,
    /// The worker that runs it, such as `gw0`.
    pub worker: String,
}

/// `test.finished`: exactly one for each test that ran or was reported as lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestFinished {
    /// The test's node id.
    pub id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Setup, call and teardown together, in microseconds.
    pub duration_us: u64,
    /// The worker that ran it.
    pub worker: String,
    /// The failure, skip reason or xfail reason as the runner words it; empty when there is none.
    pub message: String,
    /// What the test printed, section after section; empty when there is none.
    pub output: String,
}
