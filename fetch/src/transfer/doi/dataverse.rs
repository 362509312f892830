//! A Dataverse's answer about a dataset. Must not know how it is asked.
//!
//! <https://guides.dataverse.org/en/latest/api/native-api.html#get-json-representation-of-a-dataset>

use serde::Deserialize;

use super::BadAnswer;
use super::record::DataFile;
use crate::hash::{Algorithm, Digest};
use crate::source::Address;

#[derive(Deserialize)]
struct Answer {
    data: Dataset,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dataset {
    latest_version: Version,
}

#[derive(Deserialize)]
struct Version {
    files: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    label: Option<String>,
    directory_label: Option<String>,
    data_file: File,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    id: u64,
    filename: Option<String>,
    original_file_name: Option<String>,
    original_file_format: Option<String>,
    #[serde(default)]
    tabular_data: bool,
    checksum: Option<Checksum>,
    md5: Option<String>,
}

#[derive(Deserialize)]
struct Checksum {
    #[serde(rename = "type")]
    algorithm: String,
    value: String,
}

/// The files in the answer to `/api/datasets/:persistentId` of the Dataverse at `origin`.
///
/// A table that was taken in is there twice: as it was given, with the checksum, and rewritten as a `.tab`, of which a
/// Dataverse tells no checksum: what it tells is that of the original.
pub fn dataset(json: &[u8], origin: &Address) -> Result<Vec<DataFile>, BadAnswer> {
    let answer: Answer = serde_json::from_slice(json)?;
    let mut files = Vec::new();
    for Entry { label, directory_label, data_file: file } in answer.data.latest_version.files {
        let nameless = || BadAnswer::Json(format!("the file {} has neither `filename` nor `label`", file.id));
        let name = file.filename.as_ref().or(label.as_ref()).ok_or_else(nameless)?;
        let folder = directory_label
            .as_deref()
            .map(|folder| folder.trim_matches('/'))
            .filter(|folder| !folder.is_empty());
        let placed = |name: &str| folder.map_or(name.to_owned(), |folder| format!("{folder}/{name}"));
        let link = origin.join("api/access/datafile").join(&file.id.to_string());
        let rewritten =
            file.tabular_data || file.original_file_name.is_some() || file.original_file_format.is_some();
        if !rewritten {
            files.push(DataFile { name: placed(name), link: link.exact(), digest: digest(&file) });
            continue;
        }
        let original = file.original_file_name.as_ref().map(|original| DataFile {
            name: placed(original),
            link: link.with_query(&[("format", "original")]).exact(),
            digest: digest(&file),
        });
        if file.original_file_name.as_ref() != Some(name) {
            files.push(DataFile { name: placed(name), link: link.exact(), digest: None });
        }
        files.extend(original);
    }
    Ok(files)
}

fn digest(file: &File) -> Option<Digest> {
    let named = |checksum: &Checksum| {
        let algorithm: Algorithm = checksum.algorithm.parse().ok()?;
        format!("{algorithm}:{}", checksum.value).parse().ok()
    };
    let old = || format!("md5:{}", file.md5.as_deref()?).parse().ok();
    file.checksum.as_ref().and_then(named).or_else(old)
}
