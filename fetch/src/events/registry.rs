//! The records of `fetch registry` and `fetch hash`. Must not know how they are shown.

use common::record::RecordPath;
use schemars::JsonSchema;
use serde::Serialize;

use crate::registry::State;

/// `fetch.file.hashed`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileHashed {
    /// For `fetch registry make`: its name in the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The file, as named.
    #[serde(flatten)]
    pub path: RecordPath,
    /// Its digest as algorithm, `:` and hexadecimal digits.
    pub digest: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// `fetch.entry.checked`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EntryChecked {
    /// Its name in the registry.
    pub name: String,
    /// Where it lies or should.
    #[serde(flatten)]
    pub path: RecordPath,
    /// How it is with it.
    pub state: State,
    /// The digest that the registry has for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The digest that it has, by the same algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// Its size in bytes, when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
}

/// `fetch.registry.written`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RegistryWritten {
    /// The registry, as named.
    #[serde(flatten)]
    pub path: RecordPath,
    /// How many entries it has.
    pub entries: u64,
}

/// `fetch.entry.converted`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EntryConverted {
    /// The file's name.
    pub name: String,
    /// Its digest as algorithm, `:` and hexadecimal digits.
    pub digest: String,
    /// Where it can be got, best first, without user, password and tokens.
    pub urls: Vec<String>,
}
