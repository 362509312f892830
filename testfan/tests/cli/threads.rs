//! `--threads`: several tests at a time in one worker, and every test as it is under plain pytest.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use kit::of_type;
use serde_json::Value;

use crate::support::{Suite, junit, none_left, outcomes, printed, pytest};

fn ids(records: &[Value], kind: &str) -> Vec<String> {
    let mut ids: Vec<_> =
        of_type(records, kind).iter().map(|at| at["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// Reason by test, for the tests that are named.
fn alone(records: &[Value]) -> BTreeMap<String, String> {
    let planned = of_type(records, "testfan.threads.planned");
    let reasons = planned[0]["alone"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    reasons.map(|alone| (text(&alone["id"]), text(&alone["reason"]))).collect()
}

#[test]
fn as_many_tests_as_threads_run_side_by_side_in_one_process() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import os, pytest, threading\n\
        meeting = threading.Barrier(4)\n\
        @pytest.mark.parametrize('i', range(4))\n\
        def test_meet(i):\n\
        \x20   meeting.wait(30)\n\
        \x20   print('pid', os.getpid())\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    for start in ["fork", "spawn"] {
        let (ran, records) = suite.run(&python, &["-n1", "--threads", "4", "--start", start, "-rP"]);
        ran.exits(0);
        assert_eq!(ids(&records, "testfan.test.isolated"), [""; 0]);
        let output = |record: &&Value| record["output"].as_str().unwrap().to_owned();
        let outputs: BTreeSet<String> = of_type(&records, "test.finished").iter().map(output).collect();
        assert_eq!((outputs.len(), outcomes(&records).len()), (1, 4), "{outputs:?}");
    }
}

/// A thread is a worker to fixtures and hooks: what is set up for a module or session is set up in each, once.
#[test]
fn each_thread_has_fixtures_and_a_name_of_its_own() {
    let Ok(python) = kit::venv("testfan") else { return };
    let conftest = "import pathlib, pytest\n\
        def note(*what):\n\
        \x20   with open('notes', 'a') as notes: notes.write(' '.join(what) + '\\n')\n\
        @pytest.fixture(scope='session')\n\
        def whole(worker_id):\n\
        \x20   note('up', 'session', worker_id); yield worker_id; note('down', 'session', worker_id)\n\
        @pytest.fixture(scope='module')\n\
        def part(worker_id, request):\n\
        \x20   name = request.module.__name__\n\
        \x20   note('up', name, worker_id); yield worker_id; note('down', name, worker_id)\n";
    let tests = "import pytest, time\n\
        @pytest.mark.parametrize('i', range(12))\n\
        def test_a(i, whole, part, worker_id, request):\n\
        \x20   time.sleep(0.02)\n\
        \x20   assert whole == part == worker_id == request.config.workerinput['workerid']\n\
        \x20   assert request.config.workerinput['workercount'] == 6\n\
        \x20   assert request.getfixturevalue('part') == part\n";
    let suite = Suite::new(&[("conftest.py", conftest), ("test_a.py", tests), ("test_b.py", tests)]);
    let (ran, records) = suite.run(&python, &["-n2", "--threads", "3", "--dist", "loadfile"]);
    ran.exits(0);
    let notes = std::fs::read_to_string(suite.path().join("notes")).unwrap();
    let mut lines: Vec<&str> = notes.lines().collect();
    let started: BTreeSet<String> =
        of_type(&records, "test.started").iter().map(|at| at["worker"].to_string()).collect();
    assert_eq!(started.len(), 2, "a file stays in one thread: {notes}");
    lines.sort_unstable();
    let before = lines.len();
    lines.dedup();
    assert_eq!((lines.len(), before), (8, 8), "{notes}");
    let pids: BTreeSet<String> =
        of_type(&records, "testfan.worker.started").iter().map(|at| at["pid"].to_string()).collect();
    assert_eq!((pids.len(), of_type(&records, "testfan.worker.started").len()), (1, 3));
}

/// All but the last change something that the whole process has.
const CHANGING: &str = "import asyncio, os, pytest, sys, unittest, warnings\n\
    from unittest import mock\n\
    import helper\n\
    count = 0\n\
    def test_monkey(monkeypatch): monkeypatch.setenv('A', 'b')\n\
    def test_output(capsys): print('x'); assert capsys.readouterr().out == 'x\\n'\n\
    @pytest.mark.thread_unsafe(reason='so')\n\
    def test_marked(): pass\n\
    def test_global():\n\
    \x20   global count\n\
    \x20   count += 1\n\
    def test_environ(): os.environ['A_NAME'] = 'x'\n\
    def test_warnings():\n\
    \x20   with pytest.warns(UserWarning): warnings.warn('x')\n\
    @mock.patch('os.getcwd', return_value='here')\n\
    def test_patched(_): assert os.getcwd() == 'here'\n\
    def test_called(): helper.chdir()\n\
    def test_local_import():\n\
    \x20   from warnings import catch_warnings as quietly\n\
    \x20   with quietly(): pass\n\
    @pytest.fixture\n\
    def folder(tmp_path):\n\
    \x20   before = os.getcwd(); os.chdir(tmp_path); yield tmp_path; os.chdir(before)\n\
    def test_fixture(folder): assert os.getcwd() == str(folder)\n\
    class TestCase(unittest.TestCase):\n\
    \x20   def test_case(self): pass\n\
    class TestClass:\n\
    \x20   @classmethod\n\
    \x20   def setup_class(cls): cls.value = 1\n\
    \x20   def test_in_class(self): assert self.value == 1\n\
    def test_worker(): assert os.environ['PYTEST_XDIST_WORKER']\n\
    class Client:\n\
    \x20   def patch(self, url): self.url = url; return self\n\
    def test_harmless():\n\
    \x20   values = {}; values.update(a=1); values['b'] = Client().patch('/x').url\n\
    \x20   def warns(request): request.seen = True\n\
    \x20   assert values\n";

/// What changes things for the whole process is found by marker, fixture and code, and said.
#[test]
fn tests_that_change_what_threads_share_run_alone() {
    let Ok(python) = kit::venv("testfan") else { return };
    let helper = "import os\n\
        SETTINGS = {}\n\
        def deep(): SETTINGS.update(a=1)\n\
        def chdir(): return deep()\n";
    let suite = Suite::new(&[("test_a.py", CHANGING), ("helper.py", helper)]);
    let (ran, records) = suite.run(&python, &["-n2", "--threads", "3", "--strict-markers"]);
    ran.exits(0);
    let found = alone(&records);
    let reason = |test: &str| found.get(&format!("test_a.py::{test}")).map_or("", String::as_str);
    for (test, expected) in [
        ("test_monkey", "uses monkeypatch"),
        ("test_output", "uses capsys"),
        ("test_marked", "is marked thread_unsafe"),
        ("test_global", "assigns to the global count"),
        ("test_environ", "assigns to os.environ['A_NAME']"),
        ("test_warnings", "calls pytest.warns"),
        ("test_patched", "is patched by unittest.mock"),
        ("test_called", "changes SETTINGS"),
        ("test_local_import", "calls quietly"),
        ("test_fixture", "uses folder, which calls os.chdir"),
        ("TestCase::test_case", "is a method of a unittest.TestCase"),
        ("TestClass::test_in_class", "is set up by setup_class, for all threads at once"),
        ("test_worker", "asks for PYTEST_XDIST_WORKER, of which a process has one"),
        ("test_harmless", ""),
    ] {
        assert_eq!(reason(test), expected, "{test}");
    }
    assert_eq!((found.len(), outcomes(&records).len()), (13, 14), "{found:?}");
    // A scope that stays together stays together alone.
    let (_, records) = suite.run(&python, &["-n2", "--threads", "3", "--dist", "loadfile"]);
    assert_eq!(of_type(&records, "testfan.threads.planned")[0]["beside"], 0);
    assert_eq!(outcomes(&records).len(), 14);
}

#[test]
fn what_fails_only_beside_others_passes_and_is_named() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import pytest, threading, time\n\
        def test_lonely(): assert threading.active_count() == 1\n\
        @pytest.fixture\n\
        def lonely(): assert threading.current_thread() is threading.main_thread()\n\
        def test_error(lonely): pass\n\
        def test_bad(): time.sleep(0.01); assert 0, 'really'\n\
        @pytest.mark.parametrize('i', range(6))\n\
        def test_fine(i): time.sleep(0.02)\n\
        @pytest.mark.xfail\n\
        def test_expected(): assert 0\n\
        def test_skipped(): pytest.skip('why')\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let (serial_xml, xml) = (suite.path().join("serial.xml"), suite.path().join("ours.xml"));
    pytest(suite.path(), &python, &[&format!("--junitxml={}", serial_xml.display())]).exits(1);
    for extra in [&["--junit", xml.to_str().unwrap()][..], &["-x"], &["--start", "spawn", "--retries", "1"]] {
        let (ran, records) = suite.run(&python, &[&["-n1", "--threads", "4"][..], extra].concat());
        let ran = ran.exits(1);
        let isolated = ["test_bad", "test_error", "test_lonely"].map(|test| format!("test_a.py::{test}"));
        let again = ids(&records, "testfan.test.isolated");
        assert_eq!(again, isolated, "{}", ran.stdout);
        let found = outcomes(&records);
        assert_eq!(found.get("test_a.py::test_bad").unwrap(), "failed");
        if extra[0] == "-x" {
            continue;
        }
        let outcome = |test: &str| found.get(&format!("test_a.py::{test}")).unwrap().as_str();
        assert_eq!((found.len(), outcome("test_lonely"), outcome("test_error")), (11, "passed", "passed"));
        assert!(printed(&records).contains("1 failed, 8 passed, 1 skipped, 1 xfailed"), "{}", ran.stdout);
    }
    assert_eq!(junit(&xml), junit(&serial_xml));
    let ran = kit::run(&mut suite.command(&python, &["--format", "human", "-n1", "--threads", "4"])).exits(1);
    for line in ["THREADS test_a.py::test_lonely", "THREADS test_a.py::test_error", "really"] {
        assert!(ran.stdout.contains(line), "{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("THREADS test_a.py::test_bad"), "{}", ran.stdout);
}

/// Neither beside each other nor beside those that are still to run in the group's thread.
#[test]
fn failed_tests_of_a_group_run_again_as_a_group() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import os, pytest, threading, time\n\
        @pytest.mark.xdist_group('db')\n\
        @pytest.mark.parametrize('i', range(6))\n\
        def test_db(i):\n\
        \x20   os.close(os.open('lock', os.O_CREAT | os.O_EXCL))\n\
        \x20   time.sleep(0.1)\n\
        \x20   os.remove('lock')\n\
        \x20   assert threading.active_count() == 1\n\
        @pytest.mark.parametrize('i', range(20))\n\
        def test_other(i): time.sleep(0.02)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let (ran, records) = suite.run(&python, &["-n2", "--threads", "2", "--dist", "loadgroup"]);
    let ran = ran.exits(0);
    assert_eq!(
        (outcomes(&records).len(), ids(&records, "testfan.test.isolated").len()),
        (26, 6),
        "{}",
        ran.stdout
    );
}

/// Nobody knows which of the tests that ran ended the process: each shows it alone.
#[test]
fn a_crash_fails_the_test_that_crashes_and_no_other() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import os, pytest, time\n\
        @pytest.mark.parametrize('i', range(30))\n\
        def test_fine(i): time.sleep(0.01)\n\
        def test_exit(): time.sleep(0.02); os._exit(7)\n\
        @pytest.mark.parametrize('i', range(3))\n\
        def test_kill(i): time.sleep(0.02); os.kill(os.getpid(), 9)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    for start in ["fork", "spawn"] {
        let (ran, records) = suite.run(&python, &["-n2", "--threads", "4", "--start", start]);
        let ran = ran.exits(1);
        let found = outcomes(&records);
        let bad: Vec<_> =
            found.iter().filter(|(_, outcome)| *outcome != "passed").map(|(id, _)| &**id).collect();
        assert_eq!(found.len(), 34, "{}", ran.stdout);
        let crashing = ["test_exit", "test_kill[0]", "test_kill[1]", "test_kill[2]"];
        assert_eq!(bad, crashing.map(|test| format!("test_a.py::{test}")), "{}", ran.stdout);
        let isolated = of_type(&records, "testfan.test.isolated");
        assert!(!isolated.is_empty(), "{}", ran.stdout);
    }
}

#[test]
fn a_test_that_runs_too_long_fails_with_its_stack_and_the_others_pass() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import pytest, time\n\
        def test_stuck(): time.sleep(600)\n\
        @pytest.mark.parametrize('i', range(6))\n\
        def test_fine(i): time.sleep(0.05)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let (ran, records) = suite.run(&python, &["-n1", "--threads", "3", "--timeout", "3"]);
    let ran = ran.exits(1);
    let found = outcomes(&records);
    assert_eq!(found.values().filter(|outcome| *outcome == "passed").count(), 6, "{}", ran.stdout);
    let isolated = of_type(&records, "testfan.test.isolated");
    let message = isolated[0]["message"].as_str().unwrap();
    assert!(message.contains("was ended after 3 s") && message.contains("in test_stuck"), "{message}");
    assert_eq!(found.get("test_a.py::test_stuck").unwrap(), "failed");
}

#[test]
fn output_log_and_warnings_are_those_of_the_test_that_made_them() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import logging, pytest, sys, time, warnings\n\
        @pytest.mark.parametrize('i', range(9))\n\
        def test_a(i):\n\
        \x20   for part in range(5):\n\
        \x20       print('first', i); print('second', i, file=sys.stderr)\n\
        \x20       logging.getLogger('mine').warning('third %d', i); time.sleep(0.005)\n\
        \x20   warnings.warn('warned')\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let (ran, records) = suite.run(&python, &["-n1", "--threads", "3", "-rP"]);
    assert!(ran.exits(0).stdout.contains("9 passed, 9 warnings"));
    for test in of_type(&records, "test.finished") {
        let id = test["id"].as_str().unwrap();
        let i = id.trim_start_matches("test_a.py::test_a[").trim_end_matches(']');
        let output = test["output"].as_str().unwrap();
        for kind in ["first", "second", "third"] {
            let lines = |text: String| output.matches(&text).count();
            assert_eq!((lines(format!("{kind} {i}\n")), lines(format!("{kind} "))), (5, 5), "{id} {output}");
        }
    }
    // With -s nothing waits, and each line says which thread it is of.
    let (ran, records) = suite.run(&python, &["-n1", "--threads", "3", "-s"]);
    ran.exits(0);
    let worker_of: BTreeMap<String, String> = of_type(&records, "test.started")
        .iter()
        .map(|at| (at["id"].as_str().unwrap().to_owned(), at["worker"].to_string()))
        .collect();
    let mut lines = 0;
    for text in of_type(&records, "testfan.text.printed") {
        for line in text["text"].as_str().unwrap().lines() {
            if let Some(i) = line.strip_prefix("first ").or_else(|| line.strip_prefix("second ")) {
                assert_eq!(
                    text["worker"].to_string(),
                    worker_of[&format!("test_a.py::test_a[{i}]")],
                    "{line}"
                );
                lines += 1;
            }
        }
    }
    assert_eq!(lines, 90);
}

/// A test that waits in a thread cannot be interrupted; what it set up is torn down all the same.
#[test]
fn ctrl_c_ends_threads_that_wait_and_tears_down() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import pathlib, pytest, threading, time\n\
        meeting = threading.Barrier(3)\n\
        @pytest.fixture(scope='session')\n\
        def whole(worker_id):\n\
        \x20   yield\n\
        \x20   pathlib.Path('torn-down-' + worker_id).touch()\n\
        @pytest.mark.parametrize('i', range(9))\n\
        def test_slow(i, whole):\n\
        \x20   if meeting.wait(60) == 0: print('READY')\n\
        \x20   time.sleep(600)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let marker = format!("threads-{}", std::process::id());
    let mut command = suite.command(&python, &["-n1", "--threads", "3", "-s"]);
    let mut child =
        command.env("TESTFAN_MARKER", &marker).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut text = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("READY") {
            Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        }
        text += &(line + "\n");
    }
    assert_eq!(child.wait().unwrap().code(), Some(2), "{text}");
    let records = kit::records("testfan", &text);
    assert_eq!(ids(&records, "test.started").len(), 3, "{text}");
    assert_eq!(ids(&records, "test.started"), ids(&records, "testfan.test.interrupted"), "{text}");
    for worker in ["gw0", "gw1", "gw2"] {
        assert!(suite.path().join(format!("torn-down-{worker}")).exists(), "{worker}: {text}");
    }
    none_left(&marker);
}

/// Tests that a plugin runs in a way of its own run alone; coverage counts what threads run.
#[test]
fn plugins_live_with_threads() {
    let Ok(python) = kit::venv("plugins") else { return };
    let library = "def double(x):\n\
        \x20   if x > 3:\n\
        \x20       return x + x\n\
        \x20   return 2 * x\n\
        def never():\n\
        \x20   return 5\n";
    let tests = "import asyncio, os, pytest, time\n\
        from hypothesis import given, strategies as st\n\
        from lib import double\n\
        @pytest.mark.parametrize('i', range(8))\n\
        def test_plain(i): time.sleep(0.01); assert double(i) == 2 * i and i != 5\n\
        @pytest.mark.asyncio\n\
        async def test_async(): await asyncio.sleep(0)\n\
        @given(st.integers())\n\
        def test_given(n): assert double(n) == 2 * n\n\
        def test_mock(mocker): mocker.patch('os.getcwd', return_value='x'); assert os.getcwd() == 'x'\n\
        def test_asked(request): request.getfixturevalue('monkeypatch').setenv('A', 'b')\n";
    let suite = Suite::new(&[("test_a.py", tests), ("lib.py", library)]);
    let args = ["-p", "no:randomly", "-p", "no:rerunfailures", "--cov=lib"];
    let serial = pytest(suite.path(), &python, &args).exits(1).stdout;
    let last = |text: &str, word: &str| {
        let line = text.lines().rev().find(|line| line.contains(word)).unwrap_or_default();
        line.split(" in ").next().unwrap_or_default().trim_start_matches(['=', ' ']).to_owned()
    };
    let (ran, records) = suite.run(&python, &[&["-n2", "--threads", "3", "--"][..], &args].concat());
    let text = printed(&records);
    for word in [" passed", "TOTAL"] {
        assert_eq!(last(&text, word), last(&serial, word), "{} {}", ran.stdout, ran.stderr);
    }
    assert_eq!(of_type(&records, "testfan.threads.planned")[0]["beside"], 8, "{}", ran.stdout);
}

#[test]
fn options_that_do_not_go_with_threads_are_one_clear_line() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", "def test_a(): pass\n")]);
    for (args, line) in [
        (&["--threads", "0"][..], "--threads \"0\" is not a number of tests at a time"),
        (&["--threads", "2", "-n0"], "--threads cannot be used with -n 0"),
        (&["--threads", "2", "-n2", "--dist", "each"], "--threads cannot be used with --dist each"),
    ] {
        let ran = kit::run(&mut suite.command(&python, args)).exits(4);
        assert!(ran.stderr.contains(line) && !ran.stdout.contains("test.started"), "{args:?} {}", ran.stderr);
    }
    // One after the other is what stepwise is for.
    let (ran, records) = suite.run(&python, &["--threads", "2", "--stepwise"]);
    ran.exits(0);
    assert_eq!(outcomes(&records).len(), 1);
}

/// A worker that comes later is told of warnings that earlier tests gave rise to; they are not its own.
#[test]
fn a_warning_is_counted_once_though_a_worker_is_replaced() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import os, pytest, time, warnings\n\
        def test_a(): warnings.warn('one')\n\
        def test_exit(): time.sleep(0.3); os._exit(1)\n\
        def test_b(): warnings.warn('two')\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    for threads in ["1", "2"] {
        let (ran, _) = suite.run(&python, &["-n1", "--threads", threads]);
        let ran = ran.exits(1);
        assert!(ran.stdout.contains("1 failed, 2 passed, 2 warnings"), "{}", ran.stdout);
    }
}
