//! The records of one run or several added up: for `testfan report`, and for what a run tells CI.
//! Must not know where the records come from nor how the answer is shown.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use common::exit::Exit;
use common::outcome::{Outcome, TestFinished};

use crate::events::{Flaky, Heard, Measured, Record, Slow};

/// pytest's exit code when there was nothing to run.
const NO_TESTS: u8 = 5;

/// What was heard so far.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The runs, in the order they were read.
    pub runs: Vec<RunHeard>,
    /// The tests, in the order they ended.
    pub tests: Vec<TestHeard>,
    flaky: BTreeMap<String, Flaky>,
    failed_attempts: BTreeMap<String, usize>,
    measured: BTreeMap<String, Measured>,
}

/// One run of one tool.
#[derive(Clone, Debug, Default)]
pub struct RunHeard {
    /// The tool's name; empty where the beginning is missing.
    pub tool: String,
    /// When it began: RFC 3339.
    pub began: String,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// How it ended; none: it was cut short.
    pub exit: Option<u8>,
    /// The error that ended it.
    pub failure: Option<String>,
    /// The tests that were under way when it was interrupted.
    pub interrupted: Vec<String>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct TestHeard {
    /// Its run, in [`Report::runs`].
    pub run: usize,
    /// How many times it ran in that run.
    pub attempts: usize,
    /// How it ended for good.
    pub finished: TestFinished,
}

impl Report {
    /// One record more.
    pub fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::RunStarted { tool, started } => {
                self.failed_attempts.clear();
                self.runs.push(RunHeard { tool, began: started.wall_clock, ..RunHeard::default() });
            }
            Heard::RunFailed(failed) => {
                let chain = std::iter::once(failed.message).chain(failed.causes);
                self.run().failure = Some(chain.collect::<Vec<_>>().join(": "));
            }
            Heard::RunFinished { at_us, finished } => {
                let run = self.run();
                run.took_us = at_us;
                run.exit = Some(finished.exit_code);
            }
            Heard::Record(record) => self.record(&record),
        }
    }

    /// One record more, of the run that was heard of last.
    pub fn record(&mut self, record: &Record) {
        match record {
            Record::TestRetried { attempt, failure } => {
                self.failed_attempts.insert(failure.id.clone(), *attempt);
            }
            Record::TestFinished(test) => self.finished(test.clone()),
            Record::TestMeasured(measured) => {
                self.measured.insert(measured.id.clone(), measured.clone());
            }
            Record::TestInterrupted { id, .. } => self.run().interrupted.push(id.clone()),
            Record::FlakyFound(flaky) => {
                self.flaky.insert(flaky.id.clone(), flaky.clone());
            }
            _ => {}
        }
    }

    fn finished(&mut self, finished: TestFinished) {
        let attempts = self.failed_attempts.remove(&finished.id).unwrap_or(0) + 1;
        if attempts > 1 && !finished.outcome.is_bad() {
            let history = String::new();
            let flaky = Flaky { id: finished.id.clone(), attempts, history };
            self.flaky.entry(finished.id.clone()).or_insert(flaky);
        }
        self.run();
        self.tests.push(TestHeard { run: self.runs.len() - 1, attempts, finished });
    }

    /// The run that is being heard of; one without a beginning where that is missing.
    fn run(&mut self) -> &mut RunHeard {
        let last = self.runs.len().saturating_sub(1);
        if self.runs.get(last).is_none_or(|run| run.exit.is_some()) {
            self.runs.push(RunHeard::default());
        }
        let last = self.runs.len() - 1;
        &mut self.runs[last]
    }

    /// How many tests ended each way, in pytest's order; none with 0.
    pub fn counts(&self) -> Vec<(Outcome, u64)> {
        use Outcome::{Error, Failed, Passed, Skipped, Xfailed, Xpassed};
        let count =
            |outcome| self.tests.iter().filter(|test| test.finished.outcome == outcome).count() as u64;
        let all = [Failed, Passed, Skipped, Xfailed, Xpassed, Error].map(|outcome| (outcome, count(outcome)));
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// The tests that failed, in the order they ended.
    pub fn failures(&self) -> impl Iterator<Item = &TestHeard> {
        self.tests.iter().filter(|test| test.finished.outcome.is_bad())
    }

    /// The tests that do not always end the same way, by node id.
    pub fn flaky(&self) -> impl Iterator<Item = &Flaky> {
        self.flaky.values()
    }

    /// So many of the slowest tests that took `least_us` at least, the slowest first.
    pub fn slowest(&self, most: usize, least_us: u64) -> Vec<Slow> {
        let tests = self.tests.iter().map(|test| &test.finished);
        let mut slow: Vec<&TestFinished> = tests.filter(|test| test.duration_us >= least_us).collect();
        slow.sort_by_key(|test| Reverse(test.duration_us));
        let named = slow.into_iter().take(most);
        named.map(|test| Slow { id: test.id.clone(), duration_us: test.duration_us }).collect()
    }

    /// What is known of tests' memory, those with the most first.
    pub fn measured(&self) -> Vec<&Measured> {
        let mut measured: Vec<&Measured> = self.measured.values().collect();
        measured.sort_by_key(|test| Reverse(test.peak_bytes));
        measured
    }

    /// All tests together, in microseconds.
    pub fn duration_us(&self) -> u64 {
        self.tests.iter().map(|test| test.finished.duration_us).sum()
    }

    /// The longest of the runs, in microseconds: as long as they took side by side.
    pub fn took_us(&self) -> u64 {
        self.runs.iter().map(|run| run.took_us).max().unwrap_or(0)
    }

    /// How many runs have no end.
    pub fn cut_short(&self) -> usize {
        self.runs.iter().filter(|run| run.exit.is_none()).count()
    }

    /// The exit code of what is reported: that of the run; of several the worst, where a part without tests says
    /// nothing; 2 where one of them was cut short or there is none.
    pub fn exit(&self) -> Exit {
        if self.runs.is_empty() || self.cut_short() > 0 {
            return Exit::CANNOT;
        }
        let codes = self.runs.iter().filter_map(|run| run.exit);
        Exit(codes.filter(|code| *code != NO_TESTS).max().unwrap_or(NO_TESTS))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use common::record::{RunFinished, RunStarted};
    use proptest::prelude::*;

    use super::*;

    fn started() -> Heard {
        let (version, wall_clock) = ("1".into(), "2026-01-01T00:00:00Z".into());
        Heard::RunStarted {
            tool: "testfan".into(),
            started: RunStarted { version, argv: Vec::new(), wall_clock },
        }
    }

    fn ended(exit_code: u8) -> Heard {
        let finished = RunFinished { exit_code, counts: BTreeMap::new(), dropped: 0 };
        Heard::RunFinished { at_us: 7, finished }
    }

    fn test(id: &str, outcome: Outcome) -> Heard {
        let (message, output, worker) = (String::new(), String::new(), "gw0".into());
        let finished = TestFinished { id: id.into(), outcome, duration_us: 5, worker, message, output };
        Heard::Record(Record::TestFinished(finished))
    }

    fn report(heard: impl IntoIterator<Item = Heard>) -> Report {
        let mut report = Report::default();
        heard.into_iter().for_each(|heard| report.hear(heard));
        report
    }

    #[test]
    fn the_worst_of_several_runs_counts_and_a_part_without_tests_does_not() {
        let of = |codes: &[u8]| report(codes.iter().flat_map(|code| [started(), ended(*code)])).exit();
        assert_eq!(of(&[0, 1, 0]), Exit(1));
        assert_eq!(of(&[1, 3]), Exit(3));
        assert_eq!((of(&[5, 0]), of(&[5, 5])), (Exit(0), Exit(5)));
    }

    #[test]
    fn a_run_without_an_end_was_cut_short_whatever_follows() {
        let passed = || test("a", Outcome::Passed);
        let cases = [vec![], vec![passed()], vec![started(), passed()], vec![started(), started(), ended(0)]];
        for heard in cases {
            assert_eq!(report(heard.clone()).exit(), Exit::CANNOT, "{heard:?}");
        }
        assert_eq!(report([started(), passed(), ended(0), passed()]).cut_short(), 1);
    }

    proptest! {
        /// However a suite is cut into runs, the report counts the same tests.
        #[test]
        fn parts_add_up_to_the_whole(outcomes in prop::collection::vec((any::<bool>(), 0usize..4), 0..40)) {
            let named = |index: usize, bad: bool| {
                test(&index.to_string(), if bad { Outcome::Failed } else { Outcome::Passed })
            };
            let whole = report(outcomes.iter().enumerate().map(|(index, (bad, _))| named(index, *bad)));
            let parts = report((0..4).flat_map(|part| {
                let ours = outcomes.iter().enumerate().filter(move |(_, (_, of))| *of == part);
                let tests = ours.map(|(index, (bad, _))| named(index, *bad));
                let all: Vec<Heard> = [started()].into_iter().chain(tests).chain([ended(0)]).collect();
                all
            }));
            prop_assert_eq!(whole.counts(), parts.counts());
            prop_assert_eq!(whole.duration_us(), parts.duration_us());
            prop_assert_eq!(parts.runs.len(), 4);
        }
    }
}
