//! Both engines side by side: the same pages give the same verdicts, and the same errors at the same places.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages")
}

/// `pyweb` in the folder of the tests' pages, with this engine: exit code and records.
fn pyweb(engine: &str, args: &[&str]) -> (i32, Vec<Value>) {
    let mut command = Command::new(kit::binary("pyweb"));
    command.current_dir(pages()).args(args).args(["--engine", engine]);
    let ran = kit::run(&mut command);
    (ran.code, kit::records("pyweb", &ran.stdout))
}

/// These fields of the records of this type.
fn fields(records: &[Value], kind: &str, names: &[&str]) -> Vec<Value> {
    let picked = |record: &&Value| names.iter().map(|name| record[name].clone()).collect();
    kit::of_type(records, kind).iter().map(picked).collect()
}

/// What may be compared: verdicts, errors with their places, warnings and errors on the console.
fn comparable((code, records): &(i32, Vec<Value>)) -> Value {
    let mut console = fields(records, "pyweb.console.logged", &["level", "message"]);
    console.retain(|line| line[0] == "info" || line[0] == "warn");
    json!({
        "code": code,
        "ready": fields(records, "pyweb.page.ready", &["page"]),
        "raised": fields(records, "pyweb.python.raised", &["file", "line", "message"]),
        "tests": fields(records, "test.finished", &["id", "outcome", "message"]),
        "console": console,
    })
}

/// What both engines make of it is the same; what that is.
fn same(args: &[&str]) -> Option<Value> {
    kit::tool("chromium", "chromium").ok()?;
    let (own, chromium) = (pyweb("wasmtime", args), pyweb("chromium", args));
    let (own, chromium) = (comparable(&own), comparable(&chromium));
    assert_eq!(own, chromium, "{args:?}");
    Some(own)
}

#[test]
fn a_suite_passes_in_both() {
    let Some(seen) = same(&["test", "good"]) else { return };
    assert_eq!(seen["code"], 0);
    assert_eq!(seen["tests"].as_array().unwrap().len(), 6);
}

#[test]
fn a_suite_fails_in_both_at_the_same_places() {
    let Some(seen) = same(&["test", "failing"]) else { return };
    assert_eq!(seen["code"], 1);
    let Some(seen) = same(&["test", "uncaught"]) else { return };
    assert_eq!(seen["code"], 1);
}

#[test]
fn python_raises_in_both_at_the_same_places() {
    for page in ["inline", "source-micropython", "source", "imported", "syntax", "javascript", "missing"] {
        let Some(seen) = same(&["render", &format!("bad/{page}.html")]) else { return };
        assert_eq!(seen["raised"].as_array().unwrap().len(), 1, "{seen}");
    }
    for page in ["handler-micropython", "handler-pyodide"] {
        for button in ["#sync", "#async"] {
            let Some(seen) = same(&["render", &format!("bad/{page}.html"), "--click", button]) else {
                return;
            };
            assert_eq!(seen["raised"].as_array().unwrap().len(), 1, "{seen}");
        }
    }
}

#[test]
fn a_page_that_gets_stuck_is_stopped_in_both() {
    if kit::tool("chromium", "chromium").is_err() {
        return;
    }
    for (page, code, messages) in [
        ("loop.html", "out_of_time", ["busy", "running Python from loop.html:8"]),
        ("no-core.html", "never_ready", ["loads no PyScript", "info: about to wait for nobody"]),
        ("config.html", "never_ready", ["(PY1000)", "Invalid JSON"]),
    ] {
        for engine in ["wasmtime", "chromium"] {
            let (exit, records) = pyweb(engine, &["render", &format!("stuck/{page}"), "--timeout", "10"]);
            let failed = kit::of_type(&records, "pyweb.run.failed")[0];
            assert_eq!((exit, &failed["code"]), (2, &json!(code)), "{engine}: {failed}");
            let said = failed["message"].as_str().unwrap();
            assert!(messages.iter().all(|message| said.contains(message)), "{engine}: {failed}");
        }
    }
}

#[test]
fn a_page_in_chromium_has_no_network_and_only_its_own_folder() {
    if kit::tool("chromium", "chromium").is_err() {
        return;
    }
    let (code, records) = pyweb("chromium", &["render", "stuck/outside.html"]);
    assert_eq!(code, 0);
    let refused = "refused https://example.org/other.js: a page here has no network, only its own folder and the runtime";
    assert!(
        fields(&records, "pyweb.console.logged", &["message"]).contains(&json!([refused])),
        "{records:?}"
    );

    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    std::fs::create_dir(&site).unwrap();
    for name in ["index.html", "own.txt"] {
        std::fs::copy(pages().join("reach").join(name), site.join(name)).unwrap();
    }
    std::fs::write(folder.path().join("secret.txt"), "the secret").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret.txt"), site.join("link.txt")).unwrap();
    let (_, records) = pyweb("chromium", &["render", site.join("index.html").to_str().unwrap()]);
    let html = kit::of_type(&records, "pyweb.dom.rendered")[0]["html"].as_str().unwrap().to_owned();
    let expected = "own.txt:200 ../secret.txt:404 ..%2fsecret.txt:404 %2e%2e/secret.txt:404 link.txt:404";
    assert!(html.contains(expected), "{html}");
}

#[test]
fn a_chromium_that_is_none_is_one_clear_line() {
    for (program, said) in [
        ("/nowhere/chromium", "failed to start /nowhere/chromium"),
        ("/bin/false", "/bin/false did not get ready"),
    ] {
        let mut command = Command::new(kit::binary("pyweb"));
        command.current_dir(pages()).args(["test", "good", "--engine", "chromium", "--chromium", program]);
        let ran = kit::run(&mut command).exits(2);
        assert!(ran.stderr.contains(said) && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}

#[test]
fn in_chromium_a_step_that_waits_goes_on_in_the_next_document() {
    if kit::tool("chromium", "chromium").is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let steps = folder.path().join("steps.jsonl");
    let lines = [
        json!({"step": "goto", "url": "/steps/"}),
        json!({"step": "evaluate", "expression": "void setTimeout(() => location.assign('/good/micropython.html'), 100)"}),
        json!({"step": "expect", "matcher": "to_have_title", "expected": "Counter", "timeout_ms": 30_000}),
        json!({"step": "click", "locator": [{"role": "button", "name": "Add"}], "timeout_ms": 30_000}),
        json!({"step": "read", "what": "text_content", "locator": [{"css": "#out"}]}),
    ];
    std::fs::write(&steps, lines.map(|line| line.to_string()).join("\n")).unwrap();
    let (code, records) = pyweb("chromium", &["test", ".", "--steps", steps.to_str().unwrap()]);
    assert_eq!(code, 0, "{records:?}");
    let last = kit::of_type(&records, "pyweb.step.finished").pop().unwrap();
    assert_eq!(last["value"], "click 1 on add");
}

#[test]
fn workers_do_the_same_in_both() {
    for engine in ["wasmtime", "chromium"] {
        if engine == "chromium" && kit::tool("chromium", "chromium").is_err() {
            return;
        }
        let (code, records) = pyweb(engine, &["test", "site"]);
        assert_eq!(code, 0, "{engine} {records:?}");
        for (page, name) in [("workers/micropython.html", "micropython"), ("workers/pyodide.html", "cpython")]
        {
            let (code, records) = pyweb(engine, &["render", page, "--wait", "#sum:not(:empty)"]);
            assert_eq!(code, 0, "{engine} {records:?}");
            let html = fields(&records, "pyweb.dom.rendered", &["html"]).remove(0);
            let html = html[0].as_str().unwrap();
            assert!(html.contains(&format!("<p id=\"out\">{name} True main</p>")), "{engine} {html}");
            assert!(html.contains("<p id=\"sum\">42</p>"), "{engine} {html}");
        }
    }
}
