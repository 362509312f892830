//! Runs in which much fails: they stop where they should, lose nothing, and are gone on with next time.

use std::collections::BTreeSet;

use crate::support::{Suite, outcomes, pytest};
use kit::of_type;
use serde_json::Value;

const ALL_BAD: &str = "import pytest, time\n\
    @pytest.mark.parametrize('i', range(200))\n\
    def test_bad(i): time.sleep(0.002 * (i % 5)); assert 0\n";

fn names(records: &[Value], kind: &str) -> BTreeSet<String> {
    of_type(records, kind).iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn maxfail_is_exact_where_no_test_ran_beside_the_last() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", ALL_BAD)]);
    for (workers, option, expected) in [("-n1", "-x", 1), ("-n1", "--maxfail=3", 3)] {
        for start in ["fork", "spawn"] {
            let (ran, records) = suite.run(&python, &[workers, option, "--start", start]);
            let case = format!("{workers} {option} {start}: {}", ran.stdout);
            assert_eq!(ran.code, 1, "{case}");
            assert_eq!(names(&records, "test.started").len(), expected, "{case}");
            assert_eq!(outcomes(&records).len(), expected, "{case}");
            assert!(ran.stdout.contains(&format!("stopping after {expected} failures")), "{case}");
        }
    }
}

/// Side by side with the one that fails first, each other worker may be at one test.
#[test]
fn exitfirst_begins_nothing_after_a_failure() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", ALL_BAD)]);
    let (ran, records) = suite.run(&python, &["-n2", "-x"]);
    assert_eq!(ran.code, 1);
    let workers: Vec<_> = of_type(&records, "test.started").iter().map(|at| at["worker"].clone()).collect();
    let different: BTreeSet<String> = workers.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), workers.len(), "no worker began a test after its failure: {workers:?}");
    assert_eq!(names(&records, "test.started"), names(&records, "test.finished"));
}

#[test]
fn maxfail_lets_all_run_when_fewer_fail() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests =
        "import pytest\n@pytest.mark.parametrize('i', range(300))\ndef test_a(i): assert i % 100 != 7\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    for workers in ["-n1", "-n2", "-n4"] {
        let (ran, records) = suite.run(&python, &[workers, "--maxfail=4"]);
        assert_eq!((ran.code, outcomes(&records).len()), (1, 300));
    }
}

#[test]
fn workers_are_not_replaced_for_ever() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests =
        "import os, pytest\n@pytest.mark.parametrize('i', range(60))\ndef test_exit(i): os._exit(7)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    for (args, limit) in
        [(&["-n2"][..], 8), (&["-n2", "--max-worker-restart=1"], 1), (&["-n1", "--max-worker-restart=0"], 0)]
    {
        let (ran, records) = suite.run(&python, args);
        assert_ne!(ran.code, 0);
        assert!(ran.stdout.contains(&format!("maximum crashed workers reached: {limit}")), "{}", ran.stdout);
        let lost = of_type(&records, "testfan.worker.lost").len();
        assert!((limit + 1..=limit + 2).contains(&lost), "{lost} lost");
        assert_eq!(names(&records, "test.started"), names(&records, "test.finished"));
    }
}

/// What the next run goes by is what serial pytest would have left, and the next run does go by it.
#[test]
fn the_cache_of_the_last_failures_is_pytests() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests =
        "import pytest\n@pytest.mark.parametrize('i', range(30))\ndef test_a(i): assert i not in (9, 21)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let file = suite.path().join(".pytest_cache/v/cache/lastfailed");
    let cached = || -> Value { serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap() };
    suite.run(&python, &["-n2"]).0.exits(1);
    let ours = cached();
    std::fs::remove_dir_all(suite.path().join(".pytest_cache")).unwrap();
    pytest(suite.path(), &python, &["-p", "cacheprovider"]).exits(1);
    assert_eq!(ours, cached());

    let failed: BTreeSet<String> =
        ["test_a.py::test_a[9]", "test_a.py::test_a[21]"].map(str::to_owned).into();
    let (_, records) = suite.run(&python, &["-n2", "--lf"]);
    assert_eq!(names(&records, "test.finished"), failed);
    let (_, records) = suite.run(&python, &["-n1", "--ff"]);
    let order: Vec<_> = of_type(&records, "test.started").iter().map(|at| at["id"].clone()).collect();
    assert_eq!(
        (order.len(), order[..2].to_vec()),
        (30, failed.iter().rev().map(|id| id.as_str().into()).collect())
    );
    // Mended, they leave the cache.
    std::fs::write(suite.path().join("test_a.py"), tests.replace("(9, 21)", "(9,)")).unwrap();
    suite.run(&python, &["-n2", "--lf"]).0.exits(1);
    assert_eq!(cached().as_object().unwrap().len(), 1);
}

#[test]
fn new_tests_come_first_when_they_are_to() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "def test_1(): pass\ndef test_2(): pass\ndef test_3(): pass\n";
    let suite = Suite::new(&[("test_a.py", tests), ("test_b.py", tests)]);
    let file = suite.path().join(".pytest_cache/v/cache/nodeids");
    suite.run(&python, &["-n2"]).0.exits(0);
    let ours = std::fs::read(&file).unwrap();
    std::fs::remove_dir_all(suite.path().join(".pytest_cache")).unwrap();
    pytest(suite.path(), &python, &["-p", "cacheprovider"]).exits(0);
    assert_eq!(ours, std::fs::read(&file).unwrap());

    std::fs::write(suite.path().join("test_c.py"), tests).unwrap();
    std::fs::write(suite.path().join("test_a.py"), format!("{tests}def test_4(): pass\n")).unwrap();
    let listed =
        pytest(suite.path(), &python, &["-p", "cacheprovider", "--nf", "--collect-only", "-q"]).exits(0);
    let expected: Vec<&str> = listed.stdout.lines().filter(|line| line.contains("::")).collect();
    assert_eq!((expected.len(), expected.iter().position(|id| id.ends_with("test_4"))), (10, Some(0)));
    let (_, records) = suite.run(&python, &["-n1", "--nf"]);
    let order: Vec<_> = of_type(&records, "test.started").iter().map(|at| at["id"].clone()).collect();
    assert_eq!(order, expected);
}

#[test]
fn stepwise_goes_on_where_it_stopped() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests =
        "import pytest\n@pytest.mark.parametrize('i', range(30))\ndef test_a(i): assert i not in (9, 21)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    for (mended, ran_first, count, code) in [("(9, 21)", 0, 10, 2), ("(21,)", 9, 13, 2), ("()", 21, 9, 0)] {
        std::fs::write(suite.path().join("test_a.py"), tests.replace("(9, 21)", mended)).unwrap();
        let (ran, records) = suite.run(&python, &["-n4", "--stepwise"]);
        let order: Vec<_> = of_type(&records, "test.started").iter().map(|at| at["id"].clone()).collect();
        assert_eq!(order[0], format!("test_a.py::test_a[{ran_first}]"));
        assert_eq!((ran.code, order.len()), (code, count), "{}", ran.stdout);
    }
}
