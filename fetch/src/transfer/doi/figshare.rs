//! figshare's answers about an article and its files. Must not know how it is asked.
//!
//! <https://docs.figshare.com/#public_article>

use serde::Deserialize;

use super::BadAnswer;
use super::record::DataFile;

/// How many files an article names itself; where it has so many, there may be more.
pub const IN_ARTICLE: usize = 10;
/// How many files a page lists: as many as it can.
pub const PAGE: usize = 1000;

#[derive(Deserialize)]
struct Article {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Found {
    id: u64,
}

#[derive(Deserialize)]
struct File {
    name: String,
    download_url: String,
    computed_md5: Option<String>,
    supplied_md5: Option<String>,
    is_link_only: Option<bool>,
}

/// The files in an article or in a version of one.
pub fn article(json: &[u8]) -> Result<Vec<DataFile>, BadAnswer> {
    let article: Article = serde_json::from_slice(json)?;
    Ok(article.files.into_iter().map(data_file).collect())
}

/// The files on a page of an article's list.
pub fn files(json: &[u8]) -> Result<Vec<DataFile>, BadAnswer> {
    let files: Vec<File> = serde_json::from_slice(json)?;
    Ok(files.into_iter().map(data_file).collect())
}

/// The number of the first article in the answer to a search.
pub fn search(json: &[u8]) -> Result<Option<u64>, BadAnswer> {
    let found: Vec<Found> = serde_json::from_slice(json)?;
    Ok(found.first().map(|article| article.id))
}

/// The version that a DOI names: 2 of `10.6084/m9.figshare.14763051.v2`. Without one the newest is meant.
pub fn version(doi: &str) -> Option<u64> {
    let (_, last) = doi.rsplit_once('.')?;
    let digits = last.strip_prefix(['v', 'V'])?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn data_file(file: File) -> DataFile {
    // Of what lies elsewhere figshare has no bytes, so that its digest is somebody's word.
    let own = file.is_link_only != Some(true);
    let given = |md5: &Option<String>| md5.as_deref().and_then(|md5| format!("md5:{md5}").parse().ok());
    let digest = given(&file.computed_md5).or_else(|| given(&file.supplied_md5)).filter(|_| own);
    DataFile { name: file.name, link: file.download_url, digest }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn a_version_is_the_end_of_the_doi() {
        assert_eq!(version("10.6084/m9.figshare.14763051.v2"), Some(2));
        assert_eq!(version("10.1184/R1/123.V10"), Some(10));
        for none in [
            "10.6084/m9.figshare.14763051",
            "10.1/x.v",
            "10.1/x.v1a",
            "10.1/x.v+1",
            "10.1/v1",
            "10.1/x.v99999999999999999999",
        ] {
            assert_eq!(version(none), None, "{none}");
        }
    }
}
