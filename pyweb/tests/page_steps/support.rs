//! Carries out steps on a site of `tests/pages`, in either engine or in both.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// Where the sites are.
pub fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages")
}

/// Carries out steps on a site, with options, to an exit code; its records.
pub type CarryOut<'a> = dyn Fn(&str, &[Value], &[&str], i32) -> Vec<Value> + 'a;

/// The same test in both engines: what holds in the one holds in the other.
pub fn in_both(test: impl Fn(&CarryOut<'_>)) {
    test(&|site, steps, args, code| carry_out("wasmtime", site, steps, args, code));
    if kit::tool("chromium", "chromium").is_ok() {
        test(&|site, steps, args, code| carry_out("chromium", site, steps, args, code));
    }
}

pub fn carry_out(engine: &str, site: &str, steps: &[Value], args: &[&str], code: i32) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("steps.jsonl");
    let lines: Vec<String> = steps.iter().map(ToString::to_string).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let mut command = Command::new(kit::binary("pyweb"));
    command.current_dir(pages()).args(["test", site, "--engine", engine, "--steps"]).arg(&file).args(args);
    kit::records("pyweb", &kit::run(&mut command).exits(code).stdout)
}

/// The steps' records, in their order.
pub fn steps_of(records: &[Value]) -> Vec<&Value> {
    kit::of_type(records, "pyweb.step.finished")
}

/// The values of the steps with these names; each of them passed.
pub fn values(records: &[Value], step: &str) -> Vec<Value> {
    let of_step = steps_of(records).into_iter().filter(|record| record["step"] == step);
    of_step
        .map(|record| {
            assert_eq!(record["outcome"], "passed", "{record}");
            record["value"].clone()
        })
        .collect()
}

pub fn goto(page: &str) -> Value {
    json!({"step": "goto", "url": page})
}
