//! What is to be done with a file once it is there. Must not know how.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::archive::{ArchiveError, Kind, Selection};

/// How to unpack a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// As what.
    pub kind: ProcessKind,
    /// Which members of an archive; all of them when empty.
    pub members: Selection,
    /// Into which folder, relative to that of the archive; without, one beside it that is named after it.
    pub extract_dir: Option<String>,
    /// What the content of a compressed file is called; without, as the file with `.decomp` behind.
    pub name: Option<String>,
}

/// As what a file is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ProcessKind {
    /// A zip archive, into FILE.unzip/
    Unzip,
    /// A tar archive, compressed or not, into FILE.untar/
    Untar,
    /// A single file compressed with gzip, bzip2, xz or zstd, as FILE.decomp
    Decompress,
    /// What its content says; a file that is none of these stays as it is
    Auto,
}

impl ProcessKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            ProcessKind::Unzip => "unzip",
            ProcessKind::Untar => "untar",
            ProcessKind::Decompress => "decompress",
            ProcessKind::Auto => "auto",
        }
    }

    /// The kind of archive that it is for; nothing when the content says it.
    pub fn archive(self) -> Option<Kind> {
        match self {
            ProcessKind::Unzip => Some(Kind::Unzip),
            ProcessKind::Untar => Some(Kind::Untar),
            ProcessKind::Decompress => Some(Kind::Decompress),
            ProcessKind::Auto => None,
        }
    }
}

impl FromStr for ProcessKind {
    type Err = String;

    fn from_str(word: &str) -> Result<ProcessKind, String> {
        let all = [ProcessKind::Unzip, ProcessKind::Untar, ProcessKind::Decompress, ProcessKind::Auto];
        let found = all.into_iter().find(|kind| kind.word() == word);
        found.ok_or_else(|| format!("{word:?} is none of unzip, untar, decompress, auto"))
    }
}

impl Process {
    /// Unpacks the members of these names.
    pub fn new<'a>(
        kind: ProcessKind,
        members: impl IntoIterator<Item = &'a str>,
        extract_dir: Option<String>,
    ) -> Result<Process, ArchiveError> {
        Ok(Process { kind, members: Selection::new(members)?, extract_dir, name: None })
    }

    /// From the JSON key `process`: a word, or an object with `kind` and what else is wanted.
    pub fn from_json(value: Value) -> Result<Process, String> {
        let mut object = match value {
            Value::String(word) => Map::from_iter([("kind".to_owned(), Value::String(word))]),
            Value::Object(object) => object,
            _ => return Err("\"process\" is neither a string nor an object".into()),
        };
        let mut text = |key: &str| match object.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{key:?} of \"process\" is not a string")),
        };
        let kind = text("kind")?.ok_or("\"process\" has no \"kind\"")?.parse()?;
        let (extract_dir, name) = (text("extract_dir")?, text("name")?);
        let members = match object.remove("members") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(members)) => members,
            Some(_) => return Err("\"members\" of \"process\" is not an array of strings".into()),
        };
        if let Some(key) = object.keys().next() {
            return Err(format!("\"process\" has the unknown key {key:?}"));
        }
        let members: Option<Vec<&str>> = members.iter().map(Value::as_str).collect();
        let members = members.ok_or("\"members\" of \"process\" is not an array of strings")?;
        let process = Process::new(kind, members, extract_dir).map_err(|error| error.to_string())?;
        Ok(Process { name, ..process })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_word_and_an_object_say_the_same() {
        let word = Process::from_json(json!("untar"));
        assert_eq!(word, Process::from_json(json!({"kind": "untar", "members": null, "name": null})));
        assert_eq!(word.map(|process| process.kind), Ok(ProcessKind::Untar));
        let members = Process::from_json(json!({"kind": "auto", "members": ["a", "b/"], "extract_dir": "x"}));
        assert_eq!(
            members,
            Process::new(ProcessKind::Auto, ["b", "a"], Some("x".into())).map_err(|e| e.to_string())
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for value in [
            json!(1),
            json!("unrar"),
            json!({}),
            json!({"kind": "untar", "member": "a"}),
            json!({"kind": "untar", "members": "a"}),
            json!({"kind": "untar", "members": [1]}),
            json!({"kind": "untar", "members": ["../a"]}),
            json!({"kind": "untar", "extract_dir": 1}),
        ] {
            assert!(Process::from_json(value.clone()).is_err(), "{value}");
        }
    }
}
