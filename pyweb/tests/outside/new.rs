//! `pyweb new` from outside: what it makes passes its own tests, and what it refuses leaves no trace.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{pyweb, write};

/// How long all pages together may take while other tests run.
const LIMIT: Duration = Duration::from_mins(10);

/// Every page there is, each with options that make it.
pub const TEMPLATES: [(&str, &str, &str); 21] = [
    ("hello", "--mpy", ""),
    ("hello", "--py", ""),
    ("hello", "--mpy", "--worker"),
    ("hello", "--py", "--worker"),
    ("todo", "--mpy", ""),
    ("todo", "--py", ""),
    ("repl", "--py", ""),
    ("clock", "--mpy", ""),
    ("clock", "--py", ""),
    ("antigravity", "--mpy", ""),
    ("antigravity", "--py", ""),
    ("plot", "--mpy", ""),
    ("plot", "--py", ""),
    ("terminal", "--py", ""),
    ("worker", "--mpy", ""),
    ("worker", "--py", ""),
    ("notes", "--mpy", ""),
    ("notes", "--py", ""),
    ("mandelbrot", "--py", ""),
    ("d3", "--mpy", ""),
    ("sqlite", "--py", ""),
];

/// A folder in which `page` is made of a template.
pub fn made(template: &str, options: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    make(&folder.path().join("page"), template, options);
    folder
}

fn make(folder: &Path, template: &str, options: &[&str]) {
    let options = options.iter().filter(|option| !option.is_empty());
    let mut command = pyweb(&["new", "--template", template]);
    kit::run(command.args(options).arg(folder)).exits(0);
}

/// All pages, in one folder.
fn gallery() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (template, interpreter, worker) in TEMPLATES {
        let name = format!("{template}{interpreter}{worker}");
        make(&folder.path().join(name), template, &[interpreter, worker]);
    }
    folder
}

#[test]
fn every_page_gets_ready_under_pyweb_test() {
    let folder = gallery();
    let ran = kit::run_within(pyweb(&["test"]).arg(folder.path()), LIMIT).exits(0);
    let records = kit::records("pyweb", &ran.stdout);
    let tests = kit::of_type(&records, "test.finished");
    assert_eq!(tests.len(), TEMPLATES.len(), "each page, and nothing of what is for pytest");
}

#[test]
fn every_page_passes_its_own_tests() {
    let Ok(python) = kit::venv("testfan") else { return };
    let folder = gallery();
    let mut pytest = Command::new(python);
    pytest.args([
        "-m",
        "pytest",
        "-q",
        "-p",
        "pyweb.plugin",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
    ]);
    pytest.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("python"));
    pytest.env("PYTHONDONTWRITEBYTECODE", "1").env("PYWEB_BIN", kit::binary("pyweb"));
    let ran = kit::run_within(pytest.current_dir(folder.path()), LIMIT).exits(0);
    assert!(ran.stdout.contains(" passed in ") && !ran.stdout.contains("skipped"), "{}", ran.stdout);
}

#[test]
fn the_folder_gives_the_page_its_title() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("deep/Me & <you>");
    let ran = kit::run(pyweb(&["new"]).arg(&root)).exits(0);
    let records = kit::records("pyweb", &ran.stdout);
    let [made] = kit::of_type(&records, "pyweb.project.created")[..] else { unreachable!("{}", ran.stdout) };
    assert_eq!((&made["template"], &made["interpreter"]), (&"hello".into(), &"mpy".into()));
    let files = made["files"].as_array().unwrap();
    assert!(files.iter().all(|name| root.join(name.as_str().unwrap()).is_file()), "{made}");
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), files.len(), "nothing else");
    let page = std::fs::read_to_string(root.join("index.html")).unwrap();
    assert!(page.contains("<title>Me &amp; &lt;you></title>") && page.contains("type=\"mpy\""), "{page}");
}

#[test]
fn an_empty_folder_is_filled_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    kit::run(pyweb(&["new", ".", "--py", "--worker"]).current_dir(folder.path())).exits(0);
    let page = std::fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(page.contains("type=\"py\" src=\"main.py\" worker>"), "{page}");
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    assert!(page.contains(&format!("<title>{name}</title>")), "{page}");
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "full/a.txt", "mine");
    write(folder.path(), "file", "mine");
    for (args, said) in [
        (&["full"][..], "full is not empty"),
        (&["file"], "file is not a folder"),
        (&["new", "--template", "sqlite", "--mpy"], "sqlite does not come with --mpy"),
        (&["new", "--template", "clock", "--worker"], "clock does not come with --worker"),
        (&["new", "--py", "--mpy"], "cannot be used with"),
        (&["new", "--template", "none"], "invalid value 'none'"),
        (&["/proc/none/new"], "failed to create"),
    ] {
        let ran = kit::run(pyweb(&["new"]).args(args).current_dir(folder.path())).exits(2);
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        let mut left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["file", "full"], "{args:?}");
        assert_eq!(std::fs::read_dir(folder.path().join("full")).unwrap().count(), 1);
    }
}
