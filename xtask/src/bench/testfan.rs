//! `testfan` beside serial pytest, pytest-xdist and pytest-parallel on pinned suites, with 2 and with 8 workers; and a
//! single test, of a daemon that has collected it, beside pytest.

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
/// A single test, and the wall time to reach with it in milliseconds.
const SINGLE: (&str, &str, u32) = ("flask", "tests/test_json.py::test_jsonify_dicts", 150);
/// Serial pytest, which has no option of its own.
const SERIAL: [&str; 4] = ["-p", "no:xdist", "-p", "no:parallel"];

/// Two works for each of them.
pub fn works() -> Result<Vec<Work>> {
    let all = suites()?;
    let measured: Vec<&Suite> = all.iter().filter(|suite| SUITES.contains(&suite.name.as_str())).collect();
    let works = [2, 8].into_iter().flat_map(|workers| measured.iter().map(move |suite| work(suite, workers)));
    let single = measured.iter().filter(|suite| suite.name == SINGLE.0).map(|suite| single(suite));
    works.map(Ok).chain(single).collect()
}

fn work(suite: &Suite, workers: usize) -> Work {
    let number = format!("-n{workers}");
    let xdist = |mode| pytest(suite, &[&number, "--dist", mode, "-p", "no:parallel"]);
    // It declares its hooks as pytest would not have it any more, which is an error to some of the suites.
    let old_hooks = ["-p", "no:xdist", "-W", "ignore::pytest.PytestDeprecationWarning"];
    let parallel = pytest(suite, &[&old_hooks[..], &["--workers", &workers.to_string()]].concat());
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

/// One test, again and again, of a daemon of its own.
fn single(suite: &Suite) -> Result<Work> {
    let mut one = suite.clone();
    SINGLE.1.clone_into(&mut one.tests);
    // It prints when it is imported, which would have to come anew in each run.
    one.args.extend(["-p".to_owned(), "no:httpbin".to_owned()]);
    let daemon = Daemon { runtime: tempfile::tempdir()? };
    let runtime = daemon.runtime.path().to_owned();
    let warm = testfan(&one, "--daemon", &[]);
    let warm = move || {
        let mut command = warm();
        command.env("XDG_RUNTIME_DIR", &runtime);
        command
    };
    let arms = vec![
        Arm::new("pytest", pytest(&one, &SERIAL)),
        Arm::new("testfan", testfan(&one, "-n1", &[])),
        Arm::new("testfan --daemon", warm).within_ms(SINGLE.2),
    ];
    Ok(Work {
        name: format!("{} {}, one test", suite.name, suite.version),
        arms,
        keep: vec![Box::new(daemon)],
    })
}

/// Ends with the bench.
struct Daemon {
    runtime: tempfile::TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let mut stop = shell::command(shell::binary("testfan"));
        stop.args(["daemon", "stop"]).env("XDG_RUNTIME_DIR", self.runtime.path());
        // There is none where its work was not measured.
        let _ = stop.output();
    }
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
