//! `memtrace attach` and `detach`, on programs that run already and must not come to harm.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::Ran;
use memtrace_wire::header::{Header, SIZE};
use serde_json::Value;
use support::truth::{is_native, sizes};
use support::{Folder, compile, on_every_python};

/// Holds a block of its own size each time it is told to; `WAIT` is how it waits.
const PROGRAM: &str = "\
import os, select, sys, threading, time

def hold(size):
    return bytearray(size - 1)

def nap():
    time.sleep(0.01)

def spin():
    end = time.monotonic() + 0.01
    while time.monotonic() < end:
        sum(range(100))

def on_a_lock():
    done = threading.Event()
    thread = threading.Thread(target=lambda: (spin(), done.set()))
    thread.start()
    done.wait()
    thread.join()

def poll():
    select.select([], [], [], 0.01)

wait = globals()[sys.argv[1]]
kept = [hold(1_000_100)]
open('began', 'w').close()
for number in range(1, 1000):
    while not os.path.exists(f'go{number}'):
        if os.path.exists('end'):
            print('ended as ever', len(kept))
            sys.exit(3)
        wait()
    kept.append(hold(1_000_100 + number))
    open(f'held{number}', 'w').close()
";

/// The program; ended with the test.
struct Target {
    folder: Folder,
    child: Child,
    pid: u32,
    held: u32,
}

impl Target {
    fn start(python: &Path, wait: &str) -> Target {
        Target::start_by(&mut Command::new(python), wait)
    }

    /// By a command that ends with the interpreter.
    fn start_by(command: &mut Command, wait: &str) -> Target {
        let folder = Folder::new();
        folder.write("app.py", PROGRAM);
        command.args(["app.py", wait]).current_dir(folder.path(""));
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let target = Target { pid: child.id(), folder, child, held: 0 };
        target.await_file("began");
        target
    }

    /// By `unshare`, whose child it then is, in namespaces of its own; none where that is not allowed.
    fn start_apart(python: &Path, namespaces: &[&str]) -> Option<Target> {
        let unshare = kit::tool("unshare", "util-linux").ok()?;
        let unshare = || {
            let mut command = Command::new(&unshare);
            command.args(namespaces).arg("--map-root-user");
            command
        };
        if !unshare().arg("true").output().unwrap().status.success() {
            return None;
        }
        let mut target = Target::start_by(unshare().arg(python), "nap");
        let children = format!("/proc/{0}/task/{0}/children", target.child.id());
        if let Ok(child) = std::fs::read_to_string(children).unwrap().trim().parse() {
            target.pid = child;
        }
        Some(target)
    }

    fn await_file(&self, name: &str) {
        let began = Instant::now();
        while !self.folder.path(name).exists() {
            assert!(began.elapsed() < Duration::from_mins(1), "{name} did not come");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Has it hold another block, of 1,000,100 bytes and as many more as there were before.
    fn hold(&mut self) {
        self.held += 1;
        self.folder.write(&format!("go{}", self.held), "");
        self.await_file(&format!("held{}", self.held));
    }

    fn memtrace(&self, words: &[&str]) -> Ran {
        kit::run(self.folder.memtrace().args(words).arg(self.pid.to_string()))
    }

    /// Its blocks that were recorded.
    fn recorded(&self) -> Vec<u64> {
        sizes(&self.folder).into_iter().filter(|size| size / 1000 == 1000).collect()
    }

    /// Ends it, which must be as if nothing had ever been.
    fn end(mut self) {
        self.folder.write("end", "");
        let child = std::mem::replace(&mut self.child, Command::new("true").spawn().unwrap());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let expected = format!("ended as ever {}\n", self.held + 1);
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        assert_eq!(output.status.code(), Some(3));
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn attach_and_detach(python: &Path, wait: &str, options: &[&str]) {
    let mut target = Target::start(python, wait);
    target.hold();
    let _ = target.memtrace(&[&["attach", "-o", "capture.mtr"], options].concat()).exits(0);
    target.hold();
    target.hold();
    let _ = target.memtrace(&["detach"]).exits(0);
    target.hold();
    assert_eq!(target.recorded(), [1_000_102, 1_000_103], "{} {wait}", python.display());
    let records = target.folder.report("records");
    let block = records.iter().find(|record| record["size_bytes"] == 1_000_102).unwrap();
    let stack = block["stack"].as_array().unwrap();
    let functions: Vec<&Value> =
        stack.iter().filter(|frame| !is_native(frame)).map(|frame| &frame["function"]).collect();
    assert_eq!(functions, ["hold", "<module>"], "{} {wait}", python.display());
    assert_eq!(stack.iter().any(is_native), options.contains(&"--native"), "{stack:#?}");
    assert_eq!(target.folder.stats()["complete"], true);
    // Once more, into another file.
    let _ = target.memtrace(&["attach", "-fo", "capture.mtr"]).exits(0);
    target.hold();
    let _ = target.memtrace(&["detach"]).exits(0);
    assert_eq!(target.recorded(), [1_000_105]);
    target.end();
}

#[test]
fn to_a_program_that_sleeps() {
    on_every_python(|python| attach_and_detach(python, "nap", &[]));
}

#[test]
fn to_a_program_that_is_busy() {
    on_every_python(|python| attach_and_detach(python, "spin", &[]));
}

#[test]
fn to_a_program_whose_main_thread_waits_for_others() {
    on_every_python(|python| attach_and_detach(python, "on_a_lock", &[]));
}

#[test]
fn to_a_program_that_waits_for_something_to_happen() {
    on_every_python(|python| attach_and_detach(python, "poll", &[]));
}

#[test]
fn every_object_of_a_program_that_runs() {
    on_every_python(|python| attach_and_detach(python, "nap", &["--python-allocators"]));
}

#[test]
fn native_stacks_of_a_program_that_runs() {
    on_every_python(|python| attach_and_detach(python, "nap", &["--native"]));
    let Ok(python) = kit::python("3.12") else { return };
    attach_and_detach(&python, "spin", &["--native"]);
}

/// Wherever memtrace was in its work: the program goes on, and can be attached to again.
fn killed_at_many_steps(python: &Path, wait: &str, mut step: u32) {
    let mut target = Target::start(python, wait);
    if !compile(&target.folder, "killed.c", "killed.so", &["-shared", "-fPIC"]) {
        return;
    }
    let pid = target.child.id().to_string();
    loop {
        let mut command = target.folder.memtrace();
        command.args(["attach", "-fo", "killed.mtr", &pid]);
        command.env("LD_PRELOAD", target.folder.path("killed.so")).env("KILLED_AT", step.to_string());
        let attached = kit::run(&mut command);
        target.hold();
        let detached = target.memtrace(&["detach"]);
        assert!(
            detached.code == 0 || detached.stderr.contains("is not being recorded"),
            "{step}: {}",
            detached.stderr
        );
        if attached.code == 0 {
            assert!(step > 10, "only {step} calls");
            break;
        }
        assert_eq!((attached.code, attached.stderr.as_str()), (137, ""), "{step}");
        // What is done in the functions that are called is many calls of the same kind.
        step += if step < 30 { 1 } else { 37 };
    }
    let _ = target.memtrace(&["attach", "-o", "capture.mtr"]).exits(0);
    target.hold();
    let _ = target.memtrace(&["detach"]).exits(0);
    assert_eq!(target.recorded(), [1_000_100 + u64::from(target.held)]);
    target.end();
}

#[test]
fn killed_at_many_steps_it_leaves_a_program_that_sleeps_as_it_was() {
    let Ok(python) = kit::python("3.12") else { return };
    killed_at_many_steps(&python, "nap", 1);
}

#[test]
fn killed_at_many_steps_it_leaves_a_program_that_polls_as_it_was() {
    let Ok(python) = kit::python("3.9") else { return };
    killed_at_many_steps(&python, "poll", 6);
}

#[test]
fn killed_at_many_steps_it_leaves_a_busy_program_as_it_was() {
    let Ok(python) = kit::python("3.13") else { return };
    killed_at_many_steps(&python, "spin", 12);
}

#[test]
fn for_a_time() {
    let Ok(python) = kit::python("3.12") else { return };
    let mut target = Target::start(&python, "nap");
    let pid = target.child.id().to_string();
    let mut command = target.folder.memtrace();
    let attached = command.args(["attach", "--duration", "3", "-o", "capture.mtr", &pid]).spawn().unwrap();
    target.await_file("capture.mtr");
    target.hold();
    let output = attached.wait_with_output().unwrap();
    assert!(output.status.success());
    target.hold();
    assert_eq!(target.recorded(), [1_000_101]);
    target.end();
}

#[test]
fn a_program_that_ends_meanwhile_leaves_its_capture() {
    let Ok(python) = kit::python("3.12") else { return };
    let mut target = Target::start(&python, "nap");
    let _ = target.memtrace(&["attach", "-o", "capture.mtr"]).exits(0);
    target.hold();
    let folder = Folder::new();
    let capture = target.folder.path("capture.mtr");
    target.folder.write("end", "");
    let _ = target.child.wait().unwrap();
    std::fs::rename(capture, folder.path("capture.mtr")).unwrap();
    let stats = folder.stats();
    assert_eq!(stats["complete"], true);
    assert!(sizes(&folder).contains(&1_000_101));
}

#[test]
fn what_is_no_python_is_refused_and_runs_on() {
    let folder = Folder::new();
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    // Until it has become `sleep`, it is this test.
    std::thread::sleep(Duration::from_millis(300));
    let pid = child.id().to_string();
    let ran = kit::run(folder.memtrace().args(["attach", &pid])).exits(2);
    assert!(ran.stderr.contains(&format!("process {pid} is not a Python program")), "{}", ran.stderr);
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = kit::run(folder.memtrace().args(["attach", &pid])).exits(2);
    assert!(ran.stderr.contains(&format!("there is no process {pid}")), "{}", ran.stderr);
}

#[test]
fn to_a_program_that_knows_itself_by_another_number() {
    let Ok(python) = kit::python("3.12") else { return };
    let Some(mut target) = Target::start_apart(&python, &["--pid", "--fork", "--kill-child"]) else { return };
    let _ = target.memtrace(&["attach", "-o", "capture.mtr"]).exits(0);
    target.hold();
    // Who watches seeks it by the number that it has here.
    let page = std::fs::read(target.folder.path("capture.mtr")).unwrap();
    let header = Header::decode(page.first_chunk::<SIZE>().unwrap()).unwrap();
    assert_eq!(header.pid, target.pid);
    let _ = target.memtrace(&["detach"]).exits(0);
    assert_eq!(target.recorded(), [1_000_101]);
    target.end();
}

#[test]
fn a_program_in_a_container_is_refused_and_runs_on() {
    let Ok(python) = kit::python("3.12") else { return };
    let Some(target) = Target::start_apart(&python, &["--mount"]) else { return };
    let ran = target.memtrace(&["attach", "-o", "capture.mtr"]).exits(2);
    assert!(ran.stderr.contains(&format!("process {} is in a container", target.pid)), "{}", ran.stderr);
    assert!(!target.folder.path("capture.mtr").exists());
    target.end();
}

#[test]
fn what_cannot_be_done_is_said_and_changes_nothing() {
    let Ok(python) = kit::python("3.12") else { return };
    let target = Target::start(&python, "nap");
    let pid = target.child.id();
    let says = |words: &[&str], what: &str| {
        let ran = target.memtrace(words).exits(2);
        assert!(ran.stderr.contains(what), "{}", ran.stderr);
    };
    says(&["detach"], &format!("process {pid} is not being recorded"));
    says(&["attach", "-o", "nowhere/capture.mtr"], "No such file or directory");
    says(&["detach"], &format!("process {pid} is not being recorded"));
    target.folder.write("there", "");
    says(&["attach", "-o", "there"], "there exists already");
    let _ = target.memtrace(&["attach", "-o", "capture.mtr"]).exits(0);
    says(&["attach", "-o", "other.mtr"], &format!("process {pid} is being recorded already"));
    assert!(!target.folder.path("other.mtr").exists());
    let _ = target.memtrace(&["detach"]).exits(0);
    target.end();
}

#[test]
fn a_program_of_another_user_is_refused() {
    let Ok(python) = kit::python("3.12") else { return };
    let target = Target::start(&python, "nap");
    let Ok(setpriv) = kit::tool("setpriv", "util-linux") else { return };
    let mut command = Command::new(setpriv);
    let folder = Folder::new();
    command.args(["--reuid", "65534", "--clear-groups"]).arg(kit::binary("memtrace"));
    command.args(["attach", "-o", "capture.mtr", &target.child.id().to_string()]).current_dir("/");
    command.env("SNAKEPIPE_CACHE", folder.path("cache"));
    let ran = kit::run(&mut command);
    // Where this test has no right to become another user, there is none to try it with.
    if !ran.stderr.contains("setpriv") && !ran.stderr.contains("ermission denied") {
        assert!(ran.stderr.contains("does not let you attach"), "{}", ran.stderr);
    }
    target.end();
}
