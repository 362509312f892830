//! `pyweb new` and `pyweb serve` from outside: by curl, by raw connections, by a real browser.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod chromium;
mod live;
mod new;
mod serve;

use std::fs;
use std::path::Path;
use std::process::Command;

use kit::{Serving, curl};

/// What a browser says when it shows a page.
const VISIT: &str = "Accept: text/html,*/*;q=0.8";

/// A folder with these files.
fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn pyweb(args: &[&str]) -> Command {
    let mut command = Command::new(kit::binary("pyweb"));
    command.args(args);
    command
}

/// A running server of the site in `root`.
fn serve(root: &Path) -> Serving {
    Serving::start("pyweb", pyweb(&["serve", "--port", "0", "--format", "jsonl"]).arg(root))
}

/// A page as a browser gets it.
fn visit(serving: &Serving, path: &str) -> String {
    curl(&["-H", VISIT, &serving.url(path)])
}
