//! A page as it is shown: with PyScript from this server, and told of changes. Must not know HTTP.

use std::path::Path;

use common::Explain;
use serde_json::json;

use super::{OWN, Trouble};
use crate::bundle::served::{self, Served};
use crate::error::BundleError;

/// The script that every page gets.
pub const LIVE: &str = include_str!("../../js/live.js");

/// A page.
#[derive(Debug)]
pub struct Shown {
    /// Its markup.
    pub html: String,
    /// What keeps it from working: its PyScript cannot be taken from here, and the page is as it was written; or the
    /// packages it wants cannot be had.
    pub trouble: Option<Trouble>,
}

/// The page at `path` of the site in `root`, which has the version `since`; `packages` is the trouble with those of
/// all pages.
pub fn shown(root: &Path, path: &str, html: &str, since: &str, packages: Option<Trouble>) -> Shown {
    let (html, trouble) = match served::page(root, path, html) {
        Ok(Served { html, wants_packages }) => (html, packages.filter(|_| wants_packages)),
        Err(error) => (html.to_owned(), Some(trouble(&error))),
    };
    Shown { html: with_live(&html, since, trouble.as_ref()), trouble }
}

fn trouble(error: &BundleError) -> Trouble {
    Trouble { message: error.to_string(), hint: error.hint() }
}

/// `html` with the script that reloads it, on a line that is there, so that all lines keep their numbers.
pub fn with_live(html: &str, since: &str, trouble: Option<&Trouble>) -> String {
    let trouble = trouble.map_or_else(String::new, |trouble| {
        let told = json!({"message": trouble.message, "hint": trouble.hint}).to_string();
        format!(" data-trouble=\"{}\"", escaped(&told))
    });
    let script = format!("<script src=\"{OWN}live.js\" data-since=\"{since}\"{trouble}></script>");
    let at = after_doctype(html);
    [&html[..at], &script, &html[at..]].concat()
}

/// Text as it stands in markup and in attributes.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Where the doctype ends: what comes before it would put browsers into another mode. A script there is in the head,
/// before all others.
fn after_doctype(html: &str) -> usize {
    const DOCTYPE: &str = "<!doctype";
    let mut at = 0;
    loop {
        let rest = &html[at..];
        let trimmed = rest.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        at += rest.len() - trimmed.len();
        if trimmed.get(..DOCTYPE.len()).is_some_and(|start| start.eq_ignore_ascii_case(DOCTYPE)) {
            return trimmed.find('>').map_or(html.len(), |end| at + end + 1);
        }
        let Some(comment) = trimmed.strip_prefix("<!--") else { return 0 };
        let Some(end) = comment.find("-->") else { return 0 };
        at += 4 + end + 3;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_comes_behind_the_doctype_on_its_line() {
        for (html, at) in [
            ("<!DOCTYPE html>\n<html>", 15),
            ("<!-- a > b -->\n<!doctype html><p>", 30),
            ("<p>no doctype", 0),
            ("", 0),
            ("<!doctype", 9),
            ("<!-- without an end", 0),
        ] {
            assert_eq!(after_doctype(html), at, "{html}");
        }
        let page = with_live("<!doctype html>\n<p>", "1.2", None);
        assert_eq!(page, "<!doctype html><script src=\"/@pyweb/live.js\" data-since=\"1.2\"></script>\n<p>");
    }

    #[test]
    fn what_is_wrong_cannot_end_its_attribute() {
        let trouble = BundleError::Config { file: "a\">.html".into(), line: 2, message: "<b>".into() };
        let page = with_live("", "1", Some(&self::trouble(&trouble)));
        assert!(!page.contains("a\">") && !page.contains("<b>"), "{page}");
    }
}
