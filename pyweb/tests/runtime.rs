//! `pyweb runtime` from outside: what is got is what is pinned, from wherever it comes.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use walkdir::WalkDir;

fn pyweb(cache: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(kit::binary("pyweb"));
    command.args(args).env("SNAKEPIPE_CACHE", cache).env_remove("PYWEB_RUNTIME");
    command
}

/// A copy of this machine's packages, which every other test of pyweb needs, too.
fn packages() -> (TempDir, PathBuf) {
    let mut path = Command::new(kit::binary("pyweb"));
    let ran = kit::run(path.args(["runtime", "path"])).exits(0);
    let source = PathBuf::from(ran.stdout.trim());
    kit::run(Command::new(kit::binary("pyweb")).args(["runtime", "get"])).exits(0);
    let copy = tempfile::tempdir().unwrap();
    for entry in WalkDir::new(&source).into_iter().map(Result::unwrap) {
        let target = copy.path().join(entry.path().strip_prefix(&source).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
    let folder = copy.path().to_owned();
    (copy, folder)
}

fn states(stdout: &str, kind: &str, field: &str) -> Vec<serde_json::Value> {
    let records = kit::records("pyweb", stdout);
    kit::of_type(&records, kind).iter().map(|record| record[field].clone()).collect()
}

#[test]
fn packages_come_from_a_folder_once() {
    let (_copy, source) = packages();
    let cache = tempfile::tempdir().unwrap();
    let listed = kit::run(&mut pyweb(cache.path(), &["runtime", "list"]));
    assert_eq!(states(&listed.stdout, "pyweb.package.listed", "installed"), [false; 4]);

    let from = source.to_str().unwrap();
    let got = kit::run(&mut pyweb(cache.path(), &["runtime", "get", "--from", from])).exits(0);
    assert_eq!(states(&got.stdout, "pyweb.package.installed", "source"), ["folder"; 4]);
    let again = kit::run(&mut pyweb(cache.path(), &["runtime", "get", "--from", from]));
    assert_eq!(states(&again.stdout, "pyweb.package.installed", "source").len(), 0);
    kit::run(&mut pyweb(cache.path(), &["runtime", "verify"])).exits(0);
}

#[test]
fn a_changed_file_is_not_taken_and_is_found_later() {
    let (_copy, source) = packages();
    let package = fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().path());
    let linkedom = package.into_iter().find(|path| path.to_str().unwrap().contains("linkedom-")).unwrap();
    fs::write(linkedom.join("worker.js"), "export {}").unwrap();

    let cache = tempfile::tempdir().unwrap();
    let got =
        kit::run(&mut pyweb(cache.path(), &["runtime", "get", "--from", source.to_str().unwrap()])).exits(1);
    assert!(got.stderr.contains("worker.js of linkedom-"), "{}", got.stderr);
    let left: Vec<_> = WalkDir::new(cache.path())
        .into_iter()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("linkedom") || name.starts_with(".part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");

    let given = source.to_str().unwrap();
    let verified = kit::run(&mut pyweb(cache.path(), &["--runtime", given, "runtime", "verify"])).exits(1);
    let damaged = states(&verified.stdout, "pyweb.package.verified", "damaged");
    assert_eq!(damaged.iter().filter(|files| files.as_array().unwrap().is_empty()).count(), 3);
}

#[test]
fn a_folder_without_packages_says_what_is_missing() {
    let (cache, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = empty.path().to_str().unwrap();
    let got = kit::run(&mut pyweb(cache.path(), &["runtime", "get", "--from", from])).exits(2);
    assert!(got.stderr.contains("has neither pyodide-"), "{}", got.stderr);

    let site = tempfile::tempdir().unwrap();
    fs::write(site.path().join("index.html"), "<script type=mpy></script>").unwrap();
    let mut bundle = pyweb(cache.path(), &["--runtime", from, "bundle", ".", "-o", "out"]);
    let refused = kit::run(bundle.current_dir(site.path())).exits(2);
    assert!(refused.stderr.contains("leave out --runtime"), "{}", refused.stderr);
}

#[test]
fn npm_and_fetch_bring_the_pinned_archives() {
    let Ok(_npm) = kit::tool("npm", "npm") else { return };
    let cache = tempfile::tempdir().unwrap();
    let got = kit::run(&mut pyweb(cache.path(), &["runtime", "get"]));
    if got.code != 0 && got.stderr.contains("cannot be had") {
        kit::Missing::new("npm's registry", "a network that reaches it");
        return;
    }
    let got = got.exits(0);
    assert_eq!(states(&got.stdout, "pyweb.package.installed", "source"), ["npm"; 4]);
    kit::run(&mut pyweb(cache.path(), &["runtime", "verify"])).exits(0);
}

#[test]
fn people_and_pipes_get_each_their_form() {
    let cache = tempfile::tempdir().unwrap();
    let envs = [("SNAKEPIPE_CACHE", cache.path().to_str().unwrap())];
    let screen = kit::in_terminal(&kit::binary("pyweb"), &["runtime", "list"], cache.path(), &envs);
    assert_eq!(screen.code, 0);
    assert!(screen.text.contains("pyodide") && screen.text.contains("missing"), "{}", screen.text);
    assert!(!screen.text.contains('{'), "{}", screen.text);

    // For `cd "$(pyweb runtime path)"` the path alone, in a pipe, too.
    let path = kit::run(&mut pyweb(cache.path(), &["runtime", "path"])).exits(0);
    assert_eq!(path.stdout, format!("{}\n", cache.path().join("pyweb/runtime").display()));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let pyweb = kit::binary("pyweb");
    let script = format!("set -o pipefail; {} runtime list | head -1", pyweb.display());
    let ran = kit::run(Command::new("bash").args(["-c", &script])).exits(0);
    assert_eq!(ran.stdout.lines().count(), 1);
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_fetch_that_dies_is_named_with_its_last_words() {
    use std::os::unix::fs::PermissionsExt;
    let Ok(npm) = kit::tool("npm", "npm") else { return };
    let (cache, bin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let own = bin.path().join("pyweb");
    fs::copy(kit::binary("pyweb"), &own).unwrap();
    let fetch = bin.path().join("fetch");
    fs::write(&fetch, "#!/bin/sh\necho 'no such option' >&2\nexit 3\n").unwrap();
    fs::set_permissions(&fetch, fs::Permissions::from_mode(0o755)).unwrap();
    drop(npm);
    let mut get = Command::new(own);
    get.args(["runtime", "get"]).env("SNAKEPIPE_CACHE", cache.path()).env_remove("PYWEB_RUNTIME");
    let ran = kit::run(&mut get).exits(2);
    assert!(
        ran.stderr.contains("answered nothing") && ran.stderr.contains("no such option"),
        "{}",
        ran.stderr
    );
}
