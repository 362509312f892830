//! `testfan` beside serial pytest and pytest-xdist on the pinned suites.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::bench::arms::{Arm, Work};
use crate::setup::{suites, venv};
use crate::shell;

/// One work for each pinned suite.
pub fn works() -> Result<Vec<Work>> {
    let mut works = Vec::new();
    for suite in suites()? {
        let (folder, python, tests) = (suite.folder(), venv(&suite.venv), suite.tests.clone());
        let pytest = |args: &'static [&'static str]| {
            let (folder, python, tests) = (folder.clone(), python.clone(), tests.clone());
            move || {
                let mut command = shell::command(&python);
                command.current_dir(&folder).args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
                command.args(args).arg(&tests);
                command
            }
        };
        let arms = vec![
            Arm::new("pytest", pytest(&["-p", "no:xdist"])),
            Arm::new("pytest-xdist -n2", pytest(&["-n2"])),
            Arm::new("testfan -n2", testfan(folder.clone(), python.clone(), tests.clone())),
        ];
        works.push(Work { name: format!("{} {}", suite.name, suite.version), arms, keep: Vec::new() });
    }
    Ok(works)
}

fn testfan(folder: PathBuf, python: PathBuf, tests: String) -> impl Fn() -> Command {
    move || {
        let mut command = shell::command(shell::binary("testfan"));
        command.current_dir(&folder).args(["run", "-n2", "--format", "jsonl", "--python"]).arg(&python);
        command.args(["-p", "no:cacheprovider"]).arg(&tests);
        command
    }
}
