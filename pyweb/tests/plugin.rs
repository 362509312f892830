//! The pytest plugin (`pyweb/python`) from outside: a suite run by pytest and by testfan, and how a page fails a test.

use std::path::{Path, PathBuf};
use std::process::Command;

fn suite() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugin")
}

/// `program` in the suite's folder, where it finds the plugin and the pyweb under test.
fn in_suite(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(suite());
    command.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYWEB_BIN", kit::binary("pyweb"));
    command
}

#[test]
fn pytest_runs_a_suite_of_pages() {
    let Ok(python) = kit::venv("testfan") else { return };
    let ran = kit::run(in_suite(&python).args(["-m", "pytest", "test_page.py"])).exits(0);
    assert!(ran.stdout.contains("12 passed"), "{}", ran.stdout);
}

#[test]
fn the_same_suite_passes_in_chromium() {
    let (Ok(python), Ok(_)) = (kit::venv("testfan"), kit::tool("chromium", "chromium")) else { return };
    let mut command = in_suite(&python);
    let ran = kit::run(command.args(["-m", "pytest", "--pyweb-engine", "chromium", "test_page.py"])).exits(0);
    assert!(ran.stdout.contains("12 passed"), "{}", ran.stdout);
}

#[test]
fn testfan_runs_the_same_in_parallel() {
    let Ok(python) = kit::venv("testfan") else { return };
    let mut command = in_suite(&kit::binary("testfan"));
    let ran =
        kit::run(command.args(["run", "-n", "2", "--python"]).arg(&python).arg("test_page.py")).exits(0);
    let passed = kit::records("testfan", &ran.stdout);
    let passed =
        kit::of_type(&passed, "test.finished").into_iter().filter(|test| test["outcome"] == "passed");
    assert_eq!(passed.count(), 12, "{}", ran.stdout);
}

#[test]
fn an_uncaught_python_error_fails_its_test_with_the_pages_own_line() {
    let Ok(python) = kit::venv("testfan") else { return };
    let mut engines = vec!["wasmtime"];
    engines.extend(kit::tool("chromium", "chromium").map(|_| "chromium"));
    for engine in engines {
        let mut command = in_suite(&python);
        let ran = kit::run(command.args(["-m", "pytest", "--pyweb-engine", engine, "failing.py"])).exits(1);
        assert!(ran.stdout.contains("2 failed, 1 passed"), "{}", ran.stdout);
        for line in [
            "bad/handler-pyodide.html:17: KeyError: 'in a handler'",
            "info: about to break",
            "info: about to fail",
            "FAILED failing.py::test_uncaught",
            "FAILED failing.py::test_caught_and_failed",
        ] {
            assert!(ran.stdout.contains(line), "{line} in {}", ran.stdout);
        }
    }
}

#[test]
fn a_missing_pyweb_is_one_clear_line() {
    let Ok(python) = kit::venv("testfan") else { return };
    let mut command = in_suite(&python);
    command.env_remove("PYWEB_BIN").env("PATH", "/nowhere").args(["-m", "pytest", "test_page.py::test_form"]);
    let ran = kit::run(&mut command);
    assert!(
        ran.stdout.contains("pyweb is not on PATH; install it, or name it with --pyweb-bin"),
        "{}",
        ran.stdout
    );
}
