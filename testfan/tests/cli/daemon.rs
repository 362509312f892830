//! The daemon: runs that use it say what they would say without it, and never what was true before a change.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Ran, of_type};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Suite, marked, none_left, outcomes};

/// A suite with a daemon of its own, which ends with it.
pub struct Kept {
    pub suite: Suite,
    runtime: TempDir,
    python: PathBuf,
}

impl Kept {
    /// None where there is no Python to test with.
    pub fn new(files: &[(&str, &str)]) -> Option<Kept> {
        let python = kit::venv("testfan").ok()?;
        Some(Kept { suite: Suite::new(files), runtime: tempfile::tempdir().unwrap(), python })
    }

    pub fn path(&self) -> &Path {
        self.suite.path()
    }

    /// `testfan ARGS`, with this daemon.
    pub fn testfan(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_testfan"));
        command.args(args).current_dir(self.path()).env_remove("PYTEST_ADDOPTS");
        for (name, value) in self.envs() {
            command.env(name, value);
        }
        command
    }

    pub fn envs(&self) -> [(&'static str, String); 2] {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        [
            ("XDG_RUNTIME_DIR", text(self.runtime.path())),
            ("SNAKEPIPE_CACHE", text(&self.runtime.path().join("cache"))),
        ]
    }

    /// `testfan COMMAND --python …`
    pub fn command(&self, command: &str, args: &[&str]) -> Command {
        let python = self.python.to_str().unwrap();
        self.testfan(&[&[command, "--python", python], args].concat())
    }

    /// `testfan run --daemon`, and what the daemon had done before: "imported" or "collected".
    fn run(&self, args: &[&str]) -> (Ran, Vec<Value>, String) {
        self.run_in(args, &[])
    }

    fn run_in(&self, args: &[&str], envs: &[(&str, &str)]) -> (Ran, Vec<Value>, String) {
        let mut command = self.command("run", &[&["--daemon", "-n2"], args].concat());
        let ran = kit::run(command.envs(envs.iter().copied()));
        let records = kit::records("testfan", &ran.stdout);
        let collected = of_type(&records, "testfan.suite.collected");
        let warm = collected.first().and_then(|record| record["daemon"].as_str()).unwrap_or("").to_owned();
        (ran, records, warm)
    }

    fn status(&self) -> Value {
        let ran = kit::run(&mut self.testfan(&["daemon", "status"]));
        let records = kit::records("testfan", &ran.stdout);
        of_type(&records, "testfan.daemon.reported")[0].clone()
    }

    /// Waits until the daemon has made up its mind about every suite; why it keeps no collection of the last.
    fn settled(&self) -> Option<String> {
        let began = Instant::now();
        loop {
            let status = self.status();
            let suites = status["suites"].as_array().unwrap();
            let done = |suite: &Value| suite["state"] == "collected" || suite["reason"].is_string();
            if !suites.is_empty() && suites.iter().all(done) {
                return suites.iter().find_map(|suite| suite["reason"].as_str()).map(str::to_owned);
            }
            assert!(began.elapsed() < Duration::from_mins(1), "{status}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs until a run finds the tests collected. The files of the suite are younger than the first collection may
    /// like them, so that may take more than one.
    fn warm(&self, args: &[&str], envs: &[(&str, &str)]) -> (Ran, Vec<Value>) {
        for _ in 0..20 {
            let (ran, records, warm) = self.run_in(args, envs);
            if warm == "collected" {
                return (ran, records);
            }
            assert_eq!(warm, "imported", "{} {}", ran.stdout, ran.stderr);
            std::thread::sleep(Duration::from_millis(100));
            self.settle_or_go_on();
        }
        panic!("never collected ahead: {}", self.status());
    }

    fn settle_or_go_on(&self) {
        for _ in 0..200 {
            let status = self.status();
            if status["suites"].as_array().unwrap().iter().all(|suite| suite["state"] != "collecting") {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.testfan(&["daemon", "stop"]).stdout(Stdio::null()).status();
    }
}

const MIXED: &str = "import pytest, warnings\n\
    def test_ok(tmp_path): assert tmp_path.is_dir() and not list(tmp_path.iterdir()); (tmp_path / 'x').touch()\n\
    def test_bad(): print('said'); assert [1] == [2]\n\
    def test_warns(): warnings.warn('beware')\n\
    @pytest.mark.skip(reason='not now')\n\
    def test_skip(): pass\n\
    @pytest.mark.xfail\n\
    def test_xfail(): assert 0\n\
    @pytest.fixture(scope='module')\n\
    def broken(): raise RuntimeError('no')\n\
    def test_error(broken): pass\n";

/// What people see, without what differs from run to run.
fn text(ran: &Ran) -> String {
    let blank =
        |line: &str| line.rsplit_once(" in ").map_or(line, |(before, _)| before).trim_matches('=').to_owned();
    let lines: Vec<String> = ran.stdout.lines().map(blank).filter(|line| !line.contains("[100%]")).collect();
    lines.join("\n")
}

#[test]
fn a_run_says_the_same_with_the_daemon_as_without() {
    let Some(kept) = Kept::new(&[("test_a.py", MIXED)]) else { return };
    let junit = kept.path().join("out.xml");
    // Each run knows better than the one before which test is the slowest; a file keeps its order.
    let dist = ["-n1", "--dist", "loadfile"];
    let args = [&dist[..], &["-rA", "--format", "human", "--junit", junit.to_str().unwrap()]].concat();
    let plain = kit::run(&mut kept.command("run", &args));
    let plain_xml = crate::support::junit(&junit);
    assert_eq!(plain.code, 1, "{}", plain.stdout);
    let with = || kit::run(&mut kept.command("run", &[&args[..], &["--daemon"]].concat()));
    for _ in 0..3 {
        std::fs::remove_file(&junit).unwrap();
        let ran = with();
        assert_eq!((ran.code, text(&ran), &ran.stderr), (1, text(&plain), &plain.stderr));
        assert_eq!(crate::support::junit(&junit), plain_xml);
        assert_eq!(kept.settled(), None);
    }
    let (_, records) = kept.warm(&[], &[]);
    assert_eq!(outcomes(&records).len(), 6);
    assert_eq!(of_type(&records, "testfan.run.finished")[0]["exit_code"], 1);
}

const SOURCE: [(&str, &str); 5] = [
    (
        "test_a.py",
        "import os, pytest, src.mod\nDATA = open('data.txt').read()\n\
        @pytest.mark.parametrize('i', range(2))\n\
        def test_a(i, from_conftest):\n\
        \x20   assert src.mod.VALUE == from_conftest == os.environ.get('FLAVOUR', 'sweet') == DATA\n",
    ),
    ("conftest.py", "import pytest\n@pytest.fixture\ndef from_conftest(): return 'sweet'\n"),
    ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-q'\n"),
    ("data.txt", "sweet"),
    ("other.txt", ""),
];

fn changing() -> Option<Kept> {
    let kept = Kept::new(&SOURCE)?;
    std::fs::create_dir(kept.path().join("src")).unwrap();
    kept.write("src/__init__.py", "");
    kept.write("src/mod.py", "VALUE = 'sweet'\n");
    Some(kept)
}

/// One change after a warm run: the next run must see it, and so must the one that is warm again.
fn seen(change: impl Fn(&Kept), envs: &[(&str, &str)], code: i32, tests: usize) {
    let Some(kept) = changing() else { return };
    let (ran, records) = kept.warm(&[], &[]);
    assert_eq!((ran.code, outcomes(&records).len()), (0, 2), "{}", ran.stdout);
    change(&kept);
    let (ran, records, warm) = kept.run_in(&[], envs);
    assert_eq!(
        (ran.code, outcomes(&records).len(), warm.as_str()),
        (code, tests, "imported"),
        "{}",
        ran.stdout
    );
    let (ran, records) = kept.warm(&[], envs);
    assert_eq!((ran.code, outcomes(&records).len()), (code, tests), "{}", ran.stdout);
}

#[test]
fn a_changed_test_is_seen() {
    seen(|kept| kept.write("test_a.py", "def test_new(): assert 0\n"), &[], 1, 1);
}

#[test]
fn a_new_test_file_is_seen() {
    seen(|kept| kept.write("test_new.py", "def test_new(): pass\n"), &[], 0, 3);
}

#[test]
fn a_changed_conftest_is_seen() {
    seen(|kept| kept.write("conftest.py", &SOURCE[1].1.replace("sweet", "bitter")), &[], 1, 2);
}

#[test]
fn a_new_conftest_is_seen() {
    let text = "def pytest_collection_modifyitems(items): del items[1:]\n";
    seen(|kept| kept.write("conftest.py", &format!("{}{text}", SOURCE[1].1)), &[], 0, 1);
}

#[test]
fn changed_source_is_seen() {
    seen(|kept| kept.write("src/mod.py", "VALUE = 'bitter'\n"), &[], 1, 2);
}

#[test]
fn source_that_is_gone_is_seen() {
    let Some(kept) = changing() else { return };
    kept.warm(&[], &[]);
    std::fs::remove_file(kept.path().join("src/mod.py")).unwrap();
    let (ran, _, _) = kept.run(&[]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(ran.stdout.contains("No module named 'src.mod'"), "{}", ran.stdout);
}

#[test]
fn a_changed_pyproject_is_seen() {
    let text = "[tool.pytest.ini_options]\naddopts = '-k 0'\n";
    seen(|kept| kept.write("pyproject.toml", text), &[], 0, 1);
}

#[test]
fn another_environment_is_seen() {
    seen(|_| (), &[("FLAVOUR", "bitter")], 1, 2);
}

#[test]
fn a_changed_file_that_is_read_when_tests_are_collected_is_seen() {
    seen(|kept| kept.write("data.txt", "bitter"), &[], 1, 2);
}

#[test]
fn other_arguments_are_another_collection() {
    let Some(kept) = changing() else { return };
    kept.warm(&[], &[]);
    let (_, records, warm) = kept.run(&["-k", "0"]);
    assert_eq!((outcomes(&records).len(), warm.as_str()), (1, "imported"));
    let (_, records, warm) = kept.run(&[]);
    assert_eq!((outcomes(&records).len(), warm.as_str()), (2, "collected"));
}

#[test]
fn the_failures_of_the_last_run_are_seen() {
    let tests = "import pytest\n@pytest.mark.parametrize('i', '12')\n\
        def test_a(i): assert open('bad.txt').read() != i\n";
    let Some(kept) = Kept::new(&[("test_a.py", tests), ("bad.txt", "")]) else { return };
    assert_eq!(outcomes(&kept.warm(&["--lf"], &[]).1).len(), 2);
    // Read when the test runs, so the collection is as good as it was.
    kept.write("bad.txt", "2");
    let (ran, records, warm) = kept.run(&["--lf"]);
    assert_eq!((ran.code, outcomes(&records).len(), warm.as_str()), (1, 2, "collected"), "{}", ran.stdout);
    let (ran, records, _) = kept.run(&["--lf"]);
    assert_eq!((ran.code, outcomes(&records).len()), (1, 1), "{}", ran.stdout);
    let (ran, records) = kept.warm(&["--lf"], &[]);
    assert_eq!((ran.code, outcomes(&records).len()), (1, 1), "{}", ran.stdout);
}

#[test]
fn what_no_test_reads_is_no_change() {
    let Some(kept) = changing() else { return };
    kept.warm(&[], &[]);
    kept.write("other.txt", "something else");
    kept.write("src/mod.py", "VALUE = 'sweet'\n");
    assert_eq!(kept.run(&[]).2, "collected");
}

#[test]
fn a_collection_that_would_be_another_next_time_is_not_kept() {
    let fine = "def test_fine(): pass\n";
    for (text, why) in [
        ("import time\nNOW = time.time()\n", "asks for the time"),
        ("import datetime\nTODAY = datetime.date.today()\n", "asks for the time"),
        ("import uuid\nID = uuid.uuid4()\n", "a random number"),
        ("import os\nos.makedirs('made', exist_ok=True)\n", "makes a folder"),
        ("open('written', 'w').close()\n", "writes"),
        ("import subprocess\nsubprocess.run(['true'])\n", "starts a process"),
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True).start()\n",
            "thread",
        ),
    ] {
        let Some(kept) = Kept::new(&[("test_a.py", &format!("{text}{fine}"))]) else { return };
        for _ in 0..2 {
            let (ran, _, warm) = kept.run(&[]);
            assert_eq!((ran.code, warm.as_str()), (0, "imported"), "{} {}", ran.stdout, ran.stderr);
            std::thread::sleep(Duration::from_millis(100));
            kept.settle_or_go_on();
        }
        let reason = kept.settled().unwrap_or_default();
        assert!(reason.contains(why) && (reason.contains("test_a.py") || why == "thread"), "{text} {reason}");
    }
}

#[test]
fn what_python_asks_of_the_system_is_the_same_next_time() {
    let test = "import ctypes.util, platform\n\
                LIBRARY, MACHINE = ctypes.util.find_library('c'), platform.processor()\n\
                def test_fine(): assert LIBRARY\n";
    let Some(kept) = Kept::new(&[("test_a.py", test)]) else { return };
    kept.warm(&[], &[]);
    assert_eq!(kept.run(&[]).2, "collected");
}

const SLEEPING: &str = "import os, pytest, time\n\
    @pytest.fixture\n\
    def torn():\n\
    \x20   yield\n\
    \x20   open('torn-down', 'w').close()\n\
    def test_slow(torn):\n\
    \x20   if os.path.exists('quick'): return\n\
    \x20   with open('begun.part', 'w') as file: file.write(str(os.getpid()))\n\
    \x20   os.rename('begun.part', 'begun')\n\
    \x20   time.sleep(60)\n";

#[test]
fn the_daemon_outlives_a_run_but_no_run_outlives_its_client() {
    for (signal, code) in [("-KILL", None), ("-INT", Some(2)), ("-TERM", Some(2))] {
        let Some(kept) = Kept::new(&[("test_a.py", SLEEPING)]) else { return };
        let mut command = kept.command("run", &["--daemon", "-n2"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        let pid = loop {
            if let Ok(pid) = std::fs::read_to_string(kept.path().join("begun")) {
                break pid;
            }
            assert!(began.elapsed() < Duration::from_mins(1), "it never began");
            std::thread::sleep(Duration::from_millis(10));
        };
        let daemon = kept.status()["pid"].clone();
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), code);
        while Path::new("/proc").join(&pid).exists() {
            assert!(began.elapsed() < Duration::from_secs(90), "its test runs on");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(kept.path().join("torn-down").exists(), code.is_some());
        kept.write("quick", "");
        assert_eq!(kept.run(&[]).0.code, 0);
        assert_eq!(kept.status()["pid"], daemon);
    }
}

#[test]
fn nothing_is_left_when_the_daemon_ends() {
    let marker = format!("daemon-{}", std::process::id());
    let Some(kept) = Kept::new(&[("test_a.py", "def test_a(): pass\n")]) else { return };
    kept.warm(&[], &[("TESTFAN_MARKER", &marker)]);
    assert!(marked(&marker).len() >= 2, "a base and what is parked");
    let stopped = kit::run(&mut kept.testfan(&["daemon", "stop"])).exits(0);
    assert!(stopped.stdout.contains("\"running\":false"), "{}", stopped.stdout);
    none_left(&marker);
    kit::run(&mut kept.testfan(&["daemon", "status"])).exits(1);
    kit::run(&mut kept.testfan(&["daemon", "stop"])).exits(1);
}

#[test]
fn a_daemon_that_nobody_asks_ends() {
    let Some(kept) = Kept::new(&[]) else { return };
    kit::run(&mut kept.testfan(&["daemon", "start", "--idle", "0.5"])).exits(0);
    let began = Instant::now();
    // Asking would keep it, so its socket is looked at.
    let folder = kept.runtime.path().join("snakepipe");
    let sockets = || {
        let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".sock")).count()
    };
    while sockets() > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    kit::run(&mut kept.testfan(&["daemon", "status"])).exits(1);
}

#[test]
fn runs_side_by_side_have_one_daemon() {
    let Some(kept) = Kept::new(&[("test_a.py", "def test_a(): pass\n")]) else { return };
    let start = || kept.command("run", &["--daemon"]).stdout(Stdio::null()).spawn().unwrap();
    let children: Vec<_> = (0..4).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(kept.status()["runs"], 4);
}

#[test]
fn only_its_user_can_talk_to_it() {
    let Some(kept) = Kept::new(&[("test_a.py", "def test_a(): pass\n")]) else { return };
    kit::run(&mut kept.testfan(&["daemon", "start"])).exits(0);
    let folder = kept.runtime.path().join("snakepipe");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.extension().unwrap() != "sock" || mode(&path) == 0o600, "{}", path.display());
    }
    // A folder that others can look into may be somebody else's trap.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (ran, _, warm) = kept.run(&[]);
    assert_eq!((ran.code, warm.as_str()), (0, ""), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("does without the daemon") && ran.stderr.contains("private"),
        "{}",
        ran.stderr
    );
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}
