//! The README's Makefile example, run by make with the real binaries.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::process::Command;

/// `make` in a copy of the example, with our binaries and the test environment's Python first on `PATH`.
fn make(folder: &std::path::Path) -> Option<kit::Ran> {
    let python = kit::venv("testfan").ok()?;
    kit::tool("make", "make").ok()?;
    let binaries = kit::binary("fetch");
    let path = format!(
        "{}:{}:{}",
        binaries.parent()?.display(),
        python.parent()?.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    Some(kit::run(Command::new("make").current_dir(folder).env("PATH", path).env_remove("VIRTUAL_ENV")))
}

#[test]
fn the_makefile_of_the_readme_builds_everything_and_then_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(kit::data("makefile/.")).arg(temp.path()).status().unwrap();
    assert!(copied.success());
    let Some(first) = make(temp.path()) else { return };
    let first = first.exits(0);

    let read = |name: &str| std::fs::read_to_string(temp.path().join(name)).unwrap();
    let fetched = kit::records("fetch", &read("data/fetched.jsonl"));
    let file = kit::of_type(&fetched, "fetch.file.finished")[0];
    assert_eq!(file["name"], "words.txt");
    assert_eq!(file["status"], "downloaded");
    assert!(first.stdout.contains("4 the"), "the traced program's own output: {}", first.stdout);
    assert!(read("report.xml").contains("tests=\"5\""));
    assert!(read("memory.html").contains("count.py"));
    assert!(read("site/index.html").contains("type=\"mpy\""));

    let again = make(temp.path()).unwrap().exits(0);
    assert!(again.stdout.contains("Nothing to be done"), "{}", again.stdout);
}
