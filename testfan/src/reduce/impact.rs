//! What a change touches: which test files depend on a file, and which tests failed last.
//! Must not know how changes are noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use common::outcome::Outcome;
use serde::Serialize;

use crate::events::Record;

/// Changes of these change how pytest collects.
const CONFIGURATION: [&str; 7] =
    ["conftest.py", "pyproject.toml", "pytest.ini", ".pytest.ini", "pytest.toml", "setup.cfg", "tox.ini"];

/// A part of a suite.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Focus {
    /// Test files, as node ids have them; none: all.
    pub files: Option<BTreeSet<String>>,
    /// Tests that run first, whether their file is named or not.
    pub first: Vec<String>,
}

/// What runs have shown of a suite.
#[derive(Clone, Debug, Default)]
pub struct Impact {
    imports: BTreeMap<String, BTreeSet<PathBuf>>,
    failed: BTreeSet<String>,
}

impl Impact {
    /// Takes one record of a run.
    pub fn see(&mut self, record: &Record) {
        if let Record::TestFinished(test) = record {
            match test.outcome {
                Outcome::Failed | Outcome::Error => self.failed.insert(test.id.clone()),
                _ => self.failed.remove(&test.id),
            };
        }
    }

    /// Takes what test files depend on; those that were not collected this time keep what is known of them.
    pub fn learn(&mut self, imports: BTreeMap<String, Vec<PathBuf>>) {
        self.imports.extend(imports.into_iter().map(|(test, files)| (test, files.into_iter().collect())));
    }

    /// Every file that a test depends on.
    pub fn known(&self) -> BTreeSet<&Path> {
        self.imports.values().flatten().map(PathBuf::as_path).collect()
    }

    /// Whether a change of this file has a meaning of its own, whoever made it.
    pub fn knows(&self, path: &Path) -> bool {
        is_configuration(path) || self.imports.values().any(|files| files.contains(path))
    }

    /// All tests, those that failed first; none where there is nothing to say.
    pub fn all(&self) -> Option<Focus> {
        (!self.failed.is_empty()).then(|| Focus { files: None, first: self.first() })
    }

    /// The tests that failed; none where none did.
    pub fn failed(&self) -> Option<Focus> {
        self.all().map(|all| Focus { files: Some(BTreeSet::new()), ..all })
    }

    /// What these changes touch, and what failed. Where a file is not known to be any test's affair, it may be every
    /// test's: then that is all, as [`Impact::all`] has it.
    pub fn of(&self, changed: &BTreeSet<PathBuf>) -> Option<Focus> {
        if changed.iter().any(|path| is_configuration(path) || !self.knows(path)) {
            return self.all();
        }
        let touched = |files: &BTreeSet<PathBuf>| changed.iter().any(|path| files.contains(path));
        let files = self.imports.iter().filter(|(_, files)| touched(files)).map(|(test, _)| test.clone());
        Some(Focus { files: Some(files.collect()), first: self.first() })
    }

    fn first(&self) -> Vec<String> {
        self.failed.iter().cloned().collect()
    }
}

fn is_configuration(path: &Path) -> bool {
    path.file_name().is_some_and(|name| CONFIGURATION.iter().any(|other| name == *other))
}

#[cfg(test)]
mod tests {
    use common::outcome::TestFinished;

    use super::*;

    fn finished(id: &str, outcome: Outcome) -> Record {
        let (worker, message, output) = ("gw0".into(), String::new(), String::new());
        Record::TestFinished(TestFinished { id: id.into(), outcome, duration_us: 1, worker, message, output })
    }

    fn impact() -> Impact {
        let mut impact = Impact::default();
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        impact.learn(
            [
                ("test_a.py".to_owned(), files(&["/p/test_a.py", "/p/one.py", "/p/conftest.py"])),
                ("test_b.py".to_owned(), files(&["/p/test_b.py", "/p/one.py", "/p/two.py"])),
            ]
            .into(),
        );
        impact
    }

    fn of(impact: &Impact, changed: &[&str]) -> Option<Vec<String>> {
        let focus = impact.of(&changed.iter().map(PathBuf::from).collect())?;
        focus.files.map(|files| files.into_iter().collect())
    }

    #[test]
    fn a_change_touches_the_tests_that_import_it() {
        let impact = impact();
        assert_eq!(of(&impact, &["/p/two.py"]), Some(vec!["test_b.py".into()]));
        assert_eq!(of(&impact, &["/p/one.py"]), Some(vec!["test_a.py".into(), "test_b.py".into()]));
        assert_eq!(of(&impact, &["/p/test_a.py"]), Some(vec!["test_a.py".into()]));
    }

    #[test]
    fn a_change_that_nothing_is_known_of_touches_everything() {
        for changed in
            [&["/p/data.json"][..], &["/p/two.py", "/p/new.py"], &["/p/conftest.py"], &["/p/tox.ini"]]
        {
            assert_eq!(impact().of(&changed.iter().map(PathBuf::from).collect()), None);
        }
    }

    #[test]
    fn what_failed_comes_first_until_it_passes() {
        let mut impact = impact();
        assert_eq!((impact.failed(), impact.all()), (None, None));
        impact.see(&finished("test_a.py::test_x", Outcome::Failed));
        let focus = impact.of(&[PathBuf::from("/p/two.py")].into()).unwrap_or_default();
        assert_eq!(focus.first, ["test_a.py::test_x"]);
        assert_eq!(impact.all().map(|focus| focus.files), Some(None));
        assert_eq!(impact.failed().map(|focus| focus.files), Some(Some(BTreeSet::new())));
        impact.see(&finished("test_a.py::test_x", Outcome::Passed));
        assert_eq!(impact.all(), None);
    }
}
