//! `memtrace` beside plain Python and memray: what tracing costs a program, and what a report costs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::arms::{Arm, Work};
use crate::setup::venv;
use crate::shell;

/// Programs that stress one thing each, with what they may cost in CPU time over plain Python.
const PROGRAMS: [(&str, &str, f64); 6] = [
    ("call-heavy", "call_heavy.py", 1.05),
    ("json", "json_loop.py", 1.10),
    ("allocation-heavy", "allocation_heavy.py", 1.10),
    ("numpy", "numpy_heavy.py", 1.15),
    ("imports", "imports.py", 1.15),
    ("threads", "threads.py", 1.05),
];

/// A way of tracing: what both tools call it. Where there is a limit, it holds for every program.
struct Mode {
    name: &'static str,
    memray: &'static [&'static str],
    memtrace: &'static [&'static str],
    limit: Option<f64>,
}

const MODES: [Mode; 4] = [
    Mode { name: "", memray: &[], memtrace: &[], limit: None },
    Mode {
        name: ", python allocators",
        memray: &["--trace-python-allocators"],
        memtrace: &["--python-allocators"],
        limit: Some(1.4),
    },
    Mode { name: ", native", memray: &["--native"], memtrace: &["--native"], limit: Some(1.3) },
    Mode { name: ", aggregated", memray: &["--aggregate"], memtrace: &["--aggregate"], limit: None },
];

/// Makes more than ten million allocations.
const MANY: &str = "ten_million.py";
/// Reports of them, and whether they are pages, which go to a file.
const REPORTS: [(&str, bool); 3] = [("stats", false), ("table", true), ("flamegraph", true)];
/// A report is to take this part of memray's time.
const REPORT_GOAL: f64 = 0.1;

/// Each program in each mode, then the reports.
pub fn works(scratch: &Path) -> Vec<Work> {
    let modes = MODES.iter().flat_map(|mode| PROGRAMS.into_iter().map(move |program| (mode, program)));
    let traced = modes.map(|(mode, (name, file, limit))| Work {
        name: format!("{name}{}", mode.name),
        arms: tracers(file, mode, mode.limit.unwrap_or(limit), scratch),
        keep: Vec::new(),
    });
    let reports = REPORTS.into_iter().map(|(name, page)| report(name, page, scratch));
    traced.chain(reports).collect()
}

fn tracers(file: &'static str, mode: &'static Mode, limit: f64, scratch: &Path) -> Vec<Arm> {
    let (ours, theirs) = (scratch.join("capture.mtr"), scratch.join("capture.memray"));
    let python = move || {
        let mut python = shell::command(venv("bench"));
        python.arg(program(file));
        python
    };
    let (memray_leaves, memtrace_leaves) = (theirs.clone(), ours.clone());
    vec![
        Arm::new("python", python),
        Arm::new("memray", move || memray(file, mode, &theirs)).leaving(memray_leaves),
        Arm::new("memtrace", move || memtrace(file, mode, &ours))
            .leaving(memtrace_leaves)
            .within_cpu(limit, "python"),
    ]
}

fn program(file: &str) -> PathBuf {
    shell::root().join("xtask/src/bench/memtrace").join(file)
}

fn memray(file: &str, mode: &Mode, capture: &Path) -> Command {
    let mut memray = shell::command(venv("bench"));
    memray.args(["-m", "memray", "run", "-q", "-f"]).args(mode.memray).arg("-o").arg(capture);
    memray.arg(program(file));
    memray
}

fn memtrace(file: &str, mode: &Mode, capture: &Path) -> Command {
    let mut memtrace = shell::command(shell::binary("memtrace"));
    memtrace.args(["run", "-q", "-f"]).args(mode.memtrace).arg("-o").arg(capture);
    memtrace.arg("--python").arg(venv("bench")).arg(program(file));
    memtrace
}

/// A report of more than ten million allocations; the captures are made when they are first wanted.
fn report(name: &'static str, page: bool, scratch: &Path) -> Work {
    let (our_capture, their_capture) = (scratch.join("many.mtr"), scratch.join("many.memray"));
    let (our_file, their_file) = (our_capture.clone(), their_capture.clone());
    let (our_page, their_page) = (scratch.join("many.memtrace.html"), scratch.join("many.memray.html"));
    let memray_reports = move || {
        let mut report = shell::command(venv("bench"));
        report.args(["-m", "memray", name]);
        if page { report.args(["-f", "-o"]).arg(&their_page) } else { &mut report }.arg(&their_file);
        report
    };
    let memtrace_reports = move || {
        let mut report = shell::command(shell::binary("memtrace"));
        report.arg(name);
        if page { report.args(["-f", "-o"]).arg(&our_page) } else { &mut report }.arg(&our_file);
        report
    };
    let once = |capture: PathBuf, make: fn(&Path) -> Command| {
        move || if capture.exists() { Ok(()) } else { shell::run(&mut make(&capture)) }
    };
    Work {
        name: format!("{name} of 10.5 million allocations"),
        arms: vec![
            Arm::new("memray", memray_reports).after(once(their_capture, |to| memray(MANY, &MODES[0], to))),
            Arm::new("memtrace", memtrace_reports)
                .after(once(our_capture, |to| memtrace(MANY, &MODES[0], to)))
                .within(REPORT_GOAL, "memray"),
        ],
        keep: Vec::new(),
    }
}
