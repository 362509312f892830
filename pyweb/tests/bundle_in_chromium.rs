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
