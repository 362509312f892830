//! Tests of several workers that want what only one can have: a lock, a port. They take turns, and no run hangs.

use std::net::TcpListener;

use crate::support::{Suite, outcomes, pytest};
use kit::of_type;

/// A class that keeps a lock from its first test to its last, and four like it. So many tests that workers that have
/// none left want some of others.
const LOCKED: &str = "import fcntl, pytest, time\n\
    class Locked:\n\
    \x20   @classmethod\n\
    \x20   def setup_class(cls):\n\
    \x20       cls.file = open('lock', 'w')\n\
    \x20       fcntl.flock(cls.file, fcntl.LOCK_EX)\n\
    \x20   @classmethod\n\
    \x20   def teardown_class(cls): cls.file.close()\n\
    \x20   @pytest.mark.parametrize('i', range(60))\n\
    \x20   def test_a(self, i): time.sleep(0.002)\n\
    class TestA(Locked): pass\n\
    class TestB(Locked): pass\n\
    class TestC(Locked): pass\n\
    class TestD(Locked): pass\n";

/// As in pytest-xdist's acceptance tests: locks that fixtures keep are waited for.
fn locked(files: &[(&str, &str)], modes: &[&str], runs: usize) {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(files);
    for dist in modes {
        // The second time durations are known, and much is told at once.
        for _ in 0..runs {
            let (ran, records) = suite.run(&python, &["-n2", "--dist", dist]);
            let ran = ran.exits(0);
            let times = if *dist == "each" { 2 } else { 1 };
            let passed = of_type(&records, "test.finished").len();
            assert_eq!(passed, files.len() * 240 * times, "{dist} {}", ran.stdout);
        }
    }
}

#[test]
fn locks_of_classes_in_one_file() {
    locked(&[("test_a.py", LOCKED)], &["each", "load", "loadscope", "loadfile", "worksteal", "no"], 1);
}

#[test]
fn locks_of_classes_in_several_files() {
    locked(&[("test_a.py", LOCKED), ("test_b.py", LOCKED)], &["load", "loadfile"], 2);
}

/// A test that waits for the end of the session in the other worker, which has nothing left to do but to ask for some
/// of its tests.
#[test]
fn who_keeps_what_another_needs_does_not_wait_for_it() {
    let Ok(python) = kit::venv("testfan") else { return };
    let conftest = "import fcntl, pytest\n\
        @pytest.fixture(scope='session')\n\
        def only_one():\n\
        \x20   with open('lock', 'w') as file:\n\
        \x20       fcntl.flock(file, fcntl.LOCK_EX)\n\
        \x20       yield\n";
    let tests = "import pytest, time\n\
        @pytest.mark.parametrize('i', range(800))\n\
        def test_a(i, request):\n\
        \x20   if i % 10 == 7: request.getfixturevalue('only_one')\n\
        \x20   time.sleep(0.001)\n";
    for (workers, start) in [("-n2", "fork"), ("-n3", "spawn")] {
        let suite = Suite::new(&[("conftest.py", conftest), ("test_a.py", tests)]);
        // The second time durations are known, and who waits was told of much.
        for _ in 0..2 {
            let (ran, records) = suite.run(&python, &[workers, "--start", start]);
            assert_eq!(outcomes(&records).len(), 800, "{}", ran.exits(0).stdout);
        }
    }
}

/// A port that nobody has just now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server that says which process it is in, begun as many suites do it: in a thread, and waited for without end.
const SERVER: &str = "import asyncio, os, socket, threading, time\n\
    class Server:\n\
    \x20   def __init__(self, port): self.port, self.started = port, threading.Event()\n\
    \x20   async def answer(self, reader, writer):\n\
    \x20       writer.write(str(os.getpid()).encode()); await writer.drain(); writer.close()\n\
    \x20   async def serve(self):\n\
    \x20       self.loop, self.ended = asyncio.get_running_loop(), asyncio.Event()\n\
    \x20       server = await asyncio.start_server(self.answer, '127.0.0.1', self.port)\n\
    \x20       self.started.set()\n\
    \x20       await self.ended.wait()\n\
    \x20       server.close()\n\
    \x20       await server.wait_closed()\n\
    \x20   def __enter__(self):\n\
    \x20       self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()))\n\
    \x20       self.thread.start()\n\
    \x20       while not self.started.is_set(): time.sleep(0.001)\n\
    \x20       return self\n\
    \x20   def __exit__(self, *_):\n\
    \x20       self.loop.call_soon_threadsafe(self.ended.set)\n\
    \x20       self.thread.join()\n\
    def ask(port):\n\
    \x20   with socket.create_connection(('127.0.0.1', port)) as client: return int(client.recv(100))\n";

fn with_server(scope: &str, wait: f64) -> Suite {
    let port = free_port();
    let conftest = format!(
        "import pytest\n\
         from server import Server\n\
         @pytest.fixture(scope='{scope}')\n\
         def server():\n\
         \x20   with Server({port}) as server: yield server\n"
    );
    let tests = format!(
        "import os, pytest, time\n\
         from server import ask\n\
         @pytest.mark.parametrize('i', range(12))\n\
         def test_a(i, server): assert ask(server.port) == os.getpid(); time.sleep({wait})\n\
         @pytest.mark.parametrize('i', range(12))\n\
         def test_b(i): time.sleep(0.01)\n"
    );
    let suite = Suite::new(&[("server.py", SERVER), ("conftest.py", &conftest)]);
    for name in ["test_a.py", "test_b.py"] {
        std::fs::write(suite.path().join(name), &tests).unwrap();
    }
    suite
}

#[test]
fn a_fixed_port_is_one_workers_at_a_time() {
    let Ok(python) = kit::venv("testfan") else { return };
    for scope in ["function", "module", "session"] {
        let suite = with_server(scope, 0.02);
        for args in [&["-n3"][..], &["-n2", "--dist=loadfile"], &["-n2", "--start=spawn"]] {
            let (ran, records) = suite.run(&python, args);
            let ran = ran.exits(0);
            assert_eq!(outcomes(&records).len(), 48, "{scope} {args:?} {}", ran.stdout);
            assert!(ran.stderr.lines().count() <= 1, "{}", ran.stderr);
        }
    }
}

#[test]
fn who_waits_for_a_port_is_told_and_not_overdue() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = with_server("session", 0.4);
    let (ran, records) = suite.run(&python, &["-n2", "--dist=loadfile", "--timeout=3"]);
    let ran = ran.exits(0);
    assert_eq!(outcomes(&records).len(), 48, "{}", ran.stdout);
    assert!(ran.stderr.contains("which take turns: gw"), "{}", ran.stderr);
}

/// Each has what the other waits for: one fails, as it would under pytest-xdist, and the run ends.
#[test]
fn waiting_in_a_circle_fails() {
    let Ok(python) = kit::venv("testfan") else { return };
    let (a, b) = (free_port(), free_port());
    let conftest = format!(
        "import pathlib, pytest, socket, time\n\
         def bound(port, name):\n\
         \x20   with socket.socket() as server:\n\
         \x20       server.bind(('127.0.0.1', port)); server.listen()\n\
         \x20       pathlib.Path(name).touch()\n\
         \x20       while not (pathlib.Path('a').exists() and pathlib.Path('b').exists()): time.sleep(0.01)\n\
         \x20       yield\n\
         @pytest.fixture(scope='session')\n\
         def a(): yield from bound({a}, 'a')\n\
         @pytest.fixture(scope='session')\n\
         def b(): yield from bound({b}, 'b')\n"
    );
    let tests = "import pytest\n\
        @pytest.mark.parametrize('order', ['ab', 'ba'])\n\
        def test_a(request, order):\n\
        \x20   for name in order: request.getfixturevalue(name)\n";
    let suite = Suite::new(&[("conftest.py", &conftest), ("test_a.py", tests)]);
    let (ran, records) = suite.run(&python, &["-n2"]);
    let ran = ran.exits(1);
    let mut known: Vec<String> = outcomes(&records).into_values().collect();
    known.sort();
    assert_eq!(known, ["failed", "passed"], "{}", ran.stdout);
    assert!(ran.stdout.contains("Address already in use"), "{}", ran.stdout);
}

/// What a test does with ports of its own, or meets of other programs', is as without testfan.
#[test]
fn a_port_that_another_program_has_is_not_waited_for() {
    let Ok(python) = kit::venv("testfan") else { return };
    let foreign = TcpListener::bind("127.0.0.1:0").unwrap();
    let (taken, own) = (foreign.local_addr().unwrap().port(), free_port());
    let tests = format!(
        "import errno, pytest, socket\n\
         def test_other():\n\
         \x20   with socket.socket() as mine, pytest.raises(OSError) as caught:\n\
         \x20       mine.bind(('127.0.0.1', {taken}))\n\
         \x20   assert caught.value.errno == errno.EADDRINUSE and caught.value.__context__ is None\n\
         @pytest.mark.parametrize('i', range(20))\n\
         def test_own(i):\n\
         \x20   first, second = socket.socket(), socket.socket()\n\
         \x20   with first, second:\n\
         \x20       first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
         \x20       first.bind(('127.0.0.1', {own})); first.listen()\n\
         \x20       with pytest.raises(OSError): second.bind(('127.0.0.1', {own}))\n\
         def test_wrong():\n\
         \x20   with socket.socket() as mine:\n\
         \x20       with pytest.raises(OSError): mine.bind(('192.0.2.1', 99))\n\
         \x20       with pytest.raises(TypeError): mine.bind('text')\n\
         \x20       with pytest.raises(OverflowError): mine.bind(('127.0.0.1', 70000))\n\
         \x20       mine.bind(('127.0.0.1', 0)); mine.listen()\n\
         def test_shared():\n\
         \x20   both = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(2)]\n\
         \x20   for each in both:\n\
         \x20       each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1); each.bind(('127.0.0.1', {own}))\n\
         \x20   for each in both: each.close()\n"
    );
    let suite = Suite::new(&[("test_a.py", &tests)]);
    pytest(suite.path(), &python, &[]).exits(0);
    for start in ["fork", "spawn"] {
        let (ran, records) = suite.run(&python, &["-n2", "--start", start]);
        assert_eq!(outcomes(&records).len(), 23, "{}", ran.exits(0).stdout);
    }
}
