//! The rules of the house that no compiler knows: what stands at the top level, how a file opens, how long
//! files and functions are, and that no machine-specific name is committed.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

use crate::shell;

const TOP_LEVEL: [&str; 12] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "common",
    "fetch",
    "memtrace",
    "pyweb",
    "testfan",
    "tests",
    "xtask",
];
const DOT_FILES: [&str; 7] = [".cargo", ".ci", ".clippy.toml", ".config", ".deny.toml", ".gitignore", ".rustfmt.toml"];
const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
const MAIN_LINES: usize = 15;

/// Fails when a rule is broken; points out what is only long.
pub fn run() -> Result<()> {
    let listing = shell::output(shell::command("git").args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let files: Vec<&str> = listing.split('\0').filter(|name| !name.is_empty()).collect();
    let hosts = registry_hosts();
    let mut broken = top_level(&files);
    let mut long = Vec::new();
    for name in files {
        // A binary fixture, or a file deleted but not yet committed.
        let Ok(text) = std::fs::read_to_string(shell::root().join(name)) else { continue };
        if has_ending(name, "rs") {
            rust_file(name, &text, &mut broken, &mut long);
        } else if ["py", "js", "css", "html"].iter().any(|end| has_ending(name, end))
            && !name.contains("/fixtures/")
        {
            length(name, &text, &mut long);
        }
        if name != "Cargo.lock" {
            broken.extend(hosts.iter().filter(|host| text.contains(*host)).map(|_| {
                format!("{name}: names a package registry's host; ask the client for it at run time")
            }));
        }
    }
    for line in &long {
        shell::say(&format!("note: {line}"));
    }
    if broken.is_empty() {
        return Ok(());
    }
    bail!("{} against the rules of the house:\n{}", broken.len(), broken.join("\n"))
}

fn top_level(files: &[&str]) -> Vec<String> {
    let tops: BTreeSet<&str> = files.iter().filter_map(|name| name.split('/').next()).collect();
    let known = |top: &&str| TOP_LEVEL.contains(top) || DOT_FILES.contains(top);
    let strangers = tops.into_iter().filter(|top| !known(top));
    strangers.map(|top| format!("{top}: not part of the top level")).collect()
}

fn rust_file(name: &str, text: &str, broken: &mut Vec<String>, long: &mut Vec<String>) {
    if !text.starts_with("//!") {
        broken.push(format!("{name}: does not open with //! saying what it is for"));
    }
    let lines = text.lines().count();
    if name.ends_with("src/main.rs") && lines > MAIN_LINES && !name.starts_with("xtask/") {
        broken.push(format!("{name}: {lines} lines, a main calls the library in at most {MAIN_LINES}"));
    }
    length(name, text, long);
    functions(name, text, long);
}

fn length(name: &str, text: &str, long: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > FILE_LINES {
        long.push(format!("{name}: {lines} lines"));
    }
}

/// Relies on rustfmt: a function ends at the first `}` that stands where its `fn` line began.
fn functions(name: &str, text: &str, long: &mut Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        let words: Vec<&str> = body.split(' ').take(6).collect();
        let Some(at) = words.iter().position(|word| *word == "fn") else { continue };
        if body.starts_with("//") || body.ends_with(';') || body.ends_with('}') {
            continue;
        }
        let end = lines[start..].iter().position(|line| {
            line.trim_start().starts_with('}') && line.len() - line.trim_start().len() == indent
        });
        let length = end.map_or(0, |end| end + 1);
        if length > FUNCTION_LINES {
            let function =
                words.get(at + 1).map_or("?", |word| word.split(['(', '<']).next().unwrap_or(word));
            long.push(format!("{name}:{}: {function} has {length} lines", start + 1));
        }
    }
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == ending)
}

/// The hosts that this machine's package clients are configured with, where they are not everybody's own.
fn registry_hosts() -> BTreeSet<String> {
    let ask = |program: &str, args: &[&str]| {
        let mut command = shell::command(program);
        let output = command.args(args).stderr(std::process::Stdio::null()).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    };
    let npm = ask("npm", &["config", "get", "registry"]);
    let pip = ask("python3", &["-m", "pip", "config", "get", "global.index-url"]);
    let hosts = [npm, pip].into_iter().filter_map(|url| {
        let host = url.trim().split("://").nth(1)?.split(['/', ':']).next()?.to_owned();
        Some(host).filter(|host| host.contains('.'))
    });
    hosts.collect()
}
