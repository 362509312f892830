//! The record contract and the command-line contract, held against all four binaries.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::process::Command;

const TOOLS: [&str; 4] = ["fetch", "memtrace", "testfan", "pyweb"];

fn tool(name: &str) -> Command {
    Command::new(kit::binary(name))
}

#[test]
fn every_tool_says_its_version() {
    for name in TOOLS {
        let ran = kit::run(tool(name).arg("--version")).exits(0);
        assert_eq!(ran.stdout, format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn every_help_has_examples() {
    for name in TOOLS {
        let ran = kit::run(tool(name).arg("--help")).exits(0);
        assert!(ran.stdout.contains("Examples:"), "{name} --help:\n{}", ran.stdout);
        assert!(ran.stdout.contains(&format!("{name} ")), "{name} --help:\n{}", ran.stdout);
    }
}

#[test]
fn every_tool_completes_in_every_shell() {
    for name in TOOLS {
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let ran = kit::run(tool(name).args(["completions", shell])).exits(0);
            assert!(ran.stdout.contains(name), "{name} completions {shell}");
        }
    }
}

#[test]
fn a_wrong_option_is_one_clear_error_and_2() {
    for name in TOOLS {
        let ran = kit::run(tool(name).arg("--no-such-option")).exits(2);
        assert_eq!(ran.stdout, "", "{name}");
        assert!(ran.stderr.contains("--no-such-option"), "{name}: {}", ran.stderr);
    }
}

#[test]
fn a_missing_input_is_one_clear_error_and_2() {
    let cases: [(&str, &[&str]); 4] = [
        ("fetch", &["get", "-r", "no-such-registry.txt"]),
        ("memtrace", &["stats", "no-such-capture.mtr"]),
        ("testfan", &["run", "--python", "no-such-python"]),
        ("pyweb", &["render", "no-such-page.html"]),
    ];
    for (name, args) in cases {
        let temp = tempfile::tempdir().unwrap();
        let ran = kit::run(tool(name).args(args).current_dir(temp.path())).exits(2);
        let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error:")).collect();
        assert_eq!(errors.len(), 1, "{name}: {}", ran.stderr);
        assert!(errors[0].contains("no-such-"), "{name} names what is missing: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{name}: {}", ran.stderr);
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0, "{name} left something behind");
    }
}

#[test]
fn the_committed_schemas_are_those_of_the_binaries() {
    for name in TOOLS {
        let ran = kit::run(tool(name).arg("__schema")).exits(0);
        let path = kit::root().join(format!("common/schemas/{name}.v1.json"));
        assert_eq!(ran.stdout, std::fs::read_to_string(path).unwrap(), "stale: `cargo xtask schema`");
    }
}

/// Records as version 1 was released; they must fit the schemas for as long as there is a version 1.
#[test]
fn records_of_a_released_version_stay_readable() {
    for name in TOOLS {
        let path = kit::data(&format!("fixtures/records/{name}.v1.jsonl"));
        let records = kit::records(name, &std::fs::read_to_string(path).unwrap());
        assert!(records.len() > 2, "{name}");
    }
}
