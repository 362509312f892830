//! `pyweb bundle` from outside: what it writes, what it refuses, and that a refusal writes nothing.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use walkdir::WalkDir;

const CORE: &str = r#"<script type="module" src="https://pyscript.net/latest/core.js"></script>"#;

/// A folder with a site in `site/`, and the bundle to be in `out/`.
fn site(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join("site").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn bundle(folder: &TempDir) -> Command {
    let mut command = Command::new(kit::binary("pyweb"));
    command.current_dir(folder.path()).args(["bundle", "site", "-o", "out"]);
    command
}

fn written(command: &mut Command) -> Vec<Value> {
    let ran = kit::run(command).exits(0);
    kit::records("pyweb", &ran.stdout)
}

/// Runs, expects the exit code, and that nothing is there that was not there before.
fn refused(folder: &TempDir, command: &mut Command, code: i32) -> String {
    let before = tree(folder.path());
    let ran = kit::run(command).exits(code);
    assert_eq!(tree(folder.path()), before, "a refusal leaves everything as it was");
    ran.stderr
}

fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let files =
        WalkDir::new(root).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn read(folder: &TempDir, path: &str) -> String {
    fs::read_to_string(folder.path().join("out").join(path)).unwrap()
}

#[test]
fn twice_gives_the_same_tree_and_its_list_is_right() {
    let page = format!("{CORE}<script type=\"mpy\">print(1)</script>");
    let folder = site(&[("index.html", &page), ("data/a b.csv", "1,2\n")]);
    let records = written(&mut bundle(&folder));
    let first = tree(&folder.path().join("out"));
    written(bundle(&folder).arg("-f"));
    assert_eq!(first, tree(&folder.path().join("out")));

    let list: Value = serde_json::from_slice(&first["pyweb.lock.json"]).unwrap();
    let listed = list["files"].as_object().unwrap();
    let compressed = |path: &str| path.rsplit('.').next().is_some_and(|end| end == "br" || end == "gz");
    let plain = first.keys().filter(|path| !compressed(path) && *path != "pyweb.lock.json");
    assert!(plain.eq(listed.keys()));
    let bytes: u64 = listed.values().map(|file| file["size_bytes"].as_u64().unwrap()).sum();
    let record = kit::of_type(&records, "pyweb.bundle.written")[0];
    assert_eq!(record["bytes"], bytes);
    assert_eq!(record["files"], listed.len());
    assert!(record["br_bytes"].as_u64().unwrap() < bytes);
    assert!(!first.keys().any(|path| path.contains("pyodide.asm")), "the page needs MicroPython alone");
}

#[test]
fn compressed_copies_hold_the_originals() {
    let page = format!("{CORE}<script type=\"mpy\">print(1)</script>");
    let folder = site(&[("index.html", &page)]);
    written(&mut bundle(&folder));
    let files = tree(&folder.path().join("out"));
    let mut compared = 0;
    for (path, bytes) in &files {
        let mut plain = Vec::new();
        if let Some(original) = path.strip_suffix(".gz") {
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, files[original], "{path}");
            compared += 1;
        } else if let Some(original) = path.strip_suffix(".br") {
            brotli::Decompressor::new(&bytes[..], 4096).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, files[original], "{path}");
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared}");
}

#[test]
fn every_script_is_given_the_bundles_interpreter() {
    let folder = site(&[
        (
            "a/page.html",
            &format!(
                "{CORE}<py-config>interpreter = \"https://x.org/p.mjs\"\nname = \"a &amp; b\"</py-config>\
                 <script type=\"py\"></script><script type=\"mpy\" worker config=\"../w.json\"></script>\
                 <script type=\"mpy\" worker></script><a href=\"/b.html\">b</a>"
            ),
        ),
        ("b.html", &format!("{CORE}<script type=\"mpy\" config=\"/w.json\"></script>")),
        ("w.json", r#"{"version": "1.20", "name": "w"}"#),
    ]);
    written(bundle(&folder).args(["--compress", "none"]));
    let page = read(&folder, "a/page.html");
    assert!(page.contains(r#"src="../pyscript/core.js""#), "{page}");
    assert!(page.contains(r#"interpreter = "../pyscript/pyodide/pyodide.mjs""#), "{page}");
    assert!(page.contains("a &amp; b"), "{page}");
    assert!(page.contains(r#"config="../w"#) && page.contains(r#"href="../b.html""#), "{page}");
    let inline = r#"config="{&quot;interpreter&quot;:&quot;../pyscript/micropython/micropython.mjs&quot;}""#;
    assert!(page.contains(inline), "{page}");
    // Both the worker, which reads it against the file, and the page at the root mean the same.
    let config = json!({"name": "w", "interpreter": "./pyscript/micropython/micropython.mjs"});
    assert_eq!(serde_json::from_str::<Value>(&read(&folder, "w.json")).unwrap(), config);
}

#[test]
fn other_hosts_are_named_or_refused() {
    let page =
        "<title>x</title>\n<img src=\"https://example.org/a.png\">\n<a href=\"https://example.org\">x</a>";
    let folder = site(&[("index.html", page), ("s.css", "a { }\nb { background: url(//x.org/b.png) }")]);
    let stderr = refused(&folder, bundle(&folder).args(["--external", "deny"]), 1);
    assert!(stderr.contains("index.html:2: https://example.org/a.png is on another host"), "{stderr}");

    let records = written(&mut bundle(&folder));
    let kept = kit::of_type(&records, "pyweb.reference.kept");
    let places: Vec<(&Value, &Value)> =
        kept.iter().map(|record| (&record["file"], &record["line"])).collect();
    assert_eq!(places, [(&json!("index.html"), &json!(2)), (&json!("s.css"), &json!(2))]);
}

#[test]
fn what_cannot_be_bundled_is_refused_by_file_and_line() {
    for (page, said) in [
        (
            "<mpy-config>packages = [\"aiorepl\"]</mpy-config>",
            "index.html:1: packages come from the network: aiorepl",
        ),
        (
            "<py-config>\n\npackages = [\n</py-config>",
            "index.html:3: the PyScript configuration cannot be read",
        ),
        ("\n<mpy-config>a = </mpy-config>", "index.html:2: the PyScript configuration cannot be read"),
        ("<script type=py config=no.toml></script>", "configuration no.toml is not in the site"),
        ("\n\n<base href='/x/'>", "index.html:3: a <base href> ties the page"),
        ("<script type=py-game></script>", "packages come from the network: pygame-ce"),
    ] {
        let folder = site(&[("index.html", page)]);
        let stderr = refused(&folder, &mut bundle(&folder), 2);
        assert!(stderr.contains(said), "{stderr}");
    }
}

#[test]
fn an_output_that_is_not_ours_is_left_alone() {
    let folder = site(&[("index.html", "x")]);
    fs::create_dir(folder.path().join("out")).unwrap();
    fs::write(folder.path().join("out/precious"), "x").unwrap();
    let stderr = refused(&folder, bundle(&folder).arg("-f"), 2);
    assert!(stderr.contains("not empty and not a bundle"), "{stderr}");

    fs::remove_file(folder.path().join("out/precious")).unwrap();
    written(&mut bundle(&folder));
    let stderr = refused(&folder, &mut bundle(&folder), 2);
    assert!(stderr.contains("give -f to replace it"), "{stderr}");

    let mut upon_itself = Command::new(kit::binary("pyweb"));
    upon_itself.current_dir(folder.path()).args(["bundle", "site", "-o", "."]);
    let stderr = refused(&folder, &mut upon_itself, 2);
    assert!(stderr.contains("holds the site itself"), "{stderr}");
}

#[test]
fn a_link_out_of_the_site_is_refused() {
    let folder = site(&[("index.html", "x")]);
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("site/host")).unwrap();
    let stderr = refused(&folder, &mut bundle(&folder), 2);
    assert!(stderr.contains("host is neither a file nor a folder"), "{stderr}");
}

#[test]
fn assets_come_in_by_record_and_are_held_to_their_digests() {
    let folder = site(&[("index.html", "x")]);
    let data = folder.path().join("data.bin");
    fs::write(&data, "abc").unwrap();
    let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let record = |name: &str, digest: &str| {
        json!({"type": "fetch.file.finished", "name": name, "path": data, "digest": digest}).to_string()
    };
    let with = |lines: &str| {
        let path = folder.path().join("records");
        fs::write(&path, lines).unwrap();
        let mut command = bundle(&folder);
        command.args(["--assets", "-"]).stdin(Stdio::from(fs::File::open(path).unwrap()));
        command
    };
    fs::write(folder.path().join("records"), "").unwrap();

    for (lines, code, said) in [
        (record("../data.bin", digest), 2, "would not be inside the bundle"),
        (record("index.html", digest), 2, "two files would be index.html"),
        (record("a.bin", &digest.replace("ba78", "0000")), 1, "is not what its record says"),
        (
            r#"{"type":"fetch.file.failed","name":"a","message":"not found"}"#.into(),
            2,
            "a is missing: not found",
        ),
        (r#"{"type":"fetch.run.started"}"#.into(), 2, "cut short"),
        ("nonsense".into(), 2, "line 1 is not JSON"),
    ] {
        let ran = kit::run(&mut with(&lines)).exits(code);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!folder.path().join("out").exists());
    }

    written(&mut with(&record("data/a.bin", digest)));
    assert_eq!(read(&folder, "data/a.bin"), "abc");
    let list: Value = serde_json::from_str(&read(&folder, "pyweb.lock.json")).unwrap();
    assert_eq!(format!("sha256:{}", list["files"]["data/a.bin"]["sha256"].as_str().unwrap()), digest);
}

#[test]
fn what_a_killed_run_left_is_swept_and_nothing_else() {
    let folder = site(&[("index.html", "x")]);
    let leave = |name: &str| {
        let left = folder.path().join(name);
        fs::create_dir_all(left.join("deep")).unwrap();
        fs::write(left.join("deep/half"), "x").unwrap();
        left
    };
    let dead = leave(".pyweb-bundle-dead");
    let alive = leave(".pyweb-bundle-alive");
    let other = leave(".pyweb-notes");
    let owner = fs::File::open(&alive).unwrap();
    owner.lock().unwrap();
    written(&mut bundle(&folder));
    assert!(!dead.exists(), "nobody owns it");
    assert!(alive.join("deep/half").exists(), "its owner is alive");
    assert!(other.join("deep/half").exists(), "it is none of ours");
    written(bundle(&folder).arg("-f"));
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 4, "the site, the bundle, and the two that stay: an earlier bundle is gone");
}

#[test]
fn a_page_of_the_first_releases_speaks_todays_words_in_the_bundle() {
    let page = "<script defer src='https://pyscript.net/alpha/pyscript.js'></script>\n<py-env>\n- paths:\n  - ./a.py\n\
        </py-env>\n<button id=b pys-onClick='add'>x</button><py-script>\nfrom a import text\n\
        from pyscript import document\ndef add(event):\n    document.querySelector('#b').textContent = text\n</py-script>";
    let folder = site(&[("index.html", page), ("a.py", "text = 'clicked'\n")]);
    let records = written(bundle(&folder).args(["--compress", "none", "--external", "deny"]));
    let upgraded = kit::of_type(&records, "pyweb.page.upgraded");
    let lines: Vec<&Value> = upgraded.iter().map(|record| &record["line"]).collect();
    assert_eq!(lines, [1, 2, 6]);
    let mut render = Command::new(kit::binary("pyweb"));
    render.current_dir(folder.path()).args([
        "render",
        "out/index.html",
        "--click",
        "#b",
        "--format",
        "human",
    ]);
    let ran = kit::run(&mut render).exits(0);
    assert!(ran.stdout.contains(">clicked</button>"), "{}", ran.stdout);
}

#[test]
fn ten_thousand_files_are_a_bundle_and_a_loop_of_links_is_none() {
    let folder = site(&[("index.html", "x")]);
    for number in 0..10_000 {
        let path = folder.path().join(format!("site/{}/{number}.txt", number % 100));
        if number < 100 {
            fs::create_dir(path.parent().unwrap()).unwrap();
        }
        fs::write(path, number.to_string()).unwrap();
    }
    let records = written(bundle(&folder).args(["--compress", "none", "--pwa"]));
    // The page, the manifest, two icons and the service worker.
    assert_eq!(kit::of_type(&records, "pyweb.bundle.written")[0]["files"], 10_005);
    std::os::unix::fs::symlink(".", folder.path().join("site/loop")).unwrap();
    let ran = kit::run(bundle(&folder).arg("-f")).exits(2);
    assert!(ran.stderr.contains("loop is neither a file nor a folder"), "{}", ran.stderr);
    assert_eq!(read(&folder, "7/7.txt"), "7", "the old bundle is there");
}

#[test]
fn when_the_disk_is_full_the_old_bundle_stays() {
    let folder = site(&[("index.html", "old")]);
    written(&mut bundle(&folder));
    fs::write(folder.path().join("site/big.bin"), vec![0; 4 << 20]).unwrap();
    // No file may become larger than a megabyte, and the signal for that is not to kill.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" bundle site -o out -f --compress none"]);
    let stderr = refused(&folder, command.arg(kit::binary("pyweb")).current_dir(folder.path()), 2);
    assert!(stderr.contains("failed to write") && stderr.contains("big.bin"), "{stderr}");
}

#[test]
fn a_file_that_changes_meanwhile_is_listed_as_it_came_into_the_bundle() {
    let folder = site(&[("index.html", "x")]);
    let path = folder.path().join("site/log.txt");
    fs::write(&path, "").unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for line in 0.. {
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                fs::write(&path, format!("{line}\n").repeat(1 + line % 5000)).unwrap();
            }
        });
        for _ in 0..10 {
            written(bundle(&folder).args(["-f", "--compress", "none"]));
            let list: Value = serde_json::from_str(&read(&folder, "pyweb.lock.json")).unwrap();
            let now = pyweb::digest::sha256_file(&folder.path().join("out/log.txt")).unwrap();
            assert_eq!(list["files"]["log.txt"]["sha256"], now);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_broken_configuration_is_named_with_its_line() {
    let page = "<script type=py config=c/pyscript.json></script>";
    let folder = site(&[("index.html", page), ("c/pyscript.json", "{\n\n  \"packages\": [,]\n}")]);
    let stderr = refused(&folder, &mut bundle(&folder), 2);
    assert!(stderr.contains("c/pyscript.json:3: the PyScript configuration cannot be read"), "{stderr}");
}

#[test]
fn a_stripped_library_has_what_is_imported_and_says_how_to_keep_the_rest() {
    let page = format!(
        "{CORE}<py-config>[files]\n\"helper.py\" = \"\"</py-config><script type=\"py\">
import csv, datetime, decimal, helper
day = datetime.datetime.strptime('2026-01-02', '%Y-%m-%d').isoformat()
print(day, decimal.Decimal('0.1'), helper.TEXT, __import__('wave').__name__)
__import__('tom' + 'llib')
</script>"
    );
    let folder =
        site(&[("index.html", &page), ("helper.py", "import html.parser\nTEXT = html.escape('<')\n")]);
    written(bundle(&folder).args(["--compress", "none", "--strip-stdlib", "--keep", "wave"]));
    let mut render = Command::new(kit::binary("pyweb"));
    render.current_dir(folder.path()).args(["render", "out/index.html"]);
    let records = kit::records("pyweb", &kit::run(&mut render).exits(1).stdout);
    let logged = kit::of_type(&records, "pyweb.console.logged");
    let said = logged.iter().find(|record| record["level"] == "info").unwrap();
    assert_eq!(said["message"], "2026-01-02T00:00:00 0.1 &lt; wave");
    let raised = kit::of_type(&records, "pyweb.python.raised")[0]["traceback"].as_str().unwrap();
    let hint = "The module 'tomllib' is not in this bundle, which was made with --strip-stdlib. \
        Make it again with --keep tomllib.";
    assert!(raised.contains(hint), "{raised}");
    let library = fs::metadata(folder.path().join("out/pyscript/pyodide/python_stdlib.zip")).unwrap().len();
    assert!(library < 4_200_000, "{library} bytes of nine million");

    let stderr = refused(&folder, bundle(&folder).args(["-f", "--strip-stdlib", "--keep", "tkinter"]), 2);
    assert!(stderr.contains("Python's library for Pyodide has no module tkinter"), "{stderr}");
}

/// The list in `bundle/stdlib-base.txt`.
#[test]
fn a_stripped_library_keeps_all_that_a_ready_page_has_imported() {
    let page = format!(
        "{CORE}<script type=\"py\">
import sys
get = lambda module, name: str(getattr(module, name, None))
modules = [name for name, module in sys.modules.items() if name == get(getattr(module, '__spec__', None), 'name')]
print(*[name for name in modules if 'python314.zip' in get(sys.modules[name], '__file__')])
</script>"
    );
    let folder = site(&[("index.html", &page)]);
    let mut render = Command::new(kit::binary("pyweb"));
    render.current_dir(folder.path()).args(["render", "site/index.html"]);
    let records = kit::records("pyweb", &kit::run(&mut render).exits(0).stdout);
    let logged = kit::of_type(&records, "pyweb.console.logged");
    let names = logged.iter().find(|record| record["level"] == "info").unwrap()["message"].as_str().unwrap();
    let base = include_str!("../src/bundle/stdlib-base.txt");
    let known = |name: &&str| name.starts_with("_frozen_") || base.lines().any(|line| line == *name);
    let missing: Vec<&str> = names.split(' ').filter(|name| !known(name)).collect();
    assert!(names.split(' ').count() > 100 && missing.is_empty(), "{missing:?}");
}

#[test]
fn pythons_library_is_stored_and_the_same_inside() {
    let Ok(python) = kit::tool("python3", "python3") else { return };
    let folder = site(&[("index.html", &format!("{CORE}<script type=\"py\">print(1)</script>"))]);
    written(bundle(&folder).args(["--compress", "none"]));
    let runtime = kit::run(Command::new(kit::binary("pyweb")).args(["runtime", "path"])).exits(0);
    let pyodide = fs::read_dir(runtime.stdout.trim()).unwrap().map(|entry| entry.unwrap().path());
    let pyodide = pyodide.into_iter().find(|path| path.to_str().unwrap().contains("/pyodide-")).unwrap();
    let compare = "import sys, zipfile\n\
        a, b = (zipfile.ZipFile(path) for path in sys.argv[1:])\n\
        assert {entry.compress_type for entry in b.infolist()} == {zipfile.ZIP_STORED}\n\
        what = lambda z: [(e.filename, e.date_time, e.external_attr, z.read(e)) for e in z.infolist()]\n\
        assert what(a) == what(b)\n\
        print(len(b.infolist()))";
    let stored = folder.path().join("out/pyscript/pyodide/python_stdlib.zip");
    let mut compared = Command::new(python);
    compared.args(["-c", compare]).arg(pyodide.join("python_stdlib.zip")).arg(stored);
    assert!(kit::run(&mut compared).exits(0).stdout.trim().parse::<u32>().unwrap() > 100);
}

#[test]
fn what_is_for_who_writes_the_site_stays_out_and_is_named() {
    let folder = site(&[
        ("index.html", "<script type=mpy src=test_speed.py></script>"),
        ("test_index.py", "def test_a(page): pass"),
        ("test_speed.py", "print('a page runs it')"),
        ("conftest.py", "NAME = 'conftest'"),
        (".env", "SECRET=1"),
        (".pytest_cache/README.md", "x"),
        (".well-known/security.txt", "x"),
        ("app.js", "process.env.NAME"),
    ]);
    let left_out = |command: &mut Command| {
        let records = written(command.args(["--compress", "none"]));
        kit::of_type(&records, "pyweb.bundle.written")[0]["left_out"].clone()
    };
    let expected = [".env", ".pytest_cache/", "conftest.py", "test_index.py"];
    assert_eq!(left_out(&mut bundle(&folder)), json!(expected));
    let out = tree(&folder.path().join("out"));
    assert!(out.contains_key("test_speed.py") && out.contains_key(".well-known/security.txt"));
    assert!(!out.keys().any(|path| expected.iter().any(|left| path.starts_with(left))), "{:?}", out.keys());

    let ran = kit::run(bundle(&folder).args(["-f", "--compress", "none", "--format", "human"])).exits(0);
    let said = "left out .env, .pytest_cache/, conftest.py, test_index.py; --include takes it all the same";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);

    let included =
        left_out(bundle(&folder).args(["-f", "--include", "test_*.py", "--include", ".pytest_cache"]));
    assert_eq!(included, json!([".env", "conftest.py"]));
    assert_eq!(read(&folder, ".pytest_cache/README.md"), "x");
    let stderr = refused(&folder, bundle(&folder).args(["-f", "--include", "[a"]), 2);
    assert!(stderr.contains("invalid value '[a' for '--include <GLOB>'"), "{stderr}");
}

#[test]
fn of_the_core_only_what_the_site_can_ask_for_is_there() {
    let mpy = "<script type=mpy>x = 1</script>";
    for (page, more, there, missing) in [
        (
            mpy,
            None,
            &["core.js"][..],
            &["codemirror", "xterm", "zip-", "toml-Blg", "pyodide_graph", "storage"][..],
        ),
        ("<script type=mpy-editor>x = 1</script>", None, &["codemirror-", "toml-Blg"], &["xterm"]),
        (mpy, Some(("app.js", "script.setAttribute('terminal', '')")), &["xterm-", "mpy-"], &["codemirror"]),
        ("<script type=mpy terminal worker></script>", None, &["xterm-", "xterm.css"], &["codemirror"]),
        ("<mpy-config>{\"files\": {\"a.zip\": \"./*\"}}</mpy-config>", None, &["zip-"], &["xterm"]),
        (mpy, Some(("app.js", "import './pyscript/storage.js'")), &["storage.js"], &["zip-"]),
    ] {
        let page = format!("{CORE}{page}");
        let folder = site(&[("index.html", page.as_str()), more.unwrap_or(("a.txt", "terminal"))]);
        let core = |command: &mut Command| {
            written(command.args(["--compress", "none"]));
            let out = tree(&folder.path().join("out/pyscript"));
            out.into_keys().collect::<Vec<String>>()
        };
        let files = core(&mut bundle(&folder));
        let has = |files: &[String], start: &str| files.iter().any(|file| file.starts_with(start));
        for start in there {
            assert!(has(&files, start), "{page}: {start} is not among {files:?}");
        }
        for start in missing {
            assert!(!has(&files, start), "{page}: {start} is among {files:?}");
        }
        let whole = core(bundle(&folder).args(["-f", "--whole-core"]));
        assert!(missing.iter().all(|start| has(&whole, start)), "{whole:?}");
    }
}

#[test]
fn a_micropython_page_is_a_quarter_of_a_megabyte() {
    let folder = tempfile::tempdir().unwrap();
    let mut new = Command::new(kit::binary("pyweb"));
    kit::run(new.current_dir(folder.path()).args(["new", "site", "--mpy"])).exits(0);
    let records = written(bundle(&folder).args(["--compress", "best"]));
    let bytes = kit::of_type(&records, "pyweb.bundle.written")[0]["br_bytes"].as_u64().unwrap();
    assert!(bytes <= 250_000, "{bytes}");
}
