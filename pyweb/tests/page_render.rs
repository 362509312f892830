//! `pyweb render` from outside: the page's text before and after a click, what it may reach, how it fails.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages")
}

/// `pyweb render` in the folder of the tests' pages.
fn render(args: &[&str]) -> Command {
    let mut command = Command::new(kit::binary("pyweb"));
    command.current_dir(pages()).arg("render").args(args);
    command
}

/// The records of a run that ends with `code`.
fn records(args: &[&str], code: i32) -> Vec<Value> {
    let ran = kit::run(&mut render(args)).exits(code);
    kit::records("pyweb", &ran.stdout)
}

fn document(records: &[Value]) -> String {
    kit::of_type(records, "pyweb.dom.rendered")[0]["html"].as_str().unwrap().to_owned()
}

/// Where Python raised what.
fn raised(records: &[Value]) -> Vec<(String, u64, String)> {
    let place = |record: &&Value| {
        let text = |field: &str| record[field].as_str().unwrap().to_owned();
        (text("file"), record["line"].as_u64().unwrap(), text("message"))
    };
    kit::of_type(records, "pyweb.python.raised").iter().map(place).collect()
}

fn place(file: &str, line: u64, message: &str) -> (String, u64, String) {
    (file.to_owned(), line, message.to_owned())
}

fn counts_clicks(page: &str) {
    let before = records(&[page], 0);
    assert_eq!(kit::of_type(&before, "pyweb.page.ready").len(), 1);
    let html = document(&before);
    assert!(html.contains(r#"<p id="out">ready</p>"#), "{html}");
    assert!(html.contains(r#"<div id="shown"><div>shown by display</div></div>"#), "{html}");

    let after = document(&records(&[page, "--click", "#add", "--click", "#add", "--wait", "#out"], 0));
    assert!(after.contains(r#"<p id="out">click 2 on add</p>"#), "{after}");
}

#[test]
fn a_micropython_page_before_and_after_clicks() {
    counts_clicks("good/micropython.html");
}

#[test]
fn a_pyodide_page_before_and_after_clicks() {
    counts_clicks("good/pyodide.html");
}

/// Pyodide begins with an image of its memory; nothing that it draws at random may come out of that.
#[test]
fn two_loads_of_a_page_draw_different_numbers() {
    let drawn = || {
        let html = document(&records(&["good/random.html"], 0));
        let (_, rest) = html.split_once(r#"<p id="drawn">"#).unwrap();
        let words: Vec<String> = rest.split_once("</p>").unwrap().0.split(' ').map(str::to_owned).collect();
        assert_eq!(words.len(), 4, "{words:?}");
        words
    };
    let (first, second) = (drawn(), drawn());
    for (one, other) in first.iter().zip(&second) {
        assert_ne!(one, other, "{first:?} {second:?}");
    }
}

/// The image has the hashes of its texts in it; who sets `PYTHONHASHSEED` chooses others, as with any Python.
#[test]
fn texts_are_hashed_by_the_seed_that_is_asked_for() {
    let hash = |seed: Option<&str>| {
        let mut command = render(&["seeds/index.html"]);
        command.env_remove("PYTHONHASHSEED").envs(seed.map(|seed| ("PYTHONHASHSEED", seed)));
        let html = document(&kit::records("pyweb", &kit::run(&mut command).exits(0).stdout));
        let (_, rest) = html.split_once(r#"<p id="hash">"#).unwrap();
        rest.split_once("</p>").unwrap().0.to_owned()
    };
    let image = hash(None);
    assert!(!image.is_empty());
    assert_eq!(hash(Some("")), image);
    assert_eq!(hash(Some("7")), hash(Some("7")));
    let drawn = [Some("7"), Some("random"), Some("random"), None].map(hash);
    for (at, one) in drawn.iter().enumerate() {
        assert!(drawn[at + 1..].iter().all(|other| other != one), "{drawn:?}");
    }
    let ran = kit::run(render(&["seeds/index.html"]).env("PYTHONHASHSEED", "seven")).exits(2);
    assert!(
        ran.stderr.contains(r#"PYTHONHASHSEED is "seven""#) && ran.stderr.contains("hint:"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_page_finds_what_browsers_have() {
    let clicks = ["#label", "[mpy-click]", "#child", "#send", "#more"];
    let args: Vec<&str> = ["good/features.html"]
        .into_iter()
        .chain(clicks.into_iter().flat_map(|selector| ["--click", selector]))
        .collect();
    let html = document(&records(&args, 0));
    for expected in [
        r#"<p id="module">py,mpy</p>"#,
        r#"<div id="made">made <span class="part">by web</span><div><b id="bold">bold</b></div></div>"#,
        r#"by web | stored 3 | value | """Tests t | added script | 1 | {"a":[1,{"b":2}]} |"#,
        "| checked True | attribute BUTTON | bubbled from child to parent | submitted form</p>",
        "<details open>",
    ] {
        assert!(html.contains(expected), "{expected} in {html}");
    }
}

#[test]
fn people_get_the_document_and_the_rest_on_standard_error() {
    let ran = kit::run(&mut render(&["stuck/outside.html", "--format", "human"])).exits(0);
    assert!(ran.stdout.starts_with("<!DOCTYPE html>\n<html>"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("</html>\n"), "{}", ran.stdout);
    assert!(ran.stderr.contains("info: runs all the same"), "{}", ran.stderr);
    assert!(ran.stderr.contains("https://example.org/other.js"), "{}", ran.stderr);
}

#[test]
fn a_terminal_gets_the_document() {
    let screen = kit::in_terminal(&kit::binary("pyweb"), &["render", "good/micropython.html"], &pages(), &[]);
    assert_eq!(screen.code, 0, "{}", screen.text);
    assert!(screen.text.contains(r#"<p id="out">ready</p>"#), "{}", screen.text);
    assert!(!screen.text.contains("pyweb.run.started"), "{}", screen.text);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut pyweb =
        render(&["good/micropython.html"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(pyweb.stdout.take());
    let ended = pyweb.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn an_error_is_placed_in_the_pages_own_files() {
    for (page, expected) in [
        ("bad/inline.html", place("inline.html", 13, "ZeroDivisionError: divide by zero")),
        ("bad/source-micropython.html", place("boom.py", 4, "ValueError: boom")),
        ("bad/source.html", place("boom.py", 4, "ValueError: boom")),
        ("bad/imported.html", place("helper.py", 5, "RuntimeError: from a module")),
        ("bad/syntax.html", place("syntax.html", 9, "SyntaxError: invalid syntax")),
        ("bad/worker-micropython.html", place("worker-micropython.html", 9, "ValueError: in a worker")),
        ("bad/worker-pyodide.html", place("worker-pyodide.html", 9, "ValueError: in a worker")),
        ("bad/worker-file.html", place("boom.py", 4, "ValueError: boom")),
        ("bad/javascript.html", place("javascript.html", 0, "RangeError: JavaScript says no")),
    ] {
        let records = records(&[page], 1);
        assert_eq!(raised(&records), [expected]);
        assert!(document(&records).contains("</html>"), "the document is printed all the same");
    }
}

#[test]
fn an_error_in_a_handler_is_placed_too() {
    for (page, quote) in [("handler-micropython.html", ""), ("handler-pyodide.html", "'")] {
        let path = format!("bad/{page}");
        assert_eq!(raised(&records(&[&path], 0)), [], "nothing is raised before the click");
        let message = format!("KeyError: {quote}in a handler{quote}");
        assert_eq!(raised(&records(&[&path, "--click", "#sync"], 1)), [place(page, 17, &message)]);
        let later = place(page, 23, "LookupError: in an async handler");
        assert_eq!(raised(&records(&[&path, "--click", "#async"], 1)), [later]);
    }
}

#[test]
fn a_script_that_is_not_there_is_an_error_of_its_page() {
    let records = records(&["bad/missing.html"], 1);
    let (file, line, message) = raised(&records).remove(0);
    assert_eq!((file.as_str(), line), ("missing.html", 7));
    assert!(message.contains("(PY0404)") && message.contains("nowhere.py"), "{message}");
}

#[test]
fn an_endless_loop_is_stopped_and_named() {
    let ran = kit::run(&mut render(&["stuck/loop.html", "--timeout", "2"])).exits(2);
    let records = kit::records("pyweb", &ran.stdout);
    let failed = kit::of_type(&records, "pyweb.run.failed")[0];
    assert_eq!(failed["code"], "out_of_time");
    let message = failed["message"].as_str().unwrap();
    assert!(message.contains("running Python from loop.html:8"), "{message}");
    assert!(message.contains("info: before the loop"), "{message}");
}

#[test]
fn endless_python_in_a_worker_is_stopped_and_named() {
    let ran = kit::run(&mut render(&["stuck/worker-loop.html", "--timeout", "3"])).exits(2);
    assert!(ran.stderr.contains("busy in WebAssembly"), "{}", ran.stderr);
    assert!(ran.stderr.contains("running Python from worker-loop.html:8"), "{}", ran.stderr);
}

fn works_in_a_worker(page: &str, interpreter: &str) {
    let html =
        document(&records(&[page, "--click", "#more", "--click", "#more", "--wait", "#more[title='2']"], 0));
    assert!(html.contains(&format!(r#"<p id="out">{interpreter} True main</p>"#)), "{html}");
    assert!(html.contains(r#"<p id="sum">42</p>"#), "{html}");
    assert!(html.contains(r#"id="more">2</button>"#), "{html}");
}

#[test]
fn a_micropython_worker_writes_to_the_page_hears_its_events_and_is_called() {
    works_in_a_worker("workers/micropython.html", "micropython");
}

#[test]
fn a_pyodide_worker_writes_to_the_page_hears_its_events_and_is_called() {
    works_in_a_worker("workers/pyodide.html", "cpython");
}

#[test]
fn a_worker_stands_still_while_the_page_answers_its_calls() {
    let html = document(&records(&["workers/calls.html"], 0));
    assert!(html.contains("<li>one</li><li>then one!</li><li>xxxx"), "{html}");
}

#[test]
fn a_page_that_never_gets_ready_says_why() {
    for (page, reason) in [
        ("stuck/no-core.html", "loads no PyScript"),
        ("stuck/no-core.html", "about to wait for nobody"),
        ("stuck/config.html", "(PY1000): Invalid JSON"),
    ] {
        let ran = kit::run(&mut render(&[page, "--timeout", "60"])).exits(2);
        assert!(ran.stderr.contains("never got ready") && ran.stderr.contains(reason), "{}", ran.stderr);
    }
}

#[test]
fn a_page_never_reaches_outside_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    std::fs::create_dir(&site).unwrap();
    for name in ["index.html", "own.txt"] {
        std::fs::copy(pages().join("reach").join(name), site.join(name)).unwrap();
    }
    std::fs::write(folder.path().join("secret.txt"), "the secret").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret.txt"), site.join("link.txt")).unwrap();
    let html = document(&records(&[site.join("index.html").to_str().unwrap()], 0));
    let expected = "own.txt:200 ../secret.txt:404 ..%2fsecret.txt:404 %2e%2e/secret.txt:404 link.txt:404";
    assert!(html.contains(expected), "{html}");
}

#[test]
fn bad_arguments_are_one_clear_line() {
    for (args, code, message) in [
        (&["nowhere.html"][..], "page_unreadable", "failed to read nowhere.html: No such file"),
        (&["good"], "no_page", "good is a folder, not a page"),
        (&["good/micropython.html", "--click", "[["], "bad_selector", "\"[[\" is not a CSS selector"),
        (&["good/micropython.html", "--wait", "#no", "--timeout", "1"], "out_of_time", "--wait #no"),
    ] {
        let ran = kit::run(&mut render(args)).exits(2);
        assert!(ran.stderr.contains(message) && ran.stderr.contains("hint:"), "{}", ran.stderr);
        let failed: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for record in failed.iter().filter(|record| record["type"] == json!("pyweb.run.failed")) {
            assert_eq!(record["code"], code);
        }
    }
}

#[test]
fn a_page_of_many_elements_gets_ready() {
    let folder = tempfile::tempdir().unwrap();
    // More than a JavaScript function may have arguments.
    let page = format!(
        "<script type=module src=pyscript/core.js></script><script type=mpy>print('well')</script>{}",
        "<p>x</p>".repeat(70_000)
    );
    let path = folder.path().join("a page é.html");
    std::fs::write(&path, page).unwrap();
    kit::run(Command::new(kit::binary("pyweb")).arg("render").arg(path)).exits(0);
}

#[test]
fn a_full_disk_behind_the_output_is_said_once() {
    let script = format!("{} runtime list > /dev/full", kit::binary("pyweb").display());
    let ran = kit::run(Command::new("bash").args(["-c", &script])).exits(2);
    assert_eq!(ran.stderr.matches("error:").count(), 1, "{}", ran.stderr);
}
