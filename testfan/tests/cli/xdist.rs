//! What a suite written for pytest-xdist expects, with and without it installed.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Suite, outcomes};
use kit::of_type;
use serde_json::Value;

/// pytest-xdist blocked: as good as not installed.
const WITHOUT: [&str; 2] = ["-p", "no:xdist"];

/// The workers that ran the tests whose id has `part`.
fn homes(records: &[Value], part: &str) -> BTreeSet<String> {
    let finished = of_type(records, "test.finished");
    let ours = finished.iter().filter(|record| record["id"].as_str().unwrap().contains(part));
    ours.map(|record| record["worker"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn tests_and_conftests_know_their_worker() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import os, pytest\n\
         @pytest.mark.xdist_group('g')\n\
         @pytest.mark.parametrize('i', range(6))\n\
         def test_a(i, worker_id, testrun_uid, request, tmp_path):\n\
         \x20   given = request.config.workerinput\n\
         \x20   assert given['workerid'] == worker_id == os.environ['PYTEST_XDIST_WORKER']\n\
         \x20   assert str(given['workercount']) == os.environ['PYTEST_XDIST_WORKER_COUNT'] == '2'\n\
         \x20   assert given['testrunuid'] == testrun_uid == os.environ['PYTEST_XDIST_TESTRUNUID'] == 'this-run'\n\
         \x20   assert tmp_path.parent == request.config.rootpath / 'base' / ('popen-' + worker_id)\n\
         \x20   try: import xdist\n\
         \x20   except ImportError: return\n\
         \x20   assert xdist.is_xdist_worker(request) and xdist.get_xdist_worker_id(request) == worker_id\n",
    )]);
    for start in ["fork", "spawn"] {
        for without in [&WITHOUT[..], &[]] {
            let options =
                ["-n2", "--strict-markers", "--testrunuid=this-run", "--basetemp=base", "--start", start];
            let (ran, records) = suite.run(&python, &[&options[..], without].concat());
            let ran = ran.exits(0);
            assert_eq!(outcomes(&records).len(), 6, "{start} {without:?} {}", ran.stdout);
            assert_eq!(ran.stderr, "");
        }
    }
}

#[test]
fn hooks_of_xdist_are_called_or_named() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[
        (
            "conftest.py",
            "def log(*words):\n\
             \x20   with open('log', 'a') as file: print(*words, file=file)\n\
             def pytest_xdist_setupnodes(config, specs): log('setup', len(specs), specs[0].id)\n\
             def pytest_configure_node(node): node.workerinput['lucky'] = (7, b'x', node.gateway.id)\n\
             def pytest_testnodeready(node): log('ready', node.gateway.id)\n\
             def pytest_xdist_node_collection_finished(node, ids): log('ids', len(ids))\n\
             def pytest_testnodedown(node, error): log('down', error, node.workeroutput.get('mine'))\n\
             def pytest_xdist_auto_num_workers(config): return 2\n\
             def pytest_xdist_make_scheduler(config, log): raise RuntimeError\n\
             def pytest_xdist_rsyncstart(source, gateways): raise RuntimeError\n\
             def pytest_sessionfinish(session):\n\
             \x20   output = getattr(session.config, 'workeroutput', None)\n\
             \x20   if output is not None: output['mine'] = ('t', b'b')\n",
        ),
        (
            "test_a.py",
            "def test_a(request, worker_id): assert request.config.workerinput['lucky'] == (7, b'x', worker_id)\n\
             def test_b(request, worker_id): assert request.config.workerinput['lucky'] == (7, b'x', worker_id)\n",
        ),
    ]);
    for start in ["fork", "spawn"] {
        for without in [&WITHOUT[..], &[]] {
            let (ran, _) = suite.run(&python, &[&["--start", start, "-nauto"][..], without].concat());
            let ran = ran.exits(0);
            assert!(
                ran.stderr.contains("pytest_xdist_make_scheduler in conftest.py is not called"),
                "{}",
                ran.stderr
            );
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
            let log = std::fs::read_to_string(suite.path().join("log")).unwrap();
            let mut lines: Vec<&str> = log.lines().collect();
            lines.sort_unstable();
            let down = "down None ('t', b'b')";
            assert_eq!(
                lines,
                [down, down, "ids 2", "ids 2", "ready gw0", "ready gw1", "setup 2 gw0"],
                "{start}"
            );
            std::fs::remove_file(suite.path().join("log")).unwrap();
        }
    }
}

#[test]
fn a_lost_worker_is_a_node_down_with_an_error() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[
        (
            "conftest.py",
            "def pytest_testnodedown(node, error):\n\
             \x20   with open('log', 'a') as file: print(bool(error), file=file)\n",
        ),
        ("test_a.py", "import os\ndef test_a(): os._exit(3)\n"),
    ]);
    let (ran, _) = suite.run(&python, &["-n1"]);
    ran.exits(1);
    assert_eq!(std::fs::read_to_string(suite.path().join("log")).unwrap(), "True\n");
}

const SPREAD: &str = "import pytest, time\n\
    class TestOne:\n\
    \x20   @pytest.mark.parametrize('i', range(8))\n\
    \x20   def test_m(self, i): time.sleep(0.01)\n\
    @pytest.mark.parametrize('i', range(8))\n\
    @pytest.mark.xdist_group('g')\n\
    def test_grouped(i): time.sleep(0.01)\n\
    @pytest.mark.parametrize('i', ['x@y', 'z'])\n\
    def test_free(i): time.sleep(0.01)\n";

#[test]
fn scopes_files_and_groups_stay_in_one_worker() {
    let Ok(python) = kit::venv("testfan") else { return };
    let files = ["test_a.py", "test_b.py", "test_c.py"];
    let suite = Suite::new(&files.map(|name| (name, SPREAD)));
    for start in ["fork", "spawn"] {
        for (mode, together) in [
            ("loadfile", &["test_a.py", "test_b.py", "test_c.py"][..]),
            ("loadscope", &["test_a.py::TestOne", "test_b.py::TestOne", "test_c.py::test_"]),
            ("loadgroup", &["test_grouped"]),
        ] {
            let (ran, records) = suite.run(&python, &["-n3", "--dist", mode, "--start", start]);
            let ran = ran.exits(0);
            assert_eq!(outcomes(&records).len(), 54, "{}", ran.stdout);
            for part in together {
                assert_eq!(homes(&records, part).len(), 1, "{mode} {part}");
            }
            assert_eq!(homes(&records, "").len(), 3, "{mode}");
        }
    }
}

#[test]
fn each_runs_every_test_in_every_worker() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import os, pytest\n\
         @pytest.mark.parametrize('i', range(5))\n\
         def test_a(i): pass\n\
         def test_end(worker_id): os._exit(1) if worker_id == 'gw0' else None\n\
         def test_last(): pass\n",
    )]);
    let (ran, records) = suite.run(&python, &["-n2", "--dist=each"]);
    let ran = ran.exits(1);
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for record in of_type(&records, "test.finished") {
        *times.entry(record["id"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(times.len(), 7, "{}", ran.stdout);
    assert!(times.values().all(|count| *count == 2), "{times:?}");
    assert_eq!(of_type(&records, "testfan.suite.collected")[0]["tests"], 14);
    assert!(ran.stdout.contains("1 failed, 13 passed"), "{}", ran.stdout);
}

#[test]
fn none_is_one_process_that_knows_of_no_worker() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[(
        "test_a.py",
        "import os, pytest\n\
         @pytest.mark.parametrize('i', range(5))\n\
         def test_a(i, worker_id, request, tmp_path):\n\
         \x20   assert worker_id == 'master' and 'PYTEST_XDIST_WORKER' not in os.environ\n\
         \x20   assert not hasattr(request.config, 'workerinput') and 'popen-' not in str(tmp_path)\n",
    )]);
    for options in [&["-n0"][..], &["--dist=no"], &["-n0", "--start=spawn"]] {
        let (ran, records) = suite.run(&python, options);
        let ran = ran.exits(0);
        assert_eq!(outcomes(&records).len(), 5, "{}", ran.stdout);
        assert_eq!(of_type(&records, "testfan.worker.started").len(), 1);
    }
}

#[test]
fn what_an_ini_file_asks_of_xdist_is_done() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", SPREAD), ("test_b.py", SPREAD), ("pytest.ini", "")]);
    for without in [&WITHOUT[..], &[]] {
        for start in ["fork", "spawn"] {
            let ini = "[pytest]\naddopts = -n 3 --dist loadfile --max-worker-restart 1\n";
            std::fs::write(suite.path().join("pytest.ini"), ini).unwrap();
            let (ran, records) = suite.run(&python, &[without, &["--start", start]].concat());
            let ran = ran.exits(0);
            assert_eq!(of_type(&records, "testfan.suite.collected")[0]["workers"], 3, "{}", ran.stdout);
            assert_eq!(homes(&records, "test_a.py").len(), 1);
            // The command line's word counts.
            let (_, records) = suite.run(&python, &[without, &["-n1", "--start", start]].concat());
            assert_eq!(of_type(&records, "testfan.suite.collected")[0]["workers"], 1);
        }
    }
    std::fs::write(suite.path().join("pytest.ini"), "[pytest]\naddopts = --tx ssh=elsewhere\n").unwrap();
    let (ran, _) = suite.run(&python, &[]);
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("--tx ssh=elsewhere"), "{}{}", ran.stdout, ran.stderr);
}
