//! Every page of `pyweb new`, bundled, as a real browser sees it with no host but this machine.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod chromium;

use std::path::Path;
use std::process::Command;

use chromium::{Browser, DevTools, Server, components, wait_for};
use clap::ValueEnum;
use pyweb::cli;
use pyweb::new::Python;
use pyweb::new::templates::{self, Worker};
use serde_json::{Value, json};

/// Keeps what goes wrong in a page, from its first moment on.
const WATCH: &str = "globalThis.wrong = [];\
    addEventListener('error', (event) => wrong.push(String(event.message)));\
    addEventListener('unhandledrejection', (event) => wrong.push(String(event.reason)));\
    const { error } = console;\
    console.error = (...values) => { wrong.push(values.join(' ')); error(...values); };";
/// Whether a page is there and its Python has started.
const READY: &str = "document.readyState === 'complete' && !!document.querySelector('h1')\
    && !document.querySelector('#starting')";
/// What went wrong in it.
const WRONG: &str =
    "[...wrong, ...[...document.querySelectorAll('.py-error, .mpy-error')].map((box) => box.textContent)]";
/// The hosts that it asked.
const ASKED: &str = "[...new Set(performance.getEntriesByType('resource').map(({ name }) => new URL(name)) \
    .filter(({ protocol }) => protocol.startsWith('http')).map(({ origin }) => origin))]";

/// Every form of every template that `python` runs, with the options that make it.
fn forms(python: Python) -> Vec<(&'static str, Vec<String>)> {
    let mut forms = Vec::new();
    for name in cli::Template::value_variants() {
        let template = templates::of(*name);
        if !template.pythons.contains(&python) {
            continue;
        }
        let options = vec!["--template".into(), template.name.into(), format!("--{}", python.tag())];
        if template.worker == Worker::Optional {
            forms.push((template.name, [options.clone(), vec!["--worker".into()]].concat()));
        }
        forms.push((template.name, options));
    }
    forms
}

/// Makes the form and its bundle at `place`.
fn bundle(options: &[String], place: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let pyweb = || {
        let mut command = Command::new(kit::binary("pyweb"));
        command.current_dir(folder.path());
        command
    };
    kit::run(pyweb().args(["new", "page"]).args(options)).exits(0);
    let mut bundle = pyweb();
    bundle.args(["bundle", "page", "--compress", "none", "--external", "deny", "-o"]).arg(place);
    let ran = kit::run(&mut bundle).exits(0);
    let records = kit::records("pyweb", &ran.stdout);
    let left_out = &kit::of_type(&records, "pyweb.bundle.written")[0]["left_out"];
    assert_eq!(*left_out, json!(["test_page.py"]));
    assert!(!place.join("test_page.py").exists());
}

/// The value of an expression; nothing while there is no page to ask.
fn told(page: &mut DevTools, expression: &str) -> Value {
    let params = json!({"expression": expression, "returnByValue": true});
    page.ask("Runtime.evaluate", &params)["result"]["result"]["value"].clone()
}

fn every_form_gets_ready(python: Python) {
    let Ok((chromium, python3)) = components() else { return };
    let root = tempfile::tempdir().unwrap();
    let profile = tempfile::tempdir().unwrap();
    let server = Server::start(&python3, root.path());
    let browser = Browser::open(&chromium, profile.path(), "about:blank");
    let mut page = browser.devtools();
    page.call("Page.enable", &json!({}));
    page.call("Page.addScriptToEvaluateOnNewDocument", &json!({"source": WATCH}));
    let origin = format!("http://127.0.0.1:{}", server.port);
    for (number, (name, options)) in forms(python).into_iter().enumerate() {
        let path = format!("{name}-{number}");
        bundle(&options, &root.path().join(&path));
        page.call("Page.navigate", &json!({"url": format!("{origin}/{path}/")}));
        let here = format!("location.pathname === '/{path}/' && {READY}");
        let ready = wait_for(|| (told(&mut page, &here) == true).then_some(()));
        assert_eq!((told(&mut page, WRONG), ready.is_some()), (json!([]), true), "{options:?}");
        assert_eq!(told(&mut page, ASKED), json!([origin]), "{options:?}");
    }
    let log = server.stop();
    let came = |line: &&str| line.contains("\" 200 ") || line.contains("\" 304 ");
    let missed: Vec<&str> = log.lines().filter(|line| !came(line)).collect();
    assert!(missed.is_empty(), "asked for and not in the bundle: {missed:#?}");
}

#[test]
fn every_bundled_template_gets_ready_with_micropython() {
    every_form_gets_ready(Python::Micropython);
}

#[test]
fn every_bundled_template_gets_ready_with_pyodide() {
    every_form_gets_ready(Python::Pyodide);
}
