//! `pyweb bundle --pwa` in a real browser: installable, offline, up to date, with its data.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod chromium;

use std::fs;
use std::path::Path;
use std::process::Command;

use chromium::{Browser, DevTools, Server, components, pages, wait_for};
use serde_json::json;
use tempfile::TempDir;

/// A copy of the site in `site/`, which a test may change.
fn site() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copied =
        Command::new("cp").arg("-r").arg(pages().join("app")).arg(folder.path().join("site")).status();
    assert!(copied.unwrap().success());
    folder
}

/// Bundles the site into `out/sub`.
fn bundle(folder: &TempDir) {
    let mut command = Command::new(kit::binary("pyweb"));
    command.current_dir(folder.path()).args(["bundle", "site", "-f", "--pwa", "--compress", "none"]);
    kit::run(command.args(["--external", "deny", "-o", "out/sub"])).exits(0);
}

/// Goes to a URL that a service worker or a server answers.
fn load(page: &mut DevTools, url: &str) {
    page.call("Page.navigate", &json!({"url": url}));
}

fn title(page: &mut DevTools, start: &str) -> String {
    let mut title = String::new();
    wait_for(|| {
        // Between two pages there is nobody to answer.
        let found = page.ask("Runtime.evaluate", &json!({"expression": "document.title"}));
        found["result"]["result"]["value"].as_str().unwrap_or_default().clone_into(&mut title);
        title.starts_with(start).then_some(())
    });
    title
}

fn requested(log: &str) -> Vec<String> {
    let path = |line: &str| Some(line.split_once("\"GET ")?.1.split(' ').next()?.to_owned());
    let mut paths: Vec<String> = log.lines().filter_map(path).collect();
    paths.sort();
    paths.dedup();
    paths
}

#[test]
fn an_app_is_installed_once_works_offline_keeps_its_data_and_gets_only_what_changed() {
    let Ok((chromium, python)) = components() else { return };
    let folder = site();
    bundle(&folder);
    let root = folder.path().join("out");
    let profile = tempfile::tempdir().unwrap();
    let server = Server::start_with(&python, &root, &["plain"]);
    let port = server.port.to_string();
    let url = format!("http://127.0.0.1:{port}/sub/");

    let browser = Browser::open(&chromium, profile.path(), &url);
    let mut page = browser.devtools();
    assert_eq!(title(&mut page, "visit"), "visit 1 of version one");
    page.evaluate("navigator.serviceWorker.ready.then(() => true)");
    page.call("Page.enable", &json!({}));
    let errors = page.call("Page.getInstallabilityErrors", &json!({}));
    assert_eq!(errors["installabilityErrors"], json!([]));
    drop((page, browser));
    drop(server.stop());

    // No server any more, a new browser with the data of the old one.
    let browser = Browser::open(&chromium, profile.path(), &url);
    let mut page = browser.devtools();
    assert_eq!(title(&mut page, "visit"), "visit 2 of version one");
    assert_eq!(page.evaluate("crossOriginIsolated"), true);
    load(&mut page, &format!("{url}index.html?from=home"));
    assert_eq!(title(&mut page, "visit 3"), "visit 3 of version one");
    // A page whose Python needs isolation.
    load(&mut page, &format!("{url}deep/worker.html"));
    assert_eq!(title(&mut page, "isolated"), "isolated: True");

    update((&browser, &mut page), &folder, &python, &[&port, "plain"], &url);
}

/// One file changes; the server logs what is asked for then.
fn update(
    (browser, page): (&Browser, &mut DevTools),
    folder: &TempDir,
    python: &Path,
    args: &[&str],
    url: &str,
) {
    fs::write(folder.path().join("site/data.txt"), "version two\n").unwrap();
    bundle(folder);
    let server = Server::start_with(python, &folder.path().join("out"), args);
    load(page, url);
    assert_eq!(title(page, "visit 4"), "visit 4 of version one", "the old version, at once");
    let waiting = "navigator.serviceWorker.ready.then(async (registration) => {
        await registration.update();
        while (!registration.waiting) await new Promise((done) => setTimeout(done, 20));
        return true;
    })";
    assert_eq!(page.evaluate(waiting), true);
    beside(browser, page, url);
    page.call("Page.reload", &json!({}));
    assert_eq!(title(page, "visit 7"), "visit 7 of version two", "the new one with the next load");
    let log = server.stop();
    assert_eq!(requested(&log), ["/sub/data.txt", "/sub/service-worker.js"], "{log}");
}

/// What is opened beside a page that runs the old version, in a frame or in a tab, gets the old one, too.
fn beside(browser: &Browser, page: &mut DevTools, url: &str) {
    let frame = "(async () => {
        const frame = document.createElement('iframe');
        frame.src = '.';
        document.body.append(frame);
        const titled = () => frame.contentDocument?.title.startsWith('visit ');
        while (!titled()) await new Promise((done) => setTimeout(done, 20));
        return frame.contentDocument.title;
    })()";
    assert_eq!(page.evaluate(frame), "visit 5 of version one");
    page.evaluate("document.querySelector('iframe').remove()");
    let tab = page.call("Target.createTarget", &json!({"url": url}));
    let mut beside = browser.devtools_of(&tab["targetId"]);
    assert_eq!(title(&mut beside, "visit 6"), "visit 6 of version one");
    page.call("Target.closeTarget", &tab);
}

#[test]
fn a_page_with_a_worker_is_isolated_by_the_service_worker_alone() {
    let Ok((chromium, python)) = components() else { return };
    let folder = site();
    bundle(&folder);
    let server = Server::start_with(&python, &folder.path().join("out"), &["plain"]);
    let profile = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{}/sub/deep/worker.html", server.port);
    let browser = Browser::open(&chromium, profile.path(), &url);
    assert_eq!(browser.title_that_begins_with("isolated"), "isolated: True");
}
