//! Archives and compressed files, unpacked by `get --process` and by `extract`.

mod damage;
mod hostile;
mod kills;
mod kinds;
mod members;
mod trees;

use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::World;

/// A tar archive of files.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_500_000_000);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// A zip archive of files.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// The records of one type.
fn of<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["type"] == kind).collect()
}

/// What `fetch.file.extracted` says came out, relative to `folder`.
fn extracted(records: &[Value], folder: &Path) -> Vec<String> {
    let path = |record: &Value| Path::new(record["path"].as_str().unwrap()).to_owned();
    let below = |record: &&Value| path(record).strip_prefix(folder).unwrap().to_string_lossy().into_owned();
    of(records, "fetch.file.extracted").iter().map(below).collect()
}

/// Runs a program in the world's folder, which must end well.
#[track_caller]
fn run(world: &World, program: &str, args: &[&str]) {
    kit::run(Command::new(program).args(args).current_dir(world.folder.path())).exits(0);
}
