//! Which tests stay together in one worker. Must not know when they run.

use std::collections::HashMap;

/// How tests are spread over workers, by pytest-xdist's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Dist {
    /// Any test in any worker
    #[default]
    Load,
    /// The same: load steals too
    Worksteal,
    /// Tests of one module, or of one class, in one worker
    Loadscope,
    /// Tests of one file in one worker
    Loadfile,
    /// Tests marked as one group in one worker
    Loadgroup,
    /// Every test in every worker
    Each,
    /// One process that is told of no other
    No,
}

impl Dist {
    /// Whether tests of one scope must share a worker; else it is only a good idea.
    pub fn is_strict(self) -> bool {
        matches!(self, Dist::Loadscope | Dist::Loadfile | Dist::Loadgroup)
    }
}

/// The scope of each test, as a number: tests with the same number share fixtures, or must share a worker.
///
/// `groups` names the `xdist_group` of the tests that have one.
pub fn scopes<'a>(ids: &'a [String], groups: &'a [(usize, String)], dist: Dist) -> Vec<usize> {
    let groups: HashMap<usize, &'a str> =
        groups.iter().map(|(index, group)| (*index, group.as_str())).collect();
    let mut numbers: HashMap<(bool, &'a str), usize> = HashMap::new();
    let mut number = |key: (bool, &'a str)| {
        let next = numbers.len();
        *numbers.entry(key).or_insert(next)
    };
    let scope = |(index, id): (usize, &'a String)| match dist {
        Dist::Loadgroup => match groups.get(&index).copied().or_else(|| suffix(id)) {
            Some(group) => number((true, group)),
            None => number((false, id)),
        },
        Dist::Loadscope => number((false, id.rsplit_once("::").map_or(id, |(scope, _)| scope))),
        _ => number((false, file(id))),
    };
    ids.iter().enumerate().map(scope).collect()
}

/// The file of a node id.
fn file(id: &str) -> &str {
    id.split_once("::").map_or(id, |(file, _)| file)
}

/// The group that a conftest put behind a node id itself, `test_a.py::test_b[x]@group`.
fn suffix(id: &str) -> Option<&str> {
    let (rest, group) = id.rsplit_once('@')?;
    (rest.rfind(']') >= rest.rfind('[') && !group.contains(']')).then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[&str], dist: Dist) -> Vec<usize> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        scopes(&ids, &[(0, "db".to_owned())], dist)
    }

    #[test]
    fn scopes_are_files_classes_and_groups() {
        let ids = ["a.py::x", "a.py::C::y", "a.py::C::z[::]", "b.py::x[u@v]", "b.py::w@db"];
        assert_eq!(of(&ids, Dist::Load), [0, 0, 0, 1, 1]);
        assert_eq!(of(&ids, Dist::Loadfile), [0, 0, 0, 1, 1]);
        assert_eq!(of(&ids[..2], Dist::Loadscope), [0, 1]);
        assert_eq!(of(&ids, Dist::Loadgroup), [0, 1, 2, 3, 0]);
    }
}
