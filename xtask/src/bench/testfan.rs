//! `testfan` beside serial pytest, pytest-xdist and pytest-parallel on pinned suites, with 2 and with 8 workers.

use std::process::Command;

use anyhow::Result;

use crate::bench::arms::{Arm, Work};
use crate::setup::{Suite, suites, venv};
use crate::shell;

/// Those of the pinned suites that are measured.
pub const SUITES: [&str; 6] = ["click", "flask", "jinja2", "marshmallow", "networkx", "starlette"];
/// The wall time to reach with 2 workers, as a ratio to serial pytest's; to xdist's and to pytest-parallel's.
const GOALS: (f64, f64, f64) = (0.65, 0.6, 1.0);
/// What marshmallow is to reach.
const MARSHMALLOW: f64 = 0.75;
/// Serial pytest, which has no option of its own.
const SERIAL: [&str; 4] = ["-p", "no:xdist", "-p", "no:parallel"];

/// Two works for each of them.
pub fn works() -> Result<Vec<Work>> {
    let all = suites()?;
    let measured: Vec<&Suite> = all.iter().filter(|suite| SUITES.contains(&suite.name.as_str())).collect();
    let works = [2, 8].into_iter().flat_map(|workers| measured.iter().map(move |suite| work(suite, workers)));
    Ok(works.collect())
}

fn work(suite: &Suite, workers: usize) -> Work {
    let number = format!("-n{workers}");
    let xdist = |mode| pytest(suite, &[&number, "--dist", mode, "-p", "no:parallel"]);
    let parallel = pytest(suite, &["-p", "no:xdist", "--workers", &workers.to_string()]);
    let mut ours = Arm::new("testfan", testfan(suite, &number, &[]));
    if workers == 2 {
        let serial = if suite.name == "marshmallow" { MARSHMALLOW } else { GOALS.0 };
        ours = ours.within(serial, "pytest").within(GOALS.1, "xdist load").within(GOALS.2, "pytest-parallel");
    }
    let arms = vec![
        Arm::new("pytest", pytest(suite, &SERIAL)),
        Arm::new("xdist load", xdist("load")),
        Arm::new("xdist worksteal", xdist("worksteal")),
        Arm::new("pytest-parallel", parallel),
        ours,
        Arm::new("testfan, Python's gc", testfan(suite, &number, &[("TESTFAN_GC", "python")])),
    ];
    Work { name: format!("{} {} -n{workers}", suite.name, suite.version), arms, keep: Vec::new() }
}

fn pytest(suite: &Suite, args: &[&str]) -> impl Fn() -> Command + use<> {
    let (folder, python) = (suite.folder(), venv(&suite.venv));
    let mut all: Vec<String> = ["-m", "pytest", "-q", "-p", "no:cacheprovider"].map(str::to_owned).into();
    all.extend(args.iter().map(ToString::to_string));
    all.extend(suite.args.iter().cloned());
    all.push(suite.tests.clone());
    move || {
        let mut command = shell::command(&python);
        command.current_dir(&folder).args(&all);
        command
    }
}

fn testfan(
    suite: &Suite,
    workers: &str,
    environment: &[(&'static str, &'static str)],
) -> impl Fn() -> Command + use<> {
    let (folder, python, workers) = (suite.folder(), venv(&suite.venv), workers.to_owned());
    let (mut args, environment) = (suite.args.clone(), environment.to_owned());
    args.push(suite.tests.clone());
    move || {
        let mut command = shell::command(shell::binary("testfan"));
        command.current_dir(&folder).args(["run", "--format", "jsonl", &workers, "--python"]).arg(&python);
        command.args(["-p", "no:cacheprovider", "-p", "no:parallel"]).args(&args).envs(environment.clone());
        command
    }
}
