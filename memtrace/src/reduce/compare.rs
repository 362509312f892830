//! Two runs side by side: what each function asked for in the one and in the other. Functions are found again by
//! name and file, since lines move as a program is worked on.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::events::{StackId, Symbols};
use crate::reduce::Measure;

/// One function in both runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The function's qualified name; empty for code outside Python.
    pub function: String,
    /// The file that it is in.
    pub file: String,
    /// What it asked for itself in the first run.
    pub before: Measure,
    /// What it asked for itself in the second run.
    pub after: Measure,
}

impl Compared {
    /// How many bytes more it asked for.
    pub fn growth(&self) -> i128 {
        i128::from(self.after.bytes) - i128::from(self.before.bytes)
    }
}

/// What each stack itself asked for in one run, and what the stacks are.
pub type Run<'a> = (&'a [(StackId, Measure)], &'a Symbols);

/// The functions that differ, those first that changed most.
pub fn compare(before: Run, after: Run) -> Vec<Compared> {
    let mut functions: HashMap<(&str, &str), [Measure; 2]> = HashMap::new();
    for (which, (stacks, symbols)) in [before, after].into_iter().enumerate() {
        for &(stack, measure) in stacks {
            let key = symbols.call(stack).map_or(("", ""), |(_, location)| {
                let location = symbols.resolve(location);
                (location.function.as_str(), location.file.as_str())
            });
            functions.entry(key).or_default()[which] += measure;
        }
    }
    let changed = functions.into_iter().filter(|(_, [before, after])| before != after);
    let mut changed: Vec<Compared> = changed
        .map(|((function, file), [before, after])| Compared {
            function: function.to_owned(),
            file: file.to_owned(),
            before,
            after,
        })
        .collect();
    changed.sort_by(|a, b| {
        let key = |compared: &Compared| Reverse(compared.growth().unsigned_abs());
        key(a).cmp(&key(b)).then_with(|| (&a.file, &a.function).cmp(&(&b.file, &b.function)))
    });
    changed
}
