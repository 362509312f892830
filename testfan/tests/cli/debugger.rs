//! pytest's debugger: one process with the terminal where it is asked for, a clear word where there is none.

use crate::support::Suite;

const TESTS: &str = "def test_first(worker_id):\n\
    \x20   secret = 6 * 7\n\
    \x20   assert secret == 0 and worker_id == 'master'\n\
    def test_b(): pass\n";

#[test]
fn the_debugger_has_the_terminal() {
    let Ok(python) = kit::venv("testfan") else { return };
    for (option, typed) in [
        ("--pdb", &[("(Pdb) ", &b"p secret\n"[..]), ("42", b"c\n")][..]),
        ("--trace", &[("(Pdb) ", b"n\n"), ("(Pdb) ", b"n\n"), ("(Pdb) ", b"p secret\n"), ("42", b"q\n")]),
    ] {
        for without in [&["-p", "no:xdist"][..], &[]] {
            let suite = Suite::new(&[("test_a.py", TESTS)]);
            let cache = suite.path().join("cache");
            let python = python.to_str().unwrap();
            let args =
                [&["run", "--python", python, "-n2", "--dist=load", option, "-k", "first"][..], without]
                    .concat();
            let screen = kit::typing_in_terminal(
                env!("CARGO_BIN_EXE_testfan").as_ref(),
                &args,
                suite.path(),
                &[("SNAKEPIPE_CACHE", cache.to_str().unwrap())],
                typed,
            );
            let code = if option == "--pdb" { 1 } else { 2 };
            assert_eq!(screen.code, code, "{}", screen.text);
            assert!(screen.text.contains("42") && screen.text.contains("1 deselected"), "{}", screen.text);
        }
    }
}

#[test]
fn without_a_terminal_the_debugger_is_refused() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", TESTS), ("pytest.ini", "")]);
    let ran = kit::run(&mut suite.command(&python, &["--pdb"])).exits(4);
    assert!(ran.stderr.contains("--pdb needs a terminal") && ran.stdout.is_empty(), "{}", ran.stderr);
    std::fs::write(suite.path().join("pytest.ini"), "[pytest]\naddopts = --pdb\n").unwrap();
    let ran = kit::run(&mut suite.command(&python, &[])).exits(4);
    assert!(ran.stderr.contains("give them to testfan itself"), "{}", ran.stderr);
}

#[test]
fn a_breakpoint_in_a_worker_fails_its_test_alone() {
    let Ok(python) = kit::venv("testfan") else { return };
    let tests = "import pdb, pytest\n\
        def test_a(): breakpoint()\n\
        def test_b(): pytest.set_trace()\n\
        def test_c(): pdb.set_trace()\n\
        def test_d(): pass\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    for start in ["fork", "spawn"] {
        let (ran, _) = suite.run(&python, &["-n2", "--start", start]);
        let ran = ran.exits(1);
        assert!(ran.stdout.contains("3 failed, 1 passed"), "{}", ran.stdout);
        assert!(
            ran.stdout.contains("testfan run --pdb") && !ran.stdout.contains("session.py"),
            "{}",
            ran.stdout
        );
    }
}
