//! Bundles as a real browser sees them: served from this machine's loopback, with every other host unreachable.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod chromium;

use std::io::Write;
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

/// An editor, a terminal that is made while the page runs, and an archive that MicroPython unpacks.
#[test]
fn of_the_core_all_is_there_that_a_page_asks_for_while_it_runs() {
    let Ok((chromium, python)) = components() else { return };
    let root = tempfile::tempdir().unwrap();
    let site = root.path().join("site");
    std::fs::create_dir(&site).unwrap();
    let core = "<!doctype html><title>x</title><link rel=icon href=data:,>\
        <script type=module src=https://pyscript.net/releases/2026.3.1/core.js></script>";
    let watch = |selector: &str| {
        format!(
            "<script>setInterval(() => {{ if (document.querySelector('{selector}')) document.title = 'seen'; }}, 50)</script>"
        )
    };
    let made = "<script>const made = document.createElement('script'); made.type = 'mpy'; made.textContent = 'x = 1';\
        made.setAttribute('terminal', ''); document.body.append(made)</script>";
    let unpacked = "<mpy-config>{\"files\": {\"packed.zip\": \"./*\"}}</mpy-config><script type=mpy>\n\
        import packed\nfrom pyscript import document\ndocument.title = packed.SAID\n</script>";
    for (name, page) in [
        ("editor.html", watch(".mpy-editor-box") + "<script type=mpy-editor>x = 1</script>"),
        ("terminal.html", watch(".xterm") + "<script type=mpy>y = 1</script>" + made),
        ("archive.html", unpacked.to_owned()),
    ] {
        std::fs::write(site.join(name), core.to_owned() + "<body>" + &page).unwrap();
    }
    let mut archive = zip::ZipWriter::new(std::fs::File::create(site.join("packed.zip")).unwrap());
    archive.start_file("packed.py", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(b"SAID = 'seen'\n").unwrap();
    archive.finish().unwrap();
    let mut bundle = Command::new(kit::binary("pyweb"));
    bundle.current_dir(root.path()).args(["bundle", "site", "-o", "out", "--compress", "none"]);
    kit::run(&mut bundle).exits(0);
    let server = Server::start(&python, root.path());
    for page in ["editor.html", "terminal.html", "archive.html"] {
        let url = format!("http://127.0.0.1:{}/out/{page}", server.port);
        let profile = tempfile::tempdir().unwrap();
        let browser = Browser::open(&chromium, profile.path(), &url);
        assert_eq!(browser.title_that_begins_with("seen"), "seen", "{page}");
    }
    let log = server.stop();
    assert!(!log.contains("\" 404 "), "{log}");
    for asked in ["codemirror-", "codemirror_view-", "xterm-", "zip-"] {
        assert!(log.contains(&format!("/out/pyscript/{asked}")), "{asked}: {log}");
    }
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
