//! The Python package: its own tests by real pytest, beside the original where both must do the same.

use std::process::Command;

#[test]
fn the_python_package_passes_its_tests_and_so_does_the_original_where_both_must() {
    let Ok(python) = kit::venv("bench") else { return };
    let package = kit::root().join("fetch/python");
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]).current_dir(&package);
    pytest.env("PYTHONPATH", &package).env("SNAKEPIPE_FETCH", kit::binary("fetch"));
    pytest.env("PYTHONDONTWRITEBYTECODE", "1");
    kit::run(&mut pytest).exits(0);
}
