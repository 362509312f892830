//! One behaviour of `testfan run` after the other, each seen from outside.

use crate::support::{Suite, junit, outcomes, pytest};
use kit::of_type;

#[test]
fn a_test_that_ends_its_worker_fails_alone() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import os, signal, pytest\n\
         @pytest.mark.parametrize('i', range(20))\n\
         def test_fine(i): pass\n\
         def test_exit(): os._exit(0)\n\
         def test_segv(): os.kill(os.getpid(), signal.SIGSEGV)\n\
         @pytest.mark.parametrize('i', range(20))\n\
         def test_later(i): pass\n",
    )]);
    let (ran, records) = suite.run(&python, &["-n2"]);
    let outcomes = outcomes(&records);
    let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome != "passed").collect();
    assert_eq!(ran.code, 1);
    assert_eq!(outcomes.len(), 42);
    assert_eq!(failed.len(), 2, "{failed:?}");
    let messages: Vec<String> =
        of_type(&records, "testfan.worker.lost").iter().map(|lost| lost["reason"].to_string()).collect();
    assert!(messages.iter().any(|text| text.contains("exit code 0")), "{messages:?}");
    assert!(messages.iter().any(|text| text.contains("SIGSEGV")), "{messages:?}");
}

#[test]
fn a_worker_that_breaks_its_channel_is_replaced() {
    let Ok(python) = kit::venv("testfan") else { return };
    let find = "import os\n\
        def socketlike(n):\n\
        \x20   try: return os.readlink('/proc/self/fd/' + n).startswith('socket:')\n\
        \x20   except OSError: return False\n\
        def fds(): return [int(n) for n in os.listdir('/proc/self/fd') if socketlike(n)]\n";
    let suite = Suite::new(&[(
        "test_a.py",
        &format!(
            "{find}\
             def test_garbage():\n\
             \x20   [os.write(fd, b'nonsense\\n') for fd in fds()]\n\
             \x20   import time; time.sleep(60)\n\
             def test_closed():\n\
             \x20   [os.close(fd) for fd in fds()]\n\
             \x20   import time; time.sleep(60)\n\
             def test_fine(): print('{{\"t\": \"done\"}}')\n\
             def test_fine_too(): os.write(1, b'{{\"t\": \"exit\"}}\\n')\n"
        ),
    )]);
    let (ran, records) = suite.run(&python, &["-n2", "-s"]);
    let outcomes = outcomes(&records);
    assert_eq!(ran.exits(1).stderr, "");
    assert_eq!(outcomes.values().filter(|outcome| *outcome == "failed").count(), 2, "{outcomes:?}");
    assert_eq!(outcomes.len(), 4);
}

#[test]
fn an_endless_test_is_ended_and_says_where_it_was() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import time\ndef stuck_here(): time.sleep(600)\ndef test_stuck(): stuck_here()\ndef test_fine(): pass\n",
    )]);
    let (ran, records) = suite.run(&python, &["-n2", "--timeout", "1"]);
    let finished = of_type(&records, "test.finished");
    let stuck = finished.iter().find(|record| record["outcome"] == "failed").unwrap();
    assert_eq!(ran.exits(1).stderr, "");
    assert!(stuck["message"].as_str().unwrap().contains("stuck_here"), "{stuck}");
    assert_eq!(finished.len(), 2);
}

#[test]
fn ids_of_sets_and_clocks_are_collected_once() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import pytest, time\n\
         @pytest.mark.parametrize('x', {'a', 'b', 'c', 'd', 'e'})\n\
         def test_set(x): pass\n\
         @pytest.mark.parametrize('x', [time.time_ns(), time.time_ns() + 1])\n\
         def test_clock(x): pass\n",
    )]);
    let (ran, records) = suite.run(&python, &["-n2"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(outcomes(&records).len(), 7);
    // Fresh workers collect other tests: said, not guessed.
    let (ran, records) = suite.run(&python, &["-n2", "--start", "spawn"]);
    assert_eq!(ran.code, 2);
    assert_eq!(of_type(&records, "testfan.run.failed")[0]["code"], "different_tests");
}

#[test]
fn a_thread_from_an_import_means_spawn_with_the_reason() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[
        (
            "conftest.py",
            "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), name='ticker', daemon=True).start()\n",
        ),
        (
            "test_a.py",
            "import pytest\n@pytest.mark.parametrize('i', range(10))\ndef test_a(i, worker_id): assert worker_id != 'master'\n",
        ),
    ]);
    let (ran, records) = suite.run(&python, &["-n2"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("ticker"), "{}", ran.stderr);
    assert_eq!(of_type(&records, "testfan.suite.collected")[0]["start"], "spawn");
    assert_eq!(outcomes(&records).len(), 10);
}

#[test]
fn fixtures_live_as_long_as_in_pytest() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import os, pytest\n\
         def log(text):\n\
         \x20   with open('log', 'a') as file: file.write(text + chr(10))\n\
         @pytest.fixture(scope='session')\n\
         def session(): log('session ' + os.environ['PYTEST_XDIST_WORKER']); yield; log('gone')\n\
         @pytest.fixture(scope='module')\n\
         def module(): log('module'); yield; log('gone')\n\
         @pytest.mark.parametrize('i', range(40))\n\
         def test_a(i, session, module, tmp_path, worker_id, testrun_uid):\n\
         \x20   assert 'popen-' + worker_id in str(tmp_path)\n\
         \x20   assert os.environ['TESTFAN_WORKER'] == worker_id\n",
    )]);
    let (ran, records) = suite.run(&python, &["-n2"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let workers = of_type(&records, "testfan.worker.started").len();
    let log = std::fs::read_to_string(suite.path().join("log")).unwrap();
    let count = |what: &str| log.lines().filter(|line| line.starts_with(what)).count();
    assert_eq!((workers, count("session"), count("module"), count("gone")), (2, 2, 2, 4), "{log}");
}

#[test]
fn pythons_collector_is_as_tests_expect_it() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import gc, os\n\
         def test_a():\n\
         \x20   assert gc.isenabled() and gc.get_threshold()[0] == int(os.environ['EXPECTED'])\n\
         \x20   more = gc.get_freeze_count() > int(os.environ['FROZEN'])\n\
         \x20   assert more == (os.environ.get('TESTFAN_GC') != 'python')\n";
    // Python 3.12 begins with some objects set aside.
    let ask = "import gc; print(gc.get_threshold()[0], gc.get_freeze_count())";
    let own = kit::run(std::process::Command::new(&python).args(["-c", ask])).exits(0).stdout;
    let (threshold, frozen) = own.trim().split_once(' ').unwrap();
    for (conftest, expected) in [("", threshold), ("import gc\ngc.set_threshold(4321)\n", "4321")] {
        let suite = Suite::new(&[("test_a.py", tests), ("conftest.py", conftest)]);
        for (name, value) in [("TESTFAN_GC", "python"), ("TESTFAN_GC", ""), ("OTHER", "")] {
            for start in ["fork", "spawn"] {
                let mut command = suite.command(&python, &["-n1", "--start", start]);
                command.env("EXPECTED", expected).env("FROZEN", frozen).env(name, value);
                kit::run(&mut command).exits(0);
            }
        }
    }
}

#[test]
fn the_junit_file_counts_what_serial_pytest_counts() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import pytest\n\
         def test_ok(): pass\n\
         def test_bad(): assert 0\n\
         @pytest.mark.skip(reason='no')\n\
         def test_skip(): pass\n\
         @pytest.mark.xfail\n\
         def test_xfail(): assert 0\n\
         @pytest.fixture\n\
         def broken(): raise RuntimeError\n\
         def test_error(broken): pass\n",
    )]);
    let serial = suite.path().join("serial.xml");
    let ours = suite.path().join("ours.xml");
    let option = format!("--junitxml={}", serial.display());
    let serial_code = pytest(suite.path(), &python, &[&option]).code;
    let (ran, records) = suite.run(&python, &["-n2", "--junit", ours.to_str().unwrap()]);
    assert_eq!(ran.code, serial_code);
    assert_eq!(junit(&ours), junit(&serial));
    let words: Vec<_> = outcomes(&records).into_values().collect();
    for word in ["passed", "failed", "skipped", "xfailed", "error"] {
        assert_eq!(words.iter().filter(|known| *known == word).count(), 1, "{words:?}");
    }
}

#[test]
fn an_option_that_makes_no_sense_is_one_clear_line() {
    let suite = Suite::new(&[]);
    let ran = kit::run(&mut suite.command("python3".as_ref(), &["-n", "none"]));
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("-n \"none\" is not a number of workers"), "{}", ran.stderr);
    let ran = kit::run(&mut suite.command("/no/such/python".as_ref(), &[]));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--python"), "{}", ran.stderr);
}

/// Plain pytest shows these on its terminal; here they come from workers, and each line says from which.
#[test]
fn what_workers_set_up_is_shown_and_labelled() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import pytest\n\
        @pytest.fixture(scope='module')\n\
        def part(): return 1\n\
        @pytest.mark.parametrize('i', range(2))\n\
        def test_a(i, part, tmp_path): pass\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let lines = |text: &str| {
        let text = text.replace("[gw0] ", "").replace("[gw1] ", "");
        let lines = text.lines().map(|line| line.trim().trim_end_matches('.').to_owned());
        let about = ["SETUP ", "TEARDOWN ", "test_a.py::test_a"];
        let mut lines: Vec<_> =
            lines.filter(|line| about.iter().any(|start| line.starts_with(start))).collect();
        lines.sort();
        lines
    };
    let serial = lines(&pytest(suite.path(), &python, &["--setup-show"]).exits(0).stdout);
    assert!(serial.iter().any(|line| line.contains("fixtures used: i, part")), "{serial:?}");
    for start in ["fork", "spawn"] {
        let args = ["--format", "human", "-n1", "--setup-show", "--start", start];
        let ran = kit::run(&mut suite.command(&python, &args)).exits(0);
        assert_eq!(lines(&ran.stdout), serial, "{}", ran.stdout);
        assert!(ran.stdout.contains("[gw0] SETUP    S "), "{}", ran.stdout);
    }
}
