//! What suites do, good and bad, each held against serial pytest on the same files: the same exit code and the
//! same counts, forked and spawned. In the spirit of pytest-xdist's acceptance tests.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kit::of_type;

use crate::support::{Suite, outcomes, printed, pytest};

/// `2 failed, 1 passed, 3 warnings in 0.10s`, as numbers by word.
fn counts(text: &str) -> BTreeMap<String, u64> {
    let line = text.lines().rev().find(|line| line.contains(" in ") && line.ends_with(['s', '=']));
    let words: Vec<&str> =
        line.unwrap_or_default().split([' ', ',', '=']).filter(|word| !word.is_empty()).collect();
    let pairs = words.windows(2).filter_map(|pair| Some((pair[1].to_owned(), pair[0].parse().ok()?)));
    pairs.map(|(word, number)| (word.trim_end_matches('s').to_owned(), number)).collect()
}

#[track_caller]
fn as_serial(files: &[(&str, &str)], args: &[&str], code: i32) {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(files);
    let serial = pytest(suite.path(), &python, args).exits(code);
    for start in ["fork", "spawn"] {
        let (ran, records) = suite.run(&python, &[&["-n2", "--start", start, "--"][..], args].concat());
        let text = printed(&records);
        let both = format!("{start} {args:?}\n{text}\n{}\n--- serial\n{}", ran.stderr, serial.stdout);
        assert_eq!(ran.code, code, "{both}");
        assert_eq!(counts(&text), counts(&serial.stdout), "{both}");
    }
}

#[test]
fn outcomes_of_every_kind() {
    let tests = "import pytest, unittest\n\
        def test_pass(): pass\n\
        def test_fail(): assert 0\n\
        @pytest.mark.skip\n\
        def test_skip(): pass\n\
        def test_skip_late(): pytest.skip('now')\n\
        def test_import(): pytest.importorskip('nowhere_to_be_found')\n\
        @pytest.mark.xfail\n\
        def test_xfail(): assert 0\n\
        @pytest.mark.xfail\n\
        def test_xpass(): pass\n\
        @pytest.mark.xfail(strict=True)\n\
        def test_strict(): pass\n\
        class Case(unittest.TestCase):\n\
        \x20   @classmethod\n\
        \x20   def setUpClass(cls): cls.ready = True\n\
        \x20   def test_ready(self): self.assertTrue(self.ready)\n\
        \x20   @unittest.expectedFailure\n\
        \x20   def test_expected(self): self.fail()\n\
        \x20   @unittest.skip('no')\n\
        \x20   def test_skipped(self): pass\n\
        class Broken(unittest.TestCase):\n\
        \x20   @classmethod\n\
        \x20   def setUpClass(cls): raise RuntimeError\n\
        \x20   def test_a(self): pass\n\
        \x20   def test_b(self): pass\n";
    as_serial(&[("test_a.py", tests)], &["-rA"], 1);
    as_serial(&[("test_a.py", "def test_a(): pass\ndef test_b(): pass\n")], &[], 0);
}

#[test]
fn teardowns_that_fail() {
    let tests = "import pytest\n\
        @pytest.fixture\n\
        def single(): yield; raise RuntimeError('single')\n\
        @pytest.fixture(scope='module')\n\
        def module(): yield; raise RuntimeError('module')\n\
        @pytest.fixture(scope='session')\n\
        def session(): yield; raise RuntimeError('session')\n\
        def test_a(single): pass\n\
        def test_b(module): pass\n\
        def test_c(session): assert 0\n\
        def teardown_module(): raise RuntimeError('xunit')\n";
    // Else the module would be torn down in each worker that has some of it.
    as_serial(&[("test_a.py", tests)], &["--dist=loadfile"], 1);
}

#[test]
fn tests_that_leave_in_unusual_ways() {
    let tests = "import os, sys\n\
        def test_exit(): sys.exit(3)\n\
        def test_exit_none(): raise SystemExit\n\
        def test_base(): raise BaseException('base')\n\
        def test_generator(): raise GeneratorExit\n\
        def test_recursion():\n\
        \x20   def again(): again()\n\
        \x20   again()\n\
        def test_memory(): raise MemoryError\n\
        def test_fine(): pass\n";
    as_serial(&[("test_a.py", tests)], &["--tb=line"], 1);
}

#[test]
fn text_that_is_long_or_no_text() {
    let tests = "import os, sys\n\
        def test_long(): print('x' * 3_000_000); assert 0\n\
        def test_bytes(): os.write(1, b'\\xff\\xfe\\n'); sys.stdout.buffer.write(b'\\xff'); assert 0\n\
        def test_half(): assert '\\ud800\\u2028' == 'a'\n\
        def test_nul(): print('\\0\\x1b[31m'); assert 0, '\\0'\n";
    as_serial(&[("test_a.py", tests)], &[], 1);
    as_serial(&[("test_a.py", tests)], &["-s", "-rA"], 1);
}

#[test]
fn warnings_are_shown_once_and_counted() {
    let conftest = "import warnings\n\
        def pytest_collection_modifyitems(items): warnings.warn('collecting')\n";
    let tests = "import pytest, warnings\n\
        class Odd(Warning):\n\
        \x20   def __init__(self, a, b): super().__init__(a, b); self.call = lambda: 0\n\
        class Named(UserWarning):\n\
        \x20   def __init__(self, *, name): super().__init__(name)\n\
        @pytest.mark.parametrize('i', range(4))\n\
        def test_same(i): warnings.warn('the same')\n\
        def test_odd(): warnings.warn(Odd('x', lambda: 0))\n\
        def test_named(): warnings.warn(Named(name='kw'))\n\
        def test_old(): warnings.warn('old', DeprecationWarning)\n\
        @pytest.mark.filterwarnings('ignore')\n\
        def test_ignored(): warnings.warn('not shown')\n";
    let files = [("conftest.py", conftest), ("test_a.py", tests)];
    as_serial(&files, &[], 0);
    as_serial(&files[1..], &["-W", "error"], 1);
    as_serial(&files, &["-p", "no:warnings"], 0);
}

#[test]
fn collecting_that_fails_or_finds_nothing() {
    let good = ("test_good.py", "def test_a(): pass\ndef test_b(): assert 0\n");
    let broken = ("test_broken.py", "import nowhere_to_be_found\n");
    as_serial(&[good, broken], &[], 2);
    as_serial(&[good, broken], &["--continue-on-collection-errors"], 1);
    as_serial(&[good], &["-k", "nothing_like_it"], 5);
    as_serial(&[good], &["--deselect", "test_good.py::test_b"], 0);
    as_serial(&[good], &["--ignore=test_good.py"], 5);
    as_serial(&[good, ("conftest.py", "raise RuntimeError('at import')")], &[], 4);
    as_serial(&[good], &["no_such_file.py"], 4);
    as_serial(&[good], &["test_good.py::test_nowhere"], 4);
    as_serial(
        &[("test_a.py", "import pytest\n@pytest.mark.unknown\ndef test_a(): pass\n")],
        &["--strict-markers"],
        2,
    );
}

#[test]
fn options_under_which_no_test_runs() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", "def test_a(): assert 0\n")]);
    for option in ["--collect-only", "--fixtures", "--markers", "--version", "--help", "--setup-plan"] {
        let (ran, records) = suite.run(&python, &["--", "-p", "no:cacheprovider", option]);
        let serial = pytest(suite.path(), &python, &[option]).exits(0);
        let ran = ran.exits(0);
        assert!(of_type(&records, "test.started").is_empty(), "{option} {}", ran.stdout);
        // Line for line what pytest says, but for times and whether colour was asked for.
        let said = |text: &str| -> Vec<String> {
            let lines =
                text.lines().filter(|line| !line.contains(" in 0.") && !line.contains("site-packages"));
            lines.map(str::to_owned).collect()
        };
        let missing: Vec<_> =
            said(&serial.stdout).into_iter().filter(|line| !printed(&records).contains(line)).collect();
        assert!(missing.is_empty() || option == "--help", "{option} does not say {missing:?}");
    }
}

#[test]
fn runs_that_a_test_ends() {
    let exit = "import pytest\ndef test_a(): pytest.exit('enough', 7)\n";
    as_serial(&[("test_a.py", exit)], &[], 7);
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", "def test_kb(): raise KeyboardInterrupt\n")]);
    for start in ["fork", "spawn"] {
        let (ran, records) = suite.run(&python, &["-n2", "--start", start]);
        let ran = ran.exits(2);
        assert!(ran.stdout.contains("test_a.py:1: KeyboardInterrupt"), "{}", ran.stdout);
        assert_eq!(of_type(&records, "testfan.test.interrupted").len(), 1);
    }
}

#[test]
fn verbosity_is_pytests() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", "def test_a(): pass\ndef test_b(): assert 0\n")]);
    let shown = |args: &[&str]| {
        let ran =
            kit::run(&mut suite.command(&python, &[&["--format=human", "-n2"][..], args].concat())).exits(1);
        ran.stdout
    };
    let plain = shown(&[]);
    assert!(plain.contains("collected 2 items") && plain.contains("[100%]"), "{plain}");
    assert!(plain.contains("[gw") && plain.contains("FAILED test_a.py::test_b"), "{plain}");
    let verbose = shown(&["-v"]);
    assert!(
        verbose.contains("PASSED test_a.py::test_a") && verbose.contains("FAILED test_a.py::test_b"),
        "{verbose}"
    );
    let quiet = shown(&["-q"]);
    assert!(!quiet.contains("test session starts") && quiet.contains("\n1 failed, 1 passed in"), "{quiet}");
    let quieter = shown(&["-qq", "--tb=no"]);
    assert!(!quieter.contains("1 failed"), "{quieter}");
    let all = shown(&["-rA"]);
    assert!(all.contains("PASSED test_a.py::test_a"), "{all}");
    assert!(!shown(&["--tb=no", "--no-summary"]).contains("FAILED"));
}

/// A process that a test leaves behind holds the worker's streams, and even its channel, open.
#[test]
fn what_a_test_leaves_behind_holds_nothing_up() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import os, subprocess, sys, time\n\
        def test_program(): subprocess.Popen(['sleep', '100'])\n\
        def test_copy():\n\
        \x20   if os.fork() == 0: time.sleep(100); os._exit(0)\n\
        def test_copy_that_raises():\n\
        \x20   copy = os.fork()\n\
        \x20   if copy == 0: raise SystemExit\n\
        \x20   os.waitpid(copy, 0)\n\
        def test_fine(): pass\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    for start in ["fork", "spawn"] {
        let began = Instant::now();
        // Not through a pipe: what is left behind has it too.
        let output = suite.path().join("out");
        let mut command = suite.command(&python, &["-n2", "--start", start]);
        command.stdout(std::fs::File::create(&output).unwrap()).stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        let code = child.wait().unwrap().code();
        let text = std::fs::read_to_string(&output).unwrap();
        assert_eq!(code, Some(0), "{text}");
        assert!(began.elapsed() < Duration::from_mins(1), "{start} took {:?}", began.elapsed());
        assert_eq!(outcomes(&kit::records("testfan", &text)).len(), 4);
    }
}

#[test]
fn a_hook_may_have_a_crashed_test_run_again() {
    let Ok(python) = kit::venv("testfan") else { return };
    let conftest = "def pytest_handlecrashitem(crashitem, report, sched):\n\
        \x20   with open('log', 'a') as file: print(crashitem, report.outcome, file=file)\n\
        \x20   if crashitem.endswith('twice'): sched.mark_test_pending(crashitem)\n";
    let tests = "import os\n\
        def test_twice():\n\
        \x20   if not os.path.exists('once'): open('once', 'w'); os._exit(1)\n\
        def test_crash(): os._exit(1)\n\
        def test_fine(): pass\n";
    for start in ["fork", "spawn"] {
        let suite = Suite::new(&[("conftest.py", conftest), ("test_a.py", tests)]);
        let (ran, records) = suite.run(&python, &["-n2", "--start", start]);
        let ran = ran.exits(1);
        let known = outcomes(&records);
        assert_eq!(known.values().filter(|outcome| *outcome == "passed").count(), 2, "{}", ran.stdout);
        assert_eq!((known.len(), known["test_a.py::test_crash"].as_str()), (3, "failed"));
        assert_eq!(of_type(&records, "testfan.test.retried").len(), 1);
        let log = std::fs::read_to_string(suite.path().join("log")).unwrap();
        let mut lines: Vec<&str> = log.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["test_a.py::test_crash failed", "test_a.py::test_twice failed"]);
    }
}

#[test]
fn a_plugin_that_prints_at_the_start_breaks_nothing() {
    let conftest = "import os, sys\n\
        print('at import', flush=True)\n\
        def pytest_configure(config): print('configuring'); os.write(1, b'raw\\n'); print('err', file=sys.stderr)\n\
        def pytest_sessionfinish(session): print('finishing')\n\
        def pytest_unconfigure(config): print('unconfiguring')\n";
    as_serial(&[("conftest.py", conftest), ("test_a.py", "def test_a(): pass\n")], &[], 0);
}
