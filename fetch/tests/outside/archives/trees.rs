//! Any tree survives being packed and unpacked.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use zip::write::SimpleFileOptions;

use crate::{World, files};

type Tree = BTreeMap<String, Vec<u8>>;

/// Names of up to four parts, none of which is both a file and a folder; contents of up to some blocks.
fn trees() -> impl Strategy<Value = Tree> {
    let part = "[a-zA-Z0-9 ._\\-äß€:\"'*]{1,24}"
        .prop_filter("no part of a path", |part| part != "." && part != "..");
    let name = proptest::collection::vec(part, 1..5).prop_map(|parts| {
        let (file, folders) =
            parts.split_last().map(|(file, folders)| (format!("{file}.f"), folders)).unwrap_or_default();
        let folders = folders.iter().map(|folder| format!("{folder}.d"));
        folders.chain([file]).collect::<Vec<_>>().join("/")
    });
    let content = proptest::collection::vec(any::<u8>(), 0..2000);
    proptest::collection::btree_map(name, content, 0..12)
}

fn tar_of(tree: &Tree) -> Vec<u8> {
    super::tar(&tree.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect::<Vec<_>>())
}

fn zip_of(tree: &Tree) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in tree {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn any_tree_comes_out_as_it_went_in() {
    let world = World::new();
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let result = runner.run(&trees(), |tree| {
        for (name, archive) in
            [("t.tar", tar_of(&tree)), ("t.tar.gz", super::gzip(&tar_of(&tree))), ("t.zip", zip_of(&tree))]
        {
            let _ = std::fs::remove_dir_all(world.path("out"));
            std::fs::write(world.path(name), archive).unwrap();
            kit::run(&mut world.fetch(&["extract", name, "--to", "out"])).exits(0);
            let read = |path: String| (path.clone(), std::fs::read(world.path("out").join(path)).unwrap());
            let out: Tree = files(&world.path("out")).into_iter().map(read).collect();
            prop_assert_eq!(&out, &tree, "{}", name);
        }
        Ok(())
    });
    result.unwrap();
}
