//! Which tests do not always end the same way: they passed only when they ran again, or they failed in two separate
//! spells of their last runs. Must not know where what is remembered lies.

use std::collections::BTreeMap;

use common::outcome::Outcome;

use crate::events::Flaky;

/// How the last runs of tests ended, by node id, one letter a run, the newest last: [`PASSED`], [`RETRIED`],
/// [`FAILED`]. A test that is not in it did not fail in its last runs.
pub type History = BTreeMap<String, String>;

/// It passed.
const PASSED: char = '.';
/// It passed when it ran again.
const RETRIED: char = 'R';
/// It failed.
const FAILED: char = 'F';
/// So many runs are remembered.
const REMEMBERED: usize = 10;
/// In so many separate spells a test must have failed: one that broke and was mended failed in one.
const SPELLS: usize = 2;

/// The tests of this run, beside what is remembered of earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Flakiness {
    history: History,
    ended: Vec<(String, usize, char)>,
}

impl Flakiness {
    /// Begins with what is remembered.
    pub fn new(history: History) -> Self {
        Flakiness { history, ended: Vec::new() }
    }

    /// A test ended for good, at this attempt.
    pub fn ended(&mut self, id: &str, attempts: usize, outcome: Outcome) {
        let letter = match outcome {
            // It did not really run.
            Outcome::Skipped => return,
            outcome if outcome.is_bad() => FAILED,
            _ if attempts > 1 => RETRIED,
            _ => PASSED,
        };
        // Of most tests there is nothing to say: they pass as ever.
        if letter != PASSED || self.history.contains_key(id) {
            self.ended.push((id.to_owned(), attempts, letter));
            remember(&mut self.history, id, letter);
        }
    }

    /// The tests of this run that are flaky.
    pub fn found(&self) -> Vec<Flaky> {
        let flaky = self.ended.iter().filter_map(|(id, attempts, letter)| {
            let history = self.history.get(id).cloned().unwrap_or_else(|| letter.to_string());
            let found = *letter == RETRIED || spells(&history) >= SPELLS;
            found.then(|| Flaky { id: id.clone(), attempts: *attempts, history })
        });
        flaky.collect()
    }

    /// Adds this run to what is remembered, which other runs may have changed meanwhile.
    pub fn add_to(&self, history: &mut History) {
        for (id, _, letter) in &self.ended {
            remember(history, id, *letter);
        }
    }
}

fn remember(history: &mut History, id: &str, letter: char) {
    let known = history.entry(id.to_owned()).or_default();
    known.push(letter);
    let surplus = known.chars().count().saturating_sub(REMEMBERED);
    *known = known.chars().skip(surplus).collect();
    if known.chars().all(|letter| letter == PASSED) {
        history.remove(id);
    }
}

/// How many times it began to fail.
fn spells(history: &str) -> usize {
    let before = std::iter::once(PASSED).chain(history.chars());
    before.zip(history.chars()).filter(|(before, now)| *before == PASSED && *now != PASSED).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(history: &mut History, attempts: usize, outcome: Outcome) -> Vec<Flaky> {
        let mut flakiness = Flakiness::new(history.clone());
        flakiness.ended("a", attempts, outcome);
        flakiness.add_to(history);
        flakiness.found()
    }

    #[test]
    fn a_test_that_fails_again_is_flaky_and_one_that_was_mended_is_not() {
        use Outcome::{Failed, Passed, Skipped};
        let mut history = History::new();
        for outcome in [Passed, Failed, Failed, Passed, Skipped] {
            assert_eq!(run(&mut history, 1, outcome), [], "{history:?}");
        }
        assert_eq!(history["a"], "FF.");
        let flaky = Flaky { id: "a".into(), attempts: 1, history: "FF.F".into() };
        assert_eq!(run(&mut history, 1, Failed), [flaky]);
        // It is forgotten once it passed long enough.
        for _ in 0..REMEMBERED {
            run(&mut history, 1, Passed);
        }
        assert_eq!(history, History::new());
    }

    #[test]
    fn a_test_that_passed_when_it_ran_again_is_flaky_at_once() {
        let mut history = History::new();
        let found = run(&mut history, 3, Outcome::Passed);
        assert_eq!(found, [Flaky { id: "a".into(), attempts: 3, history: "R".into() }]);
    }
}
