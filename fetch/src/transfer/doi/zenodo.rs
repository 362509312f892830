//! Zenodo's answers about a record, in the words it kept from before it became an `InvenioRDM`, and those of autumn 2023.
//! Must not know how it is asked.
//!
//! <https://developers.zenodo.org/#representation12>

use serde::Deserialize;

use super::record::DataFile;
use super::{BadAnswer, invenio};
use crate::source::Address;

#[derive(Deserialize)]
struct Record {
    id: invenio::Id,
    files: Option<Vec<File>>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize, Default)]
struct Metadata {
    access_right: Option<String>,
}

#[derive(Deserialize)]
struct File {
    /// Before and after autumn 2023.
    key: Option<String>,
    /// In autumn 2023.
    filename: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize, Default)]
struct Links {
    content: Option<String>,
    #[serde(rename = "self")]
    itself: Option<String>,
}

/// The files in the answer to `/api/records/ID` of the Zenodo at `base`.
pub fn record(json: &[u8], base: &Address) -> Result<Vec<DataFile>, BadAnswer> {
    let Record { id, files, metadata } = serde_json::from_slice(json)?;
    if files.as_ref().is_none_or(Vec::is_empty) && metadata.access_right.is_some_and(|right| right != "open")
    {
        return Err(BadAnswer::Restricted);
    }
    let files = files.ok_or_else(|| BadAnswer::Json("missing field `files`".into()))?;
    let page = base.join("records").join(&id.to_string());
    let api = base.join("api/records").join(&id.to_string());
    let file = |file: File| {
        let digest = file.checksum.as_deref().and_then(invenio::digest);
        match (file.key, file.filename) {
            (Some(name), _) => {
                let own = || api.join("files").join(&name).join("content").exact();
                let link = file.links.content.or(file.links.itself).unwrap_or_else(own);
                Ok(DataFile { name, link, digest })
            }
            // The links that came with these names led nowhere; pooch, too, goes by the page.
            (None, Some(name)) => {
                let link = page.join("files").join(&name).with_query(&[("download", "1")]).exact();
                Ok(DataFile { name, link, digest })
            }
            (None, None) => Err(BadAnswer::Json("a file has neither `key` nor `filename`".into())),
        }
    };
    files.into_iter().map(file).collect()
}
