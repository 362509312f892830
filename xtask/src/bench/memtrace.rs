//! `memtrace` beside plain Python and memray: what tracing costs a program, and what a report costs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::arms::{Arm, Work};
use crate::setup::venv;
use crate::shell;

/// A program, and what tracing it may cost in CPU time over plain Python.
struct Program {
    name: &'static str,
    file: &'static str,
    goal: Goal,
}

/// What a program is to show.
enum Goal {
    /// At most this ratio; in the modes that have a limit of their own, that one.
    Ratio(f64),
    /// At most so many milliseconds more, in whichever mode.
    More(u32),
    /// How it fares: allocations follow each other with hardly any work between them, as in no real program.
    Storm,
}

const PROGRAMS: [Program; 9] = [
    Program { name: "start-up", file: "start_up.py", goal: Goal::More(20) },
    Program { name: "call-heavy", file: "call_heavy.py", goal: Goal::Ratio(1.05) },
    Program { name: "json", file: "json_loop.py", goal: Goal::Ratio(1.10) },
    Program { name: "allocation-heavy", file: "allocation_heavy.py", goal: Goal::Ratio(1.10) },
    Program { name: "numpy", file: "numpy_heavy.py", goal: Goal::Ratio(1.15) },
    Program { name: "imports", file: "imports.py", goal: Goal::Ratio(1.15) },
    Program { name: "threads", file: "threads.py", goal: Goal::Ratio(1.05) },
    Program { name: "storm", file: "storm.py", goal: Goal::Storm },
    Program { name: "storm of threads", file: "storm_of_threads.py", goal: Goal::Storm },
];

/// A way of tracing: what both tools call it. Where there is a limit, it holds for every program with a ratio.
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
/// Where they are recorded, by this and by the peer.
const MANY_CAPTURES: [&str; 2] = ["many.mtr", "many.memray"];
/// Reports of them, and whether they are pages, which go to a file.
const REPORTS: [(&str, bool); 3] = [("stats", false), ("table", true), ("flamegraph", true)];
/// A report is to take this part of memray's time.
const REPORT_GOAL: f64 = 0.1;

/// Each program in each mode, then the reports.
pub fn works(scratch: &Path) -> Vec<Work> {
    // Captures of an earlier bench may be of an earlier format.
    for file in MANY_CAPTURES {
        let _ = std::fs::remove_file(scratch.join(file));
    }
    let modes = MODES.iter().flat_map(|mode| PROGRAMS.iter().map(move |program| (mode, program)));
    let traced = modes.map(|(mode, program)| Work {
        name: format!("{}{}", program.name, mode.name),
        arms: tracers(program, mode, scratch),
        keep: Vec::new(),
    });
    let reports = REPORTS.into_iter().map(|(name, page)| report(name, page, scratch));
    traced.chain(reports).collect()
}

fn tracers(&Program { file, ref goal, .. }: &Program, mode: &'static Mode, scratch: &Path) -> Vec<Arm> {
    let (ours, theirs) = (scratch.join("capture.mtr"), scratch.join("capture.memray"));
    let python = move || {
        let mut python = shell::command(venv("bench"));
        python.arg(program(file));
        python
    };
    let (memray_leaves, memtrace_leaves) = (theirs.clone(), ours.clone());
    let traced = Arm::new("memtrace", move || memtrace(file, mode, &ours)).leaving(memtrace_leaves);
    vec![
        Arm::new("python", python),
        Arm::new("memray", move || memray(file, mode, &theirs)).leaving(memray_leaves),
        match *goal {
            Goal::Ratio(limit) => traced.within_cpu(mode.limit.unwrap_or(limit), "python"),
            Goal::More(milliseconds) => traced.repeating(1, "python", Some(milliseconds)),
            Goal::Storm => traced,
        },
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
    let [our_capture, their_capture] = MANY_CAPTURES.map(|file| scratch.join(file));
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
