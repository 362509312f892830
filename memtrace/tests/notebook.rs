//! `%%memtrace_flamegraph` in a Jupyter kernel, as notebooks use it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::{Folder, package, program};

/// What each of these cells showed, one after the other in one kernel; none where there is no Jupyter.
fn outputs(folder: &Folder, cells: &[&str]) -> Option<Vec<Value>> {
    let python = kit::venv("notebook").ok()?;
    folder.write("cells.json", &json!(cells).to_string());
    let mut command = Command::new(python);
    let command = package(&mut command, folder).args([&program("notebook.py"), "cells.json"]);
    // What the person at this machine has set up for Jupyter is not looked at.
    for (variable, name) in
        [("IPYTHONDIR", "ipython"), ("JUPYTER_CONFIG_DIR", "config"), ("JUPYTER_RUNTIME_DIR", "runtime")]
    {
        command.env(variable, folder.path(name));
    }
    Some(serde_json::from_str(&kit::run(command).exits(0).stdout).unwrap())
}

/// The page that a cell showed in a frame, and how high that is.
fn page(folder: &Folder, outputs: &Value) -> (String, String) {
    let frame = outputs.as_array().unwrap().iter().find_map(|output| output["data"]["text/html"].as_str());
    let frame = frame.unwrap_or_else(|| panic!("no page: {outputs:#}"));
    let attribute = |name: &str| {
        let (_, rest) = frame.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let source = attribute("src");
    assert!(source.starts_with("memtrace-results/"), "{source}");
    (std::fs::read_to_string(folder.path(&source)).unwrap(), attribute("height"))
}

/// The JSON inside a page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script id=\"data\" type=\"application/json\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_cell_shows_its_flame_graph() {
    let folder = Folder::new();
    let cells = [
        "%load_ext memtrace",
        "%%memtrace_flamegraph\ndef hold(size):\n    return bytearray(size)\nkept = hold(8_000_000)\nprint('shown')",
        "len(kept)",
        "%%memtrace_flamegraph --native --trace-python-allocators --leaks --inverted --split-threads --height 400\n\
         more = []\nsorted([1], key=lambda _: more.append(hold(9_000_000)))",
        "%%memtrace_flamegraph\nhold(7_000_000)\nraise KeyError('a cell that fails')",
        "%%memtrace_flamegraph --no-such-option\nnever = 1",
        "%%memtrace_flamegraph --help\nnever = 1",
        "import memtrace\nmemtrace.start('own.mtr')",
        "%%memtrace_flamegraph\nnever = 1",
        "memtrace.stop()\n'never' in globals()",
    ];
    let Some(outputs) = outputs(&folder, &cells) else { return };
    let said = |cell: usize| outputs[cell].to_string();
    assert_eq!(said(0), "[]");
    assert!(said(1).contains("shown"), "{}", said(1));
    let (shown, height) = page(&folder, &outputs[1]);
    assert_eq!(height, "700");
    let has = |data: &Value, function: &str| data["functions"].as_array().unwrap().contains(&function.into());
    let first = data(&shown);
    assert!(has(&first, "hold") && !has(&first, "builtin_sorted"), "{}", first["functions"]);
    assert!(first["stats"]["peak_bytes"].as_u64().unwrap() >= 8_000_000, "{}", first["stats"]);
    assert!(said(2).contains("8000000"), "{}", said(2));
    let (shown, height) = page(&folder, &outputs[3]);
    assert_eq!(height, "400");
    let second = data(&shown);
    assert!(has(&second, "<lambda>") && has(&second, "builtin_sorted"), "{}", second["functions"]);
    assert!(second["stats"]["leaked_bytes"].as_u64().unwrap() >= 9_000_000, "{}", second["stats"]);
    assert_eq!(second["view"], json!({"kind": "leaked", "inverted": true, "threads": true}));
    assert!(said(4).contains("a cell that fails"), "{}", said(4));
    assert!(page(&folder, &outputs[4]).0.contains("\"hold\""));
    assert!(said(5).contains("UsageError: %%memtrace_flamegraph: unrecognized arguments"), "{}", said(5));
    assert!(said(6).contains("--trace-python-allocators"), "{}", said(6));
    assert!(said(8).contains("this process is being recorded already"), "{}", said(8));
    assert!(said(9).contains("False"), "{}", said(9));
}
