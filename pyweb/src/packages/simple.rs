//! A project's page of an index as PEP 503 has it: HTML that links its files. It is what every index speaks, those
//! with PEP 691's JSON too. Must not get anything.

use std::cell::RefCell;
use std::str::FromStr;

use lol_html::{RewriteStrSettings, element, rewrite_str};
use pep440_rs::VersionSpecifiers;
use url::Url;

use super::wheel::file_name;
use crate::bundle::unescape;

/// One file of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub file: String,
    /// Where it is.
    pub url: Url,
    /// Its digest as `fetch` reads it, such as `sha256:…`.
    pub hash: Option<String>,
    /// The Pythons it is for.
    pub requires_python: Option<VersionSpecifiers>,
    /// Its maker has withdrawn it.
    pub yanked: bool,
    /// Its metadata, where that can be got alone.
    pub metadata: Option<MetadataFile>,
}

/// The metadata of a wheel as a file beside it, named as the wheel with `.metadata` after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataFile {
    /// Its digest as `fetch` reads it, when the page tells it.
    pub hash: Option<String>,
}

/// The files that the page at `base` links, in its order; nothing when it is no HTML.
pub fn links(html: &str, base: &Url) -> Option<Vec<Link>> {
    let links = RefCell::new(Vec::new());
    let settings = RewriteStrSettings::new().append_element_content_handler(element!("a[href]", |anchor| {
        let get = |name: &str| anchor.get_attribute(name).map(|value| unescape(&value));
        links.borrow_mut().extend(get("href").and_then(|href| link(base, &href, &get)));
        Ok(())
    }));
    rewrite_str(html, settings).ok()?;
    Some(links.into_inner())
}

fn link(base: &Url, href: &str, get: &dyn Fn(&str) -> Option<String>) -> Option<Link> {
    let mut url = base.join(href).ok()?;
    let hash = url.fragment().and_then(digest);
    url.set_fragment(None);
    let metadata = get("data-core-metadata").or_else(|| get("data-dist-info-metadata"));
    Some(Link {
        file: file_name(url.path()),
        hash,
        // One that cannot be read is as if it were not there, as in pip.
        requires_python: get("data-requires-python").and_then(|text| VersionSpecifiers::from_str(&text).ok()),
        yanked: get("data-yanked").is_some(),
        metadata: metadata.filter(|said| said != "false").map(|said| MetadataFile { hash: digest(&said) }),
        url,
    })
}

/// `sha256=HEX` as `sha256:HEX`.
fn digest(text: &str) -> Option<String> {
    let (algorithm, hex) = text.split_once('=')?;
    let known = algorithm.starts_with("sha") || algorithm.starts_with("blake") || algorithm == "md5";
    known.then(|| format!("{algorithm}:{hex}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn a_link_says_all_that_matters_of_its_file() {
        let page = r#"<!DOCTYPE html><a href="../../files/a-1%2Bx-py3-none-any.whl#sha256=ab"
            data-requires-python="&gt;=3.9" data-core-metadata="sha256=cd">a</a>
            <a href="https://other.example/a-2.tar.gz" data-yanked="">b</a><a>c</a>"#;
        let base = Url::parse("https://index.example/simple/a/").unwrap();
        let links = links(page, &base).unwrap();
        assert_eq!(links.len(), 2);
        assert_eq!(links[0].url.as_str(), "https://index.example/files/a-1%2Bx-py3-none-any.whl");
        assert_eq!(links[0].file, "a-1+x-py3-none-any.whl");
        assert_eq!(links[0].hash.as_deref(), Some("sha256:ab"));
        assert_eq!(links[0].metadata, Some(MetadataFile { hash: Some("sha256:cd".into()) }));
        assert!(links[0].requires_python.as_ref().unwrap().contains(&"3.14".parse().unwrap()));
        assert!(links[1].yanked && links[1].metadata.is_none() && links[1].hash.is_none());
    }
}
