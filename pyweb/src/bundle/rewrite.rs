//! A page with its planned changes made, and every other byte as it was. Must not decide anything.

use lol_html::html_content::{ContentType, Element};
use lol_html::{RewriteStrSettings, element, rewrite_str};

use super::plan::{Edit, Edits};
use crate::error::BundleError;

/// The page at `path` with `edits` made.
pub fn rewrite(path: &str, html: &str, edits: &Edits) -> Result<String, BundleError> {
    let mut count = 0;
    let settings = RewriteStrSettings::new().append_element_content_handler(element!("*", |element| {
        for edit in edits.get(&count).into_iter().flatten() {
            apply(element, edit)?;
        }
        count += 1;
        Ok(())
    }));
    rewrite_str(html, settings).map_err(|cause| BundleError::html(path, cause))
}

fn apply(element: &mut Element, edit: &Edit) -> Result<(), lol_html::errors::AttributeNameError> {
    match edit {
        // Quotes are escaped by `set_attribute`, ampersands are not.
        Edit::Attribute(name, value) => element.set_attribute(name, &value.replace('&', "&amp;"))?,
        Edit::Remove(name) => element.remove_attribute(name),
        Edit::Before(html) => element.before(html, ContentType::Html),
        Edit::After(html) => element.after(html, ContentType::Html),
        Edit::Prepend(html) => element.prepend(html, ContentType::Html),
        Edit::Content(content) => element.set_inner_content(content, ContentType::Html),
    }
    Ok(())
}
