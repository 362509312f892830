//! The plugins that many suites use, real and all installed together, beside testfan: as they are with serial pytest.

use std::path::Path;
use std::process::Command;

use kit::Ran;
use serde_json::Value;

use crate::support::{Suite, outcomes, printed};

/// Those that would change what another's test sees: the order, and whether workers may be forked.
const CALM: [&str; 4] = ["-p", "no:randomly", "-p", "no:rerunfailures"];

fn serial(folder: &Path, python: &Path, args: &[&str]) -> Ran {
    let script = python.with_file_name("pytest");
    kit::run(Command::new(script).args(["-p", "no:cacheprovider"]).args(args).current_dir(folder))
}

/// The last line's counts, without the time.
fn summary(text: &str) -> String {
    let line = text.lines().rev().find(|line| line.contains(" in ")).unwrap_or_default();
    line.split(" in ").next().unwrap_or_default().trim_start_matches(['=', ' ']).to_owned()
}

#[track_caller]
fn same_summary(files: &[(&str, &str)], args: &[&str], code: i32) {
    let Ok(python) = kit::venv("plugins") else { return };
    let suite = Suite::new(files);
    let args = [&CALM[..], args].concat();
    let expected = serial(suite.path(), &python, &args).exits(code);
    for start in ["fork", "spawn"] {
        let (ran, records) = suite.run(&python, &[&["-n2", "--start", start, "--"][..], &args].concat());
        let ran = ran.exits(code);
        let text = printed(&records);
        assert_eq!(summary(&text), summary(&expected.stdout), "{start} {}\n{text}", ran.stderr);
    }
}

#[test]
fn asyncio_and_anyio() {
    let tests = "import asyncio, anyio, pytest\n\
        @pytest.fixture\n\
        async def value(): await asyncio.sleep(0); yield 3\n\
        @pytest.fixture(scope='module')\n\
        async def loop(): return asyncio.get_running_loop()\n\
        @pytest.mark.parametrize('i', range(8))\n\
        async def test_a(i, value): await asyncio.sleep(0.01); assert value == 3 and i != 5\n\
        @pytest.mark.asyncio(loop_scope='module')\n\
        @pytest.mark.parametrize('i', range(3))\n\
        async def test_loop(i, loop): assert loop is asyncio.get_running_loop()\n\
        @pytest.mark.anyio\n\
        @pytest.mark.parametrize('i', range(4))\n\
        async def test_any(i): await anyio.sleep(0.01); assert i != 2\n\
        def test_plain(): asyncio.run(asyncio.sleep(0))\n";
    let auto = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = module\n";
    same_summary(&[("test_a.py", tests), ("pytest.ini", auto)], &[], 1);
    let marked = tests.replace("async def test_a", "@pytest.mark.anyio\nasync def test_a");
    let both = "import pytest\n\
        @pytest.fixture(params=['asyncio', 'trio'])\n\
        def anyio_backend(request): return request.param\n";
    let only_anyio: String = marked
        .split("@pytest.mark.asyncio")
        .next()
        .unwrap()
        .replace("value)", "anyio_backend)")
        .replace("value == 3 and ", "");
    same_summary(
        &[("test_a.py", &only_anyio.replace("asyncio.sleep", "anyio.sleep")), ("conftest.py", both)],
        &[],
        1,
    );
}

#[test]
fn mock_subtests_and_hypothesis() {
    let tests = "import os, pytest, unittest\n\
        from hypothesis import given, strategies as st\n\
        def test_mock(mocker):\n\
        \x20   mocked = mocker.patch('os.getcwd', return_value='here')\n\
        \x20   assert os.getcwd() == 'here'; mocked.assert_called_once()\n\
        def test_unmocked(): assert os.getcwd() != 'here'\n\
        def test_sub(subtests):\n\
        \x20   for i in range(4):\n\
        \x20       with subtests.test(i=i): assert i % 2\n\
        class Case(unittest.TestCase):\n\
        \x20   def test_u(self):\n\
        \x20       for i in range(3):\n\
        \x20           with self.subTest(i=i): self.assertNotEqual(i, 1)\n\
        @given(st.integers())\n\
        def test_good(n): assert n * 2 == n + n\n\
        @given(st.integers())\n\
        def test_bad(n): assert n < 100\n\
        @given(st.text())\n\
        @pytest.mark.parametrize('i', range(3))\n\
        def test_text(i, t): assert isinstance(t, str)\n";
    same_summary(&[("test_a.py", tests)], &["--hypothesis-show-statistics"], 1);
}

#[test]
fn timeouts() {
    let tests = "import pytest, time\n\
        @pytest.mark.timeout(0.5)\n\
        def test_slow(): time.sleep(60)\n\
        @pytest.mark.parametrize('i', range(6))\n\
        def test_fine(i): pass\n";
    same_summary(&[("test_a.py", tests)], &["--tb=line"], 1);
    // By a thread pytest-timeout ends the whole process; here that is one test's failure.
    let Ok(python) = kit::venv("plugins") else { return };
    let suite = Suite::new(&[("test_a.py", &tests.replace("0.5", "0.5, method='thread'"))]);
    let (ran, records) = suite.run(&python, &[&["-n2"][..], &CALM].concat());
    assert_eq!((ran.exits(1).stdout.contains("test_slow"), outcomes(&records).len()), (true, 7));
}

#[test]
fn coverage_is_that_of_serial_pytest() {
    let Ok(python) = kit::venv("plugins") else { return };
    let library = "def f(x):\n\
        \x20   if x > 2:\n\
        \x20       return 1\n\
        \x20   elif x < 0:\n\
        \x20       return 2\n\
        \x20   return 3\n\
        def g(): return 4\n\
        def never():\n\
        \x20   return 5\n";
    let tests = "import lib, pytest\n\
        @pytest.mark.parametrize('i', range(-5, 9))\n\
        def test_f(i): assert lib.f(i)\n\
        def test_g(): assert lib.g() == 4\n";
    let args = [&CALM[..], &["--cov=lib", "--cov-branch", "--cov-report=term-missing", "--cov-report=json"]]
        .concat();
    let suite = Suite::new(&[("lib.py", library), ("test_a.py", tests)]);
    let measured = || {
        let file = suite.path().join("coverage.json");
        let found: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        std::fs::remove_file(file).unwrap();
        found["files"].clone()
    };
    serial(suite.path(), &python, &args).exits(0);
    let expected = measured();
    for start in ["fork", "spawn"] {
        for xdist in [&[][..], &["-p", "no:xdist"]] {
            let options = [&["-n3", "--start", start, "--"][..], &args, xdist].concat();
            let (ran, records) = suite.run(&python, &options);
            ran.exits(0);
            assert_eq!(measured(), expected, "{start} {xdist:?} {}", printed(&records));
            let left = std::fs::read_dir(suite.path()).unwrap().filter(|entry| {
                entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".coverage.")
            });
            assert_eq!(left.count(), 0);
        }
    }
}

#[test]
fn randomly_gives_each_test_the_numbers_of_its_seed() {
    let Ok(python) = kit::venv("plugins") else { return };
    let tests = "import pathlib, pytest, random\n\
        @pytest.mark.parametrize('i', range(20))\n\
        def test_a(i): pathlib.Path(f'number-{i}').write_text(str(random.random()))\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let numbers = || -> Vec<String> {
        (0..20).map(|i| std::fs::read_to_string(suite.path().join(format!("number-{i}"))).unwrap()).collect()
    };
    let seed = ["-p", "no:rerunfailures", "-p", "randomly", "--randomly-seed=5"];
    serial(suite.path(), &python, &[&seed[..2], &seed[4..]].concat()).exits(0);
    let expected = numbers();
    for options in [&["--start=fork"][..], &["--start=spawn"], &["--start=spawn", "-p", "no:xdist"]] {
        let (ran, _) = suite.run(&python, &[&["-n2"][..], options, &seed[..2], &seed[4..]].concat());
        ran.exits(0);
        assert_eq!(numbers(), expected, "{options:?}");
    }
}

#[test]
fn rerunfailures() {
    let Ok(python) = kit::venv("plugins") else { return };
    let tests = "import os, pytest\n\
        def nth(name):\n\
        \x20   with open(name, 'a') as file: file.write('x')\n\
        \x20   return os.path.getsize(name)\n\
        @pytest.mark.flaky(reruns=3)\n\
        def test_flaky(): assert nth('flaky') >= 3\n\
        def test_plain(): assert 0\n\
        @pytest.mark.flaky(reruns=2)\n\
        def test_never(): assert 0\n\
        @pytest.mark.flaky(reruns=1)\n\
        def test_crash(): nth('crash') >= 2 or os._exit(1)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let (ran, records) = suite.run(&python, &["-n2", "-p", "no:randomly"]);
    let ran = ran.exits(1);
    assert_eq!(summary(&printed(&records)), "2 failed, 2 passed, 5 rerun", "{}", ran.stderr);
    // It keeps books in a server of its own, which copies of its process could not ask.
    assert!(ran.stderr.contains("spawned, not forked"), "{}", ran.stderr);
}

#[test]
fn django_with_a_database_for_each_worker() {
    let settings = "import pathlib\n\
        SECRET_KEY = 'x'\n\
        HERE = pathlib.Path(__file__).parent\n\
        TEST = {'NAME': str(HERE / 'test.sqlite3')}\n\
        DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': HERE / 'db.sqlite3', 'TEST': TEST}}\n\
        INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'shop']\n\
        DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n";
    let models = "from django.db import models\n\
        class Item(models.Model):\n\
        \x20   name = models.CharField(max_length=20, unique=True)\n\
        \x20   class Meta: app_label = 'shop'\n";
    let tests = "import pytest\n\
        from shop import Item\n\
        from django.test import TestCase\n\
        @pytest.mark.django_db\n\
        @pytest.mark.parametrize('i', range(10))\n\
        def test_alone(i):\n\
        \x20   Item.objects.create(name='one')\n\
        \x20   assert Item.objects.count() == 1\n\
        @pytest.mark.django_db(transaction=True)\n\
        @pytest.mark.parametrize('i', range(4))\n\
        def test_transaction(i, worker_id):\n\
        \x20   from django.db import connection\n\
        \x20   Item.objects.create(name='two')\n\
        \x20   assert Item.objects.count() == 1\n\
        \x20   name = connection.settings_dict['NAME']\n\
        \x20   assert name.endswith('.sqlite3' if worker_id == 'master' else f'.sqlite3_{worker_id}'), name\n\
        class Case(TestCase):\n\
        \x20   @classmethod\n\
        \x20   def setUpTestData(cls): Item.objects.create(name='class')\n\
        \x20   def test_one(self): assert Item.objects.count() == 1\n\
        \x20   def test_two(self): Item.objects.create(name='x'); assert Item.objects.count() == 2\n\
        def test_refused(): Item.objects.count()\n";
    let ini = "[pytest]\nDJANGO_SETTINGS_MODULE = settings\npythonpath = .\n";
    let files =
        [("settings.py", settings), ("shop.py", models), ("test_shop.py", tests), ("pytest.ini", ini)];
    same_summary(&files, &["--tb=short"], 1);
}

#[test]
fn html_counts_what_serial_pytest_counts() {
    let Ok(python) = kit::venv("plugins") else { return };
    let tests = "import os, pytest\n\
        @pytest.mark.parametrize('i', range(8))\n\
        def test_a(i): print('said', i); assert i not in (2, 5)\n\
        @pytest.mark.skip\n\
        def test_skip(): pass\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let counts = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(suite.path().join(name)).unwrap();
        let kinds = ["Passed", "Failed", "Skipped"];
        kinds
            .iter()
            .map(|kind| {
                text.split(&format!(" {kind}")).next().unwrap().rsplit('>').next().unwrap().to_owned()
            })
            .collect()
    };
    serial(suite.path(), &python, &[&CALM[..], &["--html=serial.html", "--self-contained-html"]].concat())
        .exits(1);
    for start in ["fork", "spawn"] {
        let options = ["-n2", "--start", start, "--", "--html=ours.html", "--self-contained-html"];
        let (ran, _) = suite.run(&python, &[&options[..], &CALM].concat());
        assert_eq!(
            (ran.exits(1).stderr.as_str(), counts("ours.html")),
            ("", counts("serial.html")),
            "{start}"
        );
        assert_eq!(counts("ours.html")[0], "6");
    }
}

/// Nothing blocked: what a suite with all of them gets without an option.
#[test]
fn all_of_them_at_once() {
    let Ok(python) = kit::venv("plugins") else { return };
    let tests = "import pytest, os\n\
        @pytest.mark.parametrize('i', range(20))\n\
        def test_a(i, mocker): assert i != 7\n\
        def test_crash(): os._exit(1)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    for options in [&[][..], &["-p", "no:xdist"]] {
        let (ran, records) =
            suite.run(&python, &[&["-n2", "--junit=out.xml", "--cov=."][..], options].concat());
        ran.exits(1);
        let known = outcomes(&records);
        assert_eq!(known.len(), 21);
        assert_eq!(known.values().filter(|outcome| *outcome == "failed").count(), 2, "{}", printed(&records));
    }
}
