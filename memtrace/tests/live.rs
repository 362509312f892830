//! A program watched while it runs: what is in use then, whoever comes late, leaves and comes back.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::Folder;
use support::terminal::sit_at;

/// Holds 20 MB, and 30 MB more once it is told so; ends when it is told so.
const PROGRAM: &str = "\
import pathlib, time

def hold(size):
    return bytearray(size - 1)

def wait_for(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.02)
        hold(1000)

first = hold(20_000_000)
pathlib.Path('began').touch()
wait_for('more')
second = hold(30_000_000)
wait_for('end')
";

/// `memtrace run` in the background; ended with the test.
struct Recorded {
    folder: Folder,
    run: Child,
}

impl Recorded {
    fn start(python: &Path) -> Recorded {
        let folder = Folder::new();
        folder.write("app.py", PROGRAM);
        let mut command: Command = folder.memtrace();
        command.args(["run", "-q", "-o", "capture.mtr", "--python"]).arg(python).arg("app.py");
        let run = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while !folder.path("began").exists() {
            assert!(began.elapsed() < Duration::from_mins(1), "the program did not begin");
            std::thread::sleep(Duration::from_millis(20));
        }
        Recorded { folder, run }
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        // So that the program ends, whatever became of the test.
        self.folder.write("more", "");
        self.folder.write("end", "");
        let _ = self.run.wait();
    }
}

#[test]
fn somebody_watches_leaves_and_comes_back() {
    let Ok(python) = kit::python("3.12") else { return };
    let mut recorded = Recorded::start(&python);
    let folder = recorded.folder.path("");
    let (screens, code) =
        sit_at(&folder, &["live", "capture.mtr"], &[("hold", "t"), ("total ↓", "c"), ("count ↓", "q")]);
    assert_eq!(code, 0);
    assert!(screens[0].contains("running") && screens[0].contains("19.1 MiB"), "{}", screens[0]);
    // The program has not noticed, and goes on.
    assert!(recorded.run.try_wait().unwrap().is_none());
    recorded.folder.write("more", "");
    let (screens, code) = sit_at(
        &folder,
        &["live", "capture.mtr"],
        &[("47.7 MiB", "\x1b[C"), ("(1 of 1)", " "), ("paused", " "), ("running", "q")],
    );
    assert_eq!(code, 0, "{}", screens[0]);
    recorded.folder.write("end", "");
    assert!(recorded.run.wait().unwrap().success());
    let (screens, code) = sit_at(&folder, &["live", "capture.mtr"], &[("ended", "q")]);
    assert_eq!(code, 0);
    assert!(screens[0].contains("app.py"), "{}", screens[0]);
}

#[test]
fn a_script_hears_of_it_until_the_end() {
    let Ok(python) = kit::python("3.13") else { return };
    let recorded = Recorded::start(&python);
    let mut live = recorded.folder.memtrace();
    let live = live.args(["live", "capture.mtr"]).stdout(Stdio::piped()).spawn().unwrap();
    recorded.folder.write("more", "");
    std::thread::sleep(Duration::from_millis(1500));
    recorded.folder.write("end", "");
    let ran = live.wait_with_output().unwrap();
    assert!(ran.status.success());
    let records = kit::records("memtrace", &String::from_utf8(ran.stdout).unwrap());
    let stats = kit::of_type(&records, "memtrace.stats.computed");
    let [first, .., last] = &stats[..] else { panic!("{records:?}") };
    assert_eq!(first["complete"], false);
    assert!(first["peak_bytes"].as_u64().unwrap() > 20_000_000, "{first}");
    is_the_whole(recorded, last);
}

/// What was heard last is what a report on the whole capture says.
fn is_the_whole(mut recorded: Recorded, last: &Value) {
    assert!(recorded.run.wait().unwrap().success());
    let whole = recorded.folder.stats();
    for number in [
        "peak_bytes",
        "peak_allocations",
        "total_bytes",
        "allocations",
        "frees",
        "leaked_bytes",
        "temporary_bytes",
    ] {
        assert_eq!(last[number], whole[number], "{number}");
    }
}

/// `memtrace live --listen`, and where it listens.
fn listen(recorded: &Recorded) -> (Child, String) {
    let mut command = recorded.folder.memtrace();
    command.args(["live", "--listen", "0", "capture.mtr"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut listening = command.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(listening.stderr.take().unwrap()).read_line(&mut said).unwrap();
    let address = said.trim_end().rsplit(' ').next().unwrap().to_owned();
    (listening, address)
}

#[test]
fn somebody_watches_from_another_machine() {
    let Ok(python) = kit::python("3.12") else { return };
    let recorded = Recorded::start(&python);
    let (mut listening, address) = listen(&recorded);
    let elsewhere = Folder::new();
    let keys = [("hold", "t"), ("total ↓", "q")];
    let (screens, code) = sit_at(&elsewhere.path(""), &["live", "--remote", &address], &keys);
    assert_eq!(code, 0);
    assert!(screens[0].contains("running") && screens[0].contains("19.1 MiB"), "{}", screens[0]);
    // Another one comes, and stays to the end.
    let mut live = elsewhere.memtrace();
    let live = live.args(["live", "--remote", &address]).stdout(Stdio::piped()).spawn().unwrap();
    recorded.folder.write("more", "");
    std::thread::sleep(Duration::from_millis(1500));
    recorded.folder.write("end", "");
    let ran = live.wait_with_output().unwrap();
    assert!(ran.status.success());
    let records = kit::records("memtrace", &String::from_utf8(ran.stdout).unwrap());
    let stats = kit::of_type(&records, "memtrace.stats.computed");
    is_the_whole(recorded, stats.last().unwrap());
    assert!(listening.wait().unwrap().success());
}

#[test]
fn a_lost_connection_is_no_end() {
    let Ok(python) = kit::python("3.12") else { return };
    let recorded = Recorded::start(&python);
    let (mut listening, address) = listen(&recorded);
    let mut live = recorded.folder.memtrace();
    live.args(["live", "--remote", &address]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let live = live.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    listening.kill().unwrap();
    listening.wait().unwrap();
    let ran = live.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains(&format!("the connection at {address} failed")), "{said}");
    let ran = kit::run(recorded.folder.memtrace().args(["live", "--remote", &address])).exits(2);
    assert!(ran.stderr.contains("Connection refused") && ran.stderr.contains("--listen"), "{}", ran.stderr);
}

#[test]
fn what_is_no_capture_is_refused() {
    let folder = Folder::new();
    folder.write("notes.txt", &"not a capture\n".repeat(1000));
    for name in ["notes.txt", "none.mtr"] {
        let ran = kit::run(folder.memtrace().args(["live", name])).exits(2);
        assert!(ran.stderr.contains(name) && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}
