//! Bundles as a real browser sees them: served from this machine's loopback, with every other host unreachable.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod chromium;

use std::process::Command;

use chromium::{Browser, Server, components, pages};

#[test]
fn every_page_runs_its_python_without_network_below_a_path() {
    let Ok((chromium, python)) = components() else { return };
    let root = tempfile::tempdir().unwrap();
    let bundle = Command::new(kit::binary("pyweb"))
        .args(["bundle", "--compress", "none", "--external", "deny"])
        .arg(pages().join("site"))
        .arg("-o")
        .arg(root.path().join("sub/dir"))
        .output()
        .unwrap();
    assert!(bundle.status.success(), "{}", String::from_utf8_lossy(&bundle.stderr));

    let server = Server::start(&python, root.path());
    for (page, title) in [
        ("index.html", "micropython says 42"),
        ("deep/shared.html", "hello micropython"),
        ("deep/worker.html", "hello micropython from a worker"),
        ("deep/er/pyodide.html", "hello cpython says 45"),
    ] {
        let url = format!("http://127.0.0.1:{}/sub/dir/{page}", server.port);
        let profile = tempfile::tempdir().unwrap();
        let browser = Browser::open(&chromium, profile.path(), &url);
        assert_eq!(browser.title_that_begins_with(title.split(' ').next().unwrap()), title, "{page}");
    }
    let log = server.stop();
    let came = |line: &&str| line.contains("\" 200 ") || line.contains("\" 304 ");
    let missed: Vec<&str> = log.lines().filter(|line| !came(line)).collect();
    assert!(missed.is_empty(), "requests that failed: {missed:#?}");
}

/// What a page draws at random, once it is ready.
const RANDOM: &str = "<!doctype html><meta charset=utf-8><title>x</title><link rel=icon href=data:,>\
    <script type=module src=https://pyscript.net/releases/2026.3.1/core.js></script>\
    <script type=py>\nimport colorsys, random\nfrom pyscript import document\n\
    document.title = f'drew {random.random()} {colorsys.ONE_THIRD}'\n</script>";

#[test]
fn a_page_that_begins_with_a_memory_image_draws_other_numbers_each_time() {
    let Ok((chromium, python)) = components() else { return };
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("site")).unwrap();
    std::fs::write(root.path().join("site/index.html"), RANDOM).unwrap();
    let mut bundle = Command::new(kit::binary("pyweb"));
    bundle.current_dir(root.path()).args(["bundle", "site", "-o", "out", "--compress", "none", "--snapshot"]);
    kit::run(bundle.arg("--strip-stdlib")).exits(0);
    let server = Server::start(&python, root.path());
    let url = format!("http://127.0.0.1:{}/out/", server.port);
    let drawn = || {
        let profile = tempfile::tempdir().unwrap();
        Browser::open(&chromium, profile.path(), &url).title_that_begins_with("drew")
    };
    let (one, other) = (drawn(), drawn());
    assert!(one.starts_with("drew 0.") && other.starts_with("drew 0."), "{one}, {other}");
    assert_ne!(one, other);
    assert!(server.stop().contains("/pyodide-image.bin HTTP/1.1\" 200"));
}
