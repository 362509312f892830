//! Folders as lists: a page for people, JSON for programs, pooch's registry for who wants to get all of it. Must not
//! know HTTP.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::PoisonError;

use common::below::{Found, encode};
use common::term::bytes;
use jiff::Timestamp;
use serde::Serialize;

use super::folder::Folder;
use crate::cache::Stamp;
use crate::hash::{Algorithm, Hasher};
use crate::source::registry;

/// Digests by file system and stamp, so that a registry asked for again costs no hashing.
pub type Digests = HashMap<(u64, u64), (Stamp, String)>;

/// One entry of a folder.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Its name; what is not UTF-8 in it is replaced.
    name: String,
    /// Its name as a relative URL.
    url: String,
    /// `file` or `folder`.
    kind: &'static str,
    /// Its size in bytes; nothing for a folder.
    size_bytes: Option<u64>,
    /// When it was last written, as RFC 3339 in UTC.
    modified: Option<String>,
}

/// What a folder shows: files and folders that can be got, folders first, both by name.
pub fn entries(folder: &Folder, opened: &File, parts: &[Vec<u8>]) -> io::Result<Vec<Entry>> {
    let entry = |(name, found): (Vec<u8>, Found)| {
        let folder = matches!(found, Found::Folder(_));
        let metadata = match found {
            Found::File(_, metadata) => Some(metadata),
            Found::Folder(file) => file.metadata().ok(),
        };
        let modified =
            metadata.as_ref().and_then(|metadata| Timestamp::try_from(metadata.modified().ok()?).ok());
        Entry {
            name: String::from_utf8_lossy(&name).into_owned(),
            url: format!("./{}{}", encode(&name), if folder { "/" } else { "" }),
            kind: if folder { "folder" } else { "file" },
            size_bytes: metadata.filter(|_| !folder).map(|metadata| metadata.len()),
            modified: modified.and_then(|at| at.round(jiff::Unit::Second).ok()).map(|at| at.to_string()),
        }
    };
    let mut entries: Vec<Entry> = found(folder, opened, parts)?.map(entry).collect();
    entries.sort_by(|one, two| (two.kind, &one.name).cmp(&(one.kind, &two.name)));
    Ok(entries)
}

/// The entries as JSON.
pub fn json(entries: &[Entry]) -> String {
    serde_json::json!({"entries": entries}).to_string() + "\n"
}

/// The registry of all files below a folder, sorted by name; the folder's own URL is its base.
pub fn registry(folder: &Folder, parts: &[Vec<u8>]) -> io::Result<String> {
    let mut lines = Vec::new();
    below(folder, parts, parts.len(), &mut HashSet::new(), &mut lines)?;
    lines.sort();
    Ok(lines.into_iter().map(|(name, digest)| registry::line(&name, &digest, None) + "\n").collect())
}

/// Adds the files below a folder; each folder once, so that links cannot lead in circles.
fn below(
    folder: &Folder,
    parts: &[Vec<u8>],
    skip: usize,
    seen: &mut HashSet<(u64, u64)>,
    lines: &mut Vec<(String, String)>,
) -> io::Result<()> {
    let Found::Folder(opened) = folder.find(parts)? else { return Ok(()) };
    let metadata = opened.metadata()?;
    if !seen.insert((metadata.dev(), metadata.ino())) {
        return Ok(());
    }
    for (name, found) in found(folder, &opened, parts)? {
        let path = [parts, &[name]].concat();
        match found {
            Found::Folder(_) => below(folder, &path, skip, seen, lines)?,
            Found::File(file, metadata) => {
                // A registry is text: names that are not, or that would end its line, have no place in it.
                let Ok(name) = String::from_utf8(path[skip..].join(&b'/')) else { continue };
                if !name.chars().any(char::is_control) {
                    lines.push((name, digest(folder, &file, &metadata)?));
                }
            }
        }
    }
    Ok(())
}

/// What can be got below a folder: links count as what they lead to, where they may.
fn found(
    folder: &Folder,
    opened: &File,
    parts: &[Vec<u8>],
) -> io::Result<impl Iterator<Item = (Vec<u8>, Found)>> {
    Ok(Folder::names(opened)?.into_iter().filter_map(move |name| {
        let found = folder.find(&[parts, std::slice::from_ref(&name)].concat()).ok()?;
        Some((name, found))
    }))
}

fn digest(folder: &Folder, file: &File, metadata: &Metadata) -> io::Result<String> {
    let (key, stamp) = ((metadata.dev(), metadata.ino()), Stamp::from(metadata));
    let digests = || folder.digests.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, digest)) = digests().get(&key).filter(|(known, _)| *known == stamp) {
        return Ok(digest.clone());
    }
    let (computed, _) = Hasher::new([Algorithm::Sha256]).read(file)?;
    let digest: String = computed.iter().map(ToString::to_string).collect();
    digests().insert(key, (stamp, digest.clone()));
    Ok(digest)
}

/// The page of a folder.
pub fn page(parts: &[Vec<u8>], entries: &[Entry]) -> String {
    let path: String = parts.iter().map(|part| format!("/{}", String::from_utf8_lossy(part))).collect();
    let title = escape(&format!("{path}/"));
    let mut rows = String::new();
    if !parts.is_empty() {
        rows += "<tr><td><a href=\"../\">../</a><td><td>\n";
    }
    for Entry { name, url, kind, size_bytes, modified } in entries {
        let slash = if *kind == "folder" { "/" } else { "" };
        let size = size_bytes.map(bytes).unwrap_or_default();
        let modified = modified.as_deref().unwrap_or_default().replace('T', " ").replace('Z', "");
        let (url, name) = (escape(url), escape(name));
        // Writing to a string cannot fail.
        let _ = writeln!(rows, "<tr><td><a href=\"{url}\">{name}{slash}</a><td>{size}<td>{modified}");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n\
         <table>\n{rows}</table>\n<p><a href=\"?registry\">registry</a> <a href=\"?json\">json</a>\n"
    )
}

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.25rem;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%}\
td{padding:.15rem .75rem .15rem 0;border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent)}\
td:first-child{overflow-wrap:anywhere}\
td+td{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;opacity:.75}\
a{text-decoration:none}a:hover{text-decoration:underline}p{font-size:.85rem}";

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
