//! Compiled code is kept, used again, and never trusted blindly.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Page;

const WASM: &str = "http://localhost/big.wasm";
const MODULE: &str = "http://localhost/big.js";

/// A module of each kind, big enough to be kept.
fn page(folder: &Path) -> Page {
    let mut functions = String::new();
    let mut exports = String::new();
    for index in 0..3000 {
        write!(functions, "(func (export \"f{index}\") (result i32) i32.const {index})").unwrap();
        writeln!(exports, "export const f{index} = () => {index};").unwrap();
    }
    Page::new().wasm(WASM, &format!("(module {functions})")).module(MODULE, &exports).cache(folder)
}

fn use_both(folder: &Path) -> String {
    let script = format!("print(load('{WASM}').f2999()); import('{MODULE}').then((m) => print(m.f2999()))");
    page(folder).run(&script).text()
}

fn kept(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> =
        entries.map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap())).collect();
    files.sort();
    files
}

#[test]
fn code_is_compiled_once() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(use_both(folder.path()), "2999\n2999");
    let first = kept(folder.path());
    let kinds: Vec<_> = first.iter().map(|(path, _)| path.extension().unwrap().to_owned()).collect();
    assert!(kinds.contains(&"cwasm".into()) && kinds.contains(&"qbc".into()), "{kinds:?}");
    assert_eq!(use_both(folder.path()), "2999\n2999");
    assert_eq!(kept(folder.path()), first, "the second run wrote nothing");
}

#[test]
fn damaged_files_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(use_both(folder.path()), "2999\n2999");
    for (path, _) in kept(folder.path()) {
        let mut bytes = std::fs::read(&path).unwrap();
        let whole = bytes.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        for damage in [&bytes[..], &bytes[..middle], b"", b"not ours at all"] {
            std::fs::write(&path, damage).unwrap();
            assert_eq!(use_both(folder.path()), "2999\n2999");
            assert_eq!(std::fs::read(&path).unwrap().len(), whole.len());
        }
    }
}

#[test]
fn a_folder_that_cannot_be_made_only_costs_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    assert_eq!(use_both(&file.join("below")), "2999\n2999");
}
