//! The answers of an `InvenioRDM` about a record and its files. Must not know how it is asked.
//!
//! <https://inveniordm.docs.cern.ch/reference/rest_api_drafts_records/>

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::BadAnswer;
use super::record::DataFile;
use crate::hash::Digest;
use crate::source::Address;

#[derive(Deserialize)]
struct Record {
    files: Files,
    #[serde(default)]
    access: Access,
}

#[derive(Deserialize, Default)]
struct Access {
    files: Option<String>,
}

#[derive(Deserialize)]
struct Files {
    enabled: Option<bool>,
    entries: Option<Entries>,
}

/// A list in answers about files, by name in answers about records.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entries {
    List(Vec<Entry>),
    ByName(BTreeMap<String, Entry>),
}

#[derive(Deserialize)]
struct Entry {
    key: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize, Default)]
struct Links {
    content: Option<String>,
}

/// The number or name of a record.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Id {
    Number(u64),
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Number(number) => number.fmt(f),
            Id::Text(text) => text.fmt(f),
        }
    }
}

/// The files in the answer that came from `address`, `…/api/records/ID`; nothing when they must be asked for apart.
pub fn record(json: &[u8], address: &Address) -> Result<Option<Vec<DataFile>>, BadAnswer> {
    let Record { files: record, access } = serde_json::from_slice(json)?;
    if access.files.is_some_and(|access| access == "restricted") {
        return Err(BadAnswer::Restricted);
    }
    match (record.enabled, record.entries) {
        (Some(false), _) => Ok(Some(Vec::new())),
        (_, Some(entries)) => files_of(entries, &address.join("files")).map(Some),
        (_, None) => Ok(None),
    }
}

/// The files in the answer that came from `address`, `…/api/records/ID/files`.
pub fn files(json: &[u8], address: &Address) -> Result<Vec<DataFile>, BadAnswer> {
    let files: Files = serde_json::from_slice(json)?;
    files_of(files.entries.ok_or_else(|| BadAnswer::Json("missing field `entries`".into()))?, address)
}

/// The digest of a file: `md5:…`, or md5 without its name.
pub(super) fn digest(checksum: &str) -> Option<Digest> {
    let named = if checksum.contains(':') { checksum.to_owned() } else { format!("md5:{checksum}") };
    named.parse().ok()
}

fn files_of(entries: Entries, address: &Address) -> Result<Vec<DataFile>, BadAnswer> {
    let named: Vec<(Option<String>, Entry)> = match entries {
        Entries::List(list) => list.into_iter().map(|entry| (None, entry)).collect(),
        Entries::ByName(map) => map.into_iter().map(|(name, entry)| (Some(name), entry)).collect(),
    };
    let file = |(name, entry): (Option<String>, Entry)| {
        let name = entry.key.or(name).ok_or_else(|| BadAnswer::Json("a file has no `key`".into()))?;
        let own = || address.join(&name).join("content").exact();
        let link = entry.links.content.unwrap_or_else(own);
        Ok(DataFile { digest: entry.checksum.as_deref().and_then(digest), link, name })
    };
    named.into_iter().map(file).collect()
}
