//! `memtrace` beside plain Python and memray: what tracing costs a program.

use std::path::Path;

use crate::bench::arms::{Arm, Work};
use crate::setup::venv;
use crate::shell;

/// Programs that stress one thing each; the capture goes to a file as users have it.
const PROGRAMS: [(&str, &str); 3] = [
    (
        "call-heavy",
        "
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
fib(35)
",
    ),
    (
        "allocation-heavy",
        "
def make(n):
    return [bytearray(600 + i % 2000) for i in range(n)]
for _ in range(60):
    make(10000)
",
    ),
    (
        "imports",
        "import argparse, asyncio, ctypes, decimal, email, http.client, json, logging, sqlite3, ssl, unittest, xml.dom.minidom",
    ),
];

/// One work for each program.
pub fn works(scratch: &Path) -> Vec<Work> {
    let arms = |code: &'static str| {
        let capture = scratch.join("capture.mtr");
        let memray = scratch.join("capture.memray");
        vec![
            Arm::new("python", move || {
                let mut python = shell::command(venv("bench"));
                python.args(["-c", code]);
                python
            }),
            Arm::new("memray", move || {
                let mut python = shell::command(venv("bench"));
                python.args(["-m", "memray", "run", "-q", "-f", "-o"]).arg(&memray).args(["-c", code]);
                python
            }),
            Arm::new("memtrace", move || {
                let mut memtrace = shell::command(shell::binary("memtrace"));
                memtrace.args(["run", "-q", "-f", "-o"]).arg(&capture);
                memtrace.arg("--python").arg(venv("bench")).args(["-c", code]);
                memtrace
            }),
        ]
    };
    let work =
        |(name, code): (&str, &'static str)| Work { name: name.into(), arms: arms(code), keep: Vec::new() };
    PROGRAMS.into_iter().map(work).collect()
}
