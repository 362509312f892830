//! Programs as people have them: a web request, tables, a command-line tool, pools and servers that fork, Rust.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use kit::Ran;
use serde_json::Value;
use support::Folder;

/// The interpreter whose environment holds what these programs import.
fn python() -> Option<PathBuf> {
    kit::venv("bench").ok()
}

/// The same words by the interpreter alone and traced: what they print and how they end is the same.
fn traced(folder: &Folder, python: &Path, options: &[&str], words: &[&str]) {
    let plain = kit::run(Command::new(python).args(words).current_dir(folder.path("")));
    let mut command = folder.memtrace();
    command.args(["run", "-q", "-f", "-o", "capture.mtr"]).args(options).arg("--python").arg(python);
    let Ran { code, stdout, stderr } = kit::run(command.args(words));
    assert_eq!((code, stdout, stderr), (plain.code, plain.stdout, plain.stderr));
    assert_eq!(folder.stats()["complete"], true);
}

/// The bytes that were ever allocated below a function of this file.
fn allocated_below(records: &[Value], file: &str, function: &str) -> u64 {
    let is_there = |frame: &Value| {
        frame["function"] == function && frame["file"].as_str().is_some_and(|name| name.ends_with(file))
    };
    let of_it = records.iter().filter(|record| {
        record["type"] == "memtrace.allocation.recorded"
            && record["stack"].as_array().is_some_and(|stack| stack.iter().any(is_there))
    });
    of_it.filter_map(|record| record["size_bytes"].as_u64()).sum()
}

#[test]
fn a_request_of_flask() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let code = "\
from flask import Flask, jsonify

app = Flask(__name__)


@app.get('/rows/<int:count>')
def rows(count):
    return jsonify([{'n': n, 'text': 'x' * 700} for n in range(count)])


answer = app.test_client().get('/rows/2000')
print(answer.status_code, len(answer.data))
";
    folder.write("app.py", code);
    traced(&folder, &python, &[], &["app.py"]);
    let records = folder.report("records");
    assert!(allocated_below(&records, "app.py", "rows") > 2000 * 700);
    assert!(allocated_below(&records, "flask/app.py", "Flask.full_dispatch_request") > 2000 * 700);
}

#[test]
fn tables_of_pandas() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let code = "\
import numpy
import pandas


def totals(rows):
    table = pandas.DataFrame({'group': numpy.arange(rows) % 7, 'value': numpy.ones(rows)})
    return table.groupby('group').value.sum()


print(totals(1_000_000).to_list())
";
    folder.write("tables.py", code);
    traced(&folder, &python, &[], &["tables.py"]);
    let peak = folder.stats()["peak_bytes"].as_u64().unwrap();
    assert!(peak > 16_000_000, "{peak}");
    assert!(allocated_below(&folder.report("records"), "tables.py", "totals") > 16_000_000);
}

#[test]
fn a_command_line_tool_that_imports_much() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    traced(&folder, &python, &[], &["-m", "pip", "--disable-pip-version-check", "list"]);
    let records = folder.report("records");
    assert!(allocated_below(&records, "importlib._bootstrap>", "_find_and_load") > 1_000_000);
}

#[test]
fn a_pool_that_forks() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let code = "\
import multiprocessing


def work(number):
    return len(bytearray(1_000_000 + number))


if __name__ == '__main__':
    with multiprocessing.get_context('fork').Pool(3) as pool:
        print(sum(pool.map(work, range(30), chunksize=1)))
        pool.close()
        pool.join()
";
    folder.write("pool.py", code);
    traced(&folder, &python, &["--follow-fork"], &["pool.py"]);
    let records = folder.report("records");
    let mut sizes: Vec<u64> = kit::of_type(&records, "memtrace.allocation.recorded")
        .iter()
        .filter_map(|record| record["size_bytes"].as_u64())
        .filter(|size| (1_000_001..=1_000_031).contains(size))
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, (1_000_001..=1_000_030).collect::<Vec<_>>());
}

#[test]
fn a_server_with_workers() {
    let Some(python) = python() else { return };
    let folder = Folder::new();
    let code = "\
import os


def rows():
    return b'x' * 3_000_000


def app(environ, start_response):
    body = rows()
    start_response('200 OK', [('content-type', 'text/plain'), ('x-worker', str(os.getpid()))])
    return [body[:10]]
";
    folder.write("served.py", code);
    // The server asks itself over its own socket until both workers have answered, then ends.
    let asks = "\
import http.client, os, signal, socket, sys, threading, time


class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect('served.sock')


def ask():
    workers = set()
    while len(workers) < 2:
        try:
            connection = Local('localhost')
            connection.request('GET', '/')
            answer = connection.getresponse()
            assert answer.read() == b'x' * 10
            workers.add(answer.getheader('x-worker'))
        except OSError:
            time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)


def when_ready(server):
    threading.Thread(target=ask, daemon=True).start()
";
    folder.write("conf.py", asks);
    let mut command = folder.memtrace();
    command.args(["run", "-q", "-f", "--follow-fork", "-o", "capture.mtr", "--python"]).arg(&python);
    command.args(["-m", "gunicorn", "-w", "2", "-b", "unix:served.sock", "-c", "conf.py", "served:app"]);
    let _ = kit::run(&mut command).exits(0);
    assert_eq!(folder.stats()["complete"], true);
    let records = folder.report("records");
    assert!(allocated_below(&records, "served.py", "rows") >= 6_000_000);
    assert!(allocated_below(&records, "gunicorn/workers/sync.py", "SyncWorker.handle_request") >= 6_000_000);
}

#[test]
fn a_program_of_rust() {
    let folder = Folder::new();
    let plain = kit::run(Command::new(kit::binary("fetch")).arg("--help"));
    let mut command = folder.memtrace();
    command.args(["run", "-q", "-o", "capture.mtr"]).arg(kit::binary("fetch")).arg("--help");
    let Ran { code, stdout, .. } = kit::run(&mut command);
    assert_eq!((code, stdout), (plain.code, plain.stdout));
    let stats = folder.stats();
    assert!(stats["total_bytes"].as_u64().unwrap() > 10_000, "{stats}");
}
