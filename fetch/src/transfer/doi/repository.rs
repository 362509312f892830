//! Which repository keeps a record, told by the page that its DOI leads to, and what it is asked. Must not know what its
//! answers look like.

use super::{
    BadAnswer, DataFile, DoiProblem, Inquiry, Record, Services, dataverse, figshare, invenio, zenodo,
};
use crate::error::Problem;
use crate::source::Address;
use crate::transfer::Refusal;

/// Article versions are numbered from 1, articles by numbers beyond any count of versions.
const MOST_VERSIONS: u64 = 1000;

/// A repository and where its record is.
#[derive(Debug)]
pub enum Repository {
    /// `zenodo.org`, or whatever stands in for it.
    Zenodo { base: Address, id: String },
    /// `figshare.com`, with its API; without a number the article is looked up by its DOI.
    Figshare { api: Address, article: Option<u64> },
    /// A Dataverse.
    Dataverse { origin: Address },
    /// An `InvenioRDM`.
    Invenio { origin: Address, id: String },
    /// Nothing that could be recognized: perhaps a Dataverse, perhaps the figshare of an institution.
    Unknown { page: Address, figshare: Address },
}

impl Repository {
    /// The repository that a page is of, if its URL tells.
    pub fn by_page(page: &Address, doi: &str, services: &Services) -> Option<Repository> {
        let (host, parts) = (page.authority(), page.parts());
        if ["zenodo.org", "www.zenodo.org", &services.zenodo.authority()].contains(&host.as_str()) {
            let id = parts.iter().rev().find_map(|part| zenodo_id(part)).or_else(|| zenodo_id(doi))?;
            return Some(Repository::Zenodo { base: services.zenodo.clone(), id });
        }
        let at_figshare = host == "figshare.com" || host.ends_with(".figshare.com");
        if at_figshare || host == services.figshare.authority() {
            let article = article_of_doi(doi).or_else(|| article_of_page(&parts));
            return Some(Repository::Figshare { api: services.figshare.clone(), article });
        }
        if page.query("persistentId").is_some() {
            return Some(Repository::Dataverse { origin: page.origin() });
        }
        match parts.as_slice() {
            [records, id, ..] if records == "records" => {
                Some(Repository::Invenio { origin: page.origin(), id: id.clone() })
            }
            _ => None,
        }
    }

    /// What is to be tried when no page's URL told the repository.
    pub fn unknown(page: &Address, services: &Services) -> Repository {
        Repository::Unknown { page: page.clone(), figshare: services.figshare.clone() }
    }

    /// Asks for the record.
    pub fn record(&self, inquiry: &Inquiry<'_>) -> Result<Record, Refusal> {
        match self {
            Repository::Zenodo { base, id } => invenio_record(inquiry, base, id),
            Repository::Figshare { api, article } => figshare_record(inquiry, api, *article),
            Repository::Dataverse { origin } => dataverse_record(inquiry, origin),
            Repository::Invenio { origin, id } => invenio_record(inquiry, origin, id)
                .map_err(|refusal| unless_unknown(refusal, inquiry, origin)),
            Repository::Unknown { page, figshare } => {
                // pooch, too, takes for a Dataverse what answers as one.
                dataverse_record(inquiry, &page.origin()).or_else(|refusal| {
                    // The figshares of institutions have hosts of their own and one API, which knows their DOIs.
                    if page.parts().iter().any(|part| part == "articles") {
                        figshare_record(inquiry, figshare, None)
                    } else {
                        Err(unless_unknown(refusal, inquiry, page))
                    }
                })
            }
        }
    }
}

/// A host that was taken for a repository and does not answer as one is none.
fn unless_unknown(refusal: Refusal, inquiry: &Inquiry<'_>, page: &Address) -> Refusal {
    let none = match &refusal.problem {
        Problem::Doi(DoiProblem::NoRecord { .. } | DoiProblem::BadAnswer { .. }) => true,
        Problem::Doi(DoiProblem::Unanswered { cause, .. }) => !cause.is_transient(),
        _ => false,
    };
    if none {
        DoiProblem::Repository { doi: inquiry.doi.to_owned(), host: page.authority() }.into()
    } else {
        refusal
    }
}

/// Zenodo is an `InvenioRDM` that answers in its older words.
fn invenio_record(inquiry: &Inquiry<'_>, base: &Address, id: &str) -> Result<Record, Refusal> {
    let address = base.join("api/records").join(id);
    let json = inquiry.get(&address)?;
    let files = zenodo::record(&json, base);
    if matches!(files, Ok(_) | Err(BadAnswer::Restricted)) {
        return inquiry.answered(&address, files);
    }
    match invenio::record(&json, &address) {
        Ok(Some(files)) => inquiry.answered(&address, Ok(files)),
        Ok(None) => {
            let address = address.join("files");
            let json = inquiry.get(&address)?;
            inquiry.answered(&address, invenio::files(&json, &address))
        }
        Err(bad) => inquiry.answered(&address, Err(bad)),
    }
}

fn figshare_record(inquiry: &Inquiry<'_>, api: &Address, article: Option<u64>) -> Result<Record, Refusal> {
    let article = if let Some(article) = article {
        article
    } else {
        let address = api.join("articles").with_query(&[("doi", inquiry.doi)]);
        let found = figshare::search(&inquiry.get(&address)?).map_err(|bad| bad.of(&address))?;
        let missing = || DoiProblem::NoRecord { doi: inquiry.doi.to_owned(), host: address.authority() };
        found.ok_or_else(missing)?
    };
    let mut address = api.join("articles").join(&article.to_string());
    if let Some(version) = figshare::version(inquiry.doi) {
        address = address.join("versions").join(&version.to_string());
    }
    let files = figshare::article(&inquiry.get(&address)?);
    match files {
        // An article names its first files only; pooch knows no others.
        Ok(files) if files.len() >= figshare::IN_ARTICLE => figshare_pages(inquiry, &address),
        files => inquiry.answered(&address, files),
    }
}

fn figshare_pages(inquiry: &Inquiry<'_>, article: &Address) -> Result<Record, Refusal> {
    let mut files: Vec<DataFile> = Vec::new();
    for page in 1_u32.. {
        let size = figshare::PAGE.to_string();
        let address = article.join("files").with_query(&[("page", &page.to_string()), ("page_size", &size)]);
        let more = figshare::files(&inquiry.get(&address)?).map_err(|bad: BadAnswer| bad.of(&address))?;
        let last = more.len() < figshare::PAGE;
        files.extend(more);
        if last {
            break;
        }
    }
    inquiry.answered(article, Ok(files))
}

fn dataverse_record(inquiry: &Inquiry<'_>, origin: &Address) -> Result<Record, Refusal> {
    let id = format!("doi:{}", inquiry.doi);
    let address = origin.join("api/datasets/:persistentId").with_query(&[("persistentId", &id)]);
    let json = inquiry.get(&address)?;
    inquiry.answered(&address, dataverse::dataset(&json, origin))
}

/// `3939050` of `3939050`, `zenodo.3939050` and `10.5281/zenodo.3939050`.
fn zenodo_id(text: &str) -> Option<String> {
    let id = text.rsplit_once("zenodo.").map_or(text, |(_, id)| id);
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
}

/// `14763051` of `10.6084/m9.figshare.14763051.v1`.
fn article_of_doi(doi: &str) -> Option<u64> {
    let lower = doi.to_ascii_lowercase();
    let (_, rest) = lower.split_once("figshare.")?;
    rest.split('.').next()?.parse().ok()
}

/// `14763051` of `/articles/dataset/Title/14763051` and `/articles/dataset/Title/14763051/1`.
fn article_of_page(parts: &[String]) -> Option<u64> {
    let numbers: Vec<Option<u64>> =
        parts.iter().skip_while(|part| *part != "articles").map(|part| part.parse().ok()).collect();
    match numbers.as_slice() {
        [.., Some(article), Some(version)] if *version < MOST_VERSIONS => Some(*article),
        [.., last] => *last,
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(page: &str, doi: &str) -> String {
        let parse = |url: &str| Address::parse(url).unwrap_or_else(|bad| unreachable!("{bad}"));
        let services = Services {
            doi: parse("https://doi.org"),
            zenodo: parse("http://z:1"),
            figshare: parse("http://f:1/v2"),
        };
        match Repository::by_page(&parse(page), doi, &services) {
            Some(Repository::Zenodo { base, id }) => format!("zenodo {base} {id}"),
            Some(Repository::Figshare { api, article }) => format!("figshare {api} {article:?}"),
            Some(Repository::Dataverse { origin }) => format!("dataverse {origin}"),
            Some(Repository::Invenio { origin, id }) => format!("invenio {origin} {id}"),
            _ => "unknown".into(),
        }
    }

    #[test]
    fn a_page_tells_its_repository() {
        let zenodo = "10.5281/zenodo.3939050";
        for page in [
            "https://zenodo.org/record/3939050",
            "https://www.zenodo.org/records/3939050",
            "https://zenodo.org/doi/10.5281/zenodo.3939050",
            "http://z:1/records/3939050/latest",
            "https://zenodo.org/",
        ] {
            assert_eq!(known(page, zenodo), "zenodo http://z:1/ 3939050", "{page}");
        }
        let figshare = "figshare http://f:1/v2 Some(14763051)";
        assert_eq!(known("https://figshare.com/x", "10.6084/m9.figshare.14763051.v1"), figshare);
        for page in ["dataset/T/14763051/1", "dataset/2020/14763051", "14763051", "T/14763051/12"] {
            assert_eq!(
                known(&format!("https://cmu.figshare.com/articles/{page}"), "10.1184/R1/1"),
                figshare,
                "{page}"
            );
        }
        assert_eq!(known("https://figshare.com/s/1", "10.1/x"), "figshare http://f:1/v2 None");
        let dataverse = "https://dv.example:8080/citation?persistentId=doi:10.7910/DVN/TJ";
        assert_eq!(known(dataverse, "10.7910/DVN/TJ"), "dataverse https://dv.example:8080/");
        assert_eq!(
            known("https://r.example/records/ab1-cd2?x", "10.1/x"),
            "invenio https://r.example/ ab1-cd2"
        );
        assert_eq!(known("https://evil.example/zenodo.org/record", "10.1/x"), "unknown");
        assert_eq!(known("https://notfigshare.com/articles/1", "10.1/x"), "unknown");
    }
}
