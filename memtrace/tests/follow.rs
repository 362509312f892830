//! `--follow-fork`: forked children and executed programs leave captures of their own, and reports count all.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::Path;

use kit::Ran;
use serde_json::Value;
use support::{Folder, compile, on_every_python};

fn follow(folder: &Folder, python: &Path, words: &[&str]) -> Ran {
    for old in captures(folder) {
        std::fs::remove_file(folder.path(&old)).unwrap();
    }
    let mut command = folder.memtrace();
    command.args(["run", "-q", "--follow-fork", "-o", "capture.mtr", "--python"]).arg(python).args(words);
    kit::run(&mut command)
}

fn captures(folder: &Folder) -> Vec<String> {
    let names = std::fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("capture.mtr"));
    names.sort();
    names
}

fn sizes(records: &[Value]) -> Vec<u64> {
    records.iter().filter_map(|record| record["size_bytes"].as_u64()).collect()
}

#[test]
fn forked_children_are_counted_too() {
    let folder = Folder::new();
    // All have the same address space, so the same addresses, one after the other and at the same time.
    let code = "\
import os, sys
before = bytearray(2_000_000)
pids = []
for n in range(4):
    child = os.fork()
    if child == 0:
        mine = bytearray(3_000_000 + n)
        (os._exit if n % 2 else sys.exit)(n)
    pids.append(child)
for n, child in enumerate(pids):
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == n
print(*pids)
after = bytearray(4_000_000)
";
    folder.write("forks.py", code);
    on_every_python(|python| {
        let ran = follow(&folder, python, &["forks.py"]).exits(0);
        let mut expected: Vec<String> =
            ran.stdout.split_whitespace().map(|pid| format!("capture.mtr.{pid}")).collect();
        expected.push("capture.mtr".into());
        expected.sort();
        assert_eq!(captures(&folder), expected);
        let records = folder.report("records");
        let sizes = sizes(&records);
        for size in [2_000_001, 3_000_001, 3_000_002, 3_000_003, 3_000_004, 4_000_001] {
            assert_eq!(sizes.iter().filter(|&&found| found == size).count(), 1, "{size}");
        }
        let mine = records.iter().find(|record| record["size_bytes"] == 3_000_003).unwrap();
        assert_eq!(mine["stack"][0]["file"].as_str().unwrap().rsplit('/').next(), Some("forks.py"));
        assert_eq!(mine["stack"][0]["line"], 7);
        let stats = folder.stats();
        assert_eq!(stats["complete"], true, "{stats}");
        // A child that has ended needs its memory no longer, however little it gave back.
        let ended = kit::of_type(&records, "memtrace.process.ended").len();
        assert!(ended >= 4, "{ended}");
        // One child by itself is a capture like any other.
        let alone = expected.iter().find(|name| *name != "capture.mtr").unwrap();
        let ran = kit::run(folder.memtrace().args(["stats", alone])).exits(0);
        assert!(ran.stdout.contains("\"complete\":true"), "{}", ran.stdout);
    });
}

#[test]
fn memory_of_processes_one_after_the_other_is_not_in_use_at_once() {
    let folder = Folder::new();
    let code = "\
import os
for n in range(5):
    child = os.fork()
    if child == 0:
        mine = bytearray(30_000_000)
        os._exit(0)
    os.waitpid(child, 0)
";
    folder.write("row.py", code);
    on_every_python(|python| {
        let _ = follow(&folder, python, &["row.py"]).exits(0);
        let stats = folder.stats();
        let (peak, leaked) = (stats["peak_bytes"].as_u64().unwrap(), stats["leaked_bytes"].as_u64().unwrap());
        assert!((30_000_000..60_000_000).contains(&peak), "{stats}");
        assert!(leaked >= 150_000_000, "{stats}");
    });
}

#[test]
fn every_way_to_execute_a_program_is_followed() {
    let folder = Folder::new();
    if !compile(&folder, "execs.c", "execs", &[]) {
        return;
    }
    let ways = [
        "execv",
        "execve",
        "execvp",
        "execvpe",
        "execl",
        "execlp",
        "execle",
        "fexecve",
        "execveat",
        "posix_spawn",
        "posix_spawnp",
        "system",
        "popen",
    ];
    for way in ways {
        for old in captures(&folder) {
            std::fs::remove_file(folder.path(&old)).unwrap();
        }
        let mut command = folder.memtrace();
        command.args(["run", "-q", "--follow-fork", "-o", "capture.mtr", "./execs", way]);
        let ran = kit::run(&mut command);
        assert_eq!((ran.code, ran.stderr.as_str()), (33, ""), "{way}");
        // The shell is a process too.
        let captured = if matches!(way, "system" | "popen") { 3 } else { 2 };
        assert_eq!(captures(&folder).len(), captured, "{way}");
        let sizes = sizes(&folder.report("records"));
        assert!(sizes.contains(&(200_000 + way.len() as u64)), "{way}");
        assert!(sizes.contains(&200_003), "{way}");
        assert_eq!(folder.stats()["complete"], true, "{way}");
    }
    let mut command = folder.memtrace();
    command.args(["run", "-qf", "-o", "capture.mtr", "./execs", "fails"]);
    let _ = kit::run(&mut command).exits(34);
    assert!(sizes(&folder.report("records")).contains(&300_000));
    assert_eq!(folder.stats()["complete"], true);
    // Without the option the capture ends where the program does, and says so.
    let mut command = folder.memtrace();
    let _ = kit::run(command.args(["run", "-qf", "-o", "capture.mtr", "./execs", "execv"])).exits(33);
    let stats = folder.stats();
    assert!(stats["incomplete_because"].as_str().unwrap().contains("--follow-fork"), "{stats}");
}

#[test]
fn subprocesses_of_python_see_their_own_environment() {
    let folder = Folder::new();
    let look = "\
import os, sys
taken = bytearray(5_000_000)
print(list(os.environ), os.environ.get('LD_PRELOAD'), sys.argv, flush=True)
";
    let code = "\
import os, subprocess, sys
for extra in ({}, {'LD_PRELOAD': ''}, {'A': 'b'}):
    subprocess.run([sys.executable, 'look.py', 'x'], env={**os.environ, **extra}, check=True)
subprocess.run(f'{sys.executable} look.py y', shell=True, check=True)
assert os.system(f\"{sys.executable} look.py 'z  z'\") == 0
assert os.system('no-such-command-at-all') >> 8 == 127
";
    folder.write("look.py", look);
    folder.write("starts.py", code);
    on_every_python(|python| {
        let plain = std::process::Command::new(python)
            .arg("starts.py")
            .current_dir(folder.path(""))
            .env("SNAKEPIPE_CACHE", folder.path("cache"))
            .env_remove("VIRTUAL_ENV")
            .env_remove("LD_PRELOAD")
            .output()
            .unwrap();
        let traced = follow(&folder, python, &["starts.py"]).exits(0);
        assert_eq!(traced.stdout, String::from_utf8(plain.stdout).unwrap());
        assert_eq!(traced.stderr, String::from_utf8(plain.stderr).unwrap());
        let sizes = sizes(&folder.report("records"));
        assert_eq!(sizes.iter().filter(|&&size| size == 5_000_001).count(), 5);
    });
}

#[test]
fn no_capture_is_ever_overwritten() {
    let folder = Folder::new();
    let Ok(python) = kit::python("3.12") else { return };
    // The child's name is taken before it begins.
    let code = "\
import os
pid = os.getpid()
for near in range(1, 300):
    open(f'capture.mtr.{pid + near}', 'w').write('precious')
child = os.fork()
if child == 0:
    mine = bytearray(3_000_000)
    os._exit(0)
os.waitpid(child, 0)
print(child)
";
    folder.write("taken.py", code);
    let ran = follow(&folder, &python, &["taken.py"]).exits(0);
    let child = format!("capture.mtr.{}", ran.stdout.trim());
    assert_eq!(std::fs::read_to_string(folder.path(&child)).unwrap(), "precious");
    assert!(folder.path(&format!("{child}-2")).is_file());
    assert!(sizes(&folder.report("records")).contains(&3_000_001));
}

#[test]
fn a_killed_child_is_said_to_be_incomplete() {
    let folder = Folder::new();
    let code = "\
import os
child = os.fork()
if child == 0:
    mine = bytearray(3_000_000)
    os.kill(os.getpid(), 9)
os.waitpid(child, 0)
print(child)
";
    folder.write("killed.py", code);
    on_every_python(|python| {
        let ran = follow(&folder, python, &["killed.py"]).exits(0);
        assert!(sizes(&folder.report("records")).contains(&3_000_001));
        let because = format!("process {}: it was killed", ran.stdout.trim());
        assert_eq!(folder.stats()["incomplete_because"], because);
    });
}
