//! A page of PyScript's first releases in the words of today's, line for line. Must not know what the words are;
//! [`super::alpha`] does.

use std::cell::RefCell;

use lol_html::html_content::{ContentType, Element, TextChunk};
use lol_html::{RewriteStrSettings, element, rewrite_str, text};

use super::alpha;
use super::error::BundleError;
use super::survey::unescape;

/// What was changed in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgraded {
    /// The line, from 1.
    pub line: u32,
    /// What, for people.
    pub what: String,
}

/// The page at `path` as today's PyScript understands it, and what was changed.
pub fn upgrade(path: &str, html: &str) -> Result<(String, Vec<Upgraded>), BundleError> {
    let early = ["<py-env", "<py-repl", "pys-on", "py-on", "pyscript.net/", "<py-script"];
    if !early.iter().any(|mark| html.contains(mark)) {
        return Ok((html.to_owned(), Vec::new()));
    }
    let done = RefCell::new(Vec::new());
    let buffer = RefCell::new(String::new());
    let settings = RewriteStrSettings::new()
        .append_element_content_handler(element!("*", |element| {
            let start = element.source_location().bytes().start;
            let newlines = html[..start].matches('\n').count();
            let line = u32::try_from(newlines + 1).unwrap_or(u32::MAX);
            let changes = change(element)?;
            done.borrow_mut().extend(changes.into_iter().map(|what| Upgraded { line, what }));
            Ok(())
        }))
        .append_element_content_handler(text!("py-env, py-repl", |chunk| {
            whole(chunk, &mut buffer.borrow_mut());
            Ok(())
        }));
    let new = rewrite_str(html, settings).map_err(|cause| BundleError::html(path, cause))?;
    Ok((new, done.into_inner()))
}

/// Changes one element; the answer says how.
fn change(element: &mut Element) -> Result<Vec<String>, Box<dyn std::error::Error + Send + Sync>> {
    let mut changes = Vec::new();
    let tag = element.tag_name();
    for (attribute, file) in [("src", "core.js"), ("href", "core.css")] {
        let url = element.get_attribute(attribute).map(|url| unescape(&url));
        if let Some(url) = url.filter(|url| alpha::core_file(url) == Some(file)) {
            element.set_attribute(attribute, &format!("https://pyscript.net/latest/{file}"))?;
            changes.push(format!("{url} is {file} now"));
            if tag == "script" {
                element.set_attribute("type", "module")?;
                element.remove_attribute("defer");
            }
        }
    }
    let attributes: Vec<(String, String)> =
        element.attributes().iter().map(|one| (one.name(), unescape(&one.value()))).collect();
    for (name, value) in attributes {
        if let Some((new, function)) = alpha::handler(&name, &value) {
            element.remove_attribute(&name);
            element.set_attribute(&new, &function)?;
            changes.push(format!("{name} is {new}=\"{function}\" now"));
        } else if name == "output" && matches!(tag.as_str(), "py-script" | "py-repl") {
            element.remove_attribute(&name);
            element.set_attribute("target", &value)?;
            changes.push("output is target now".to_owned());
        }
    }
    if tag == "py-env" {
        element.set_tag_name("py-config")?;
        changes.push("<py-env> is <py-config> now".to_owned());
    } else if tag == "py-repl" {
        element.set_tag_name("script")?;
        element.set_attribute("type", "py-editor")?;
        changes.push("<py-repl> is <script type=\"py-editor\"> now".to_owned());
    }
    Ok(changes)
}

/// Collects the text of an element and writes it in its new form once it is whole.
fn whole(chunk: &mut TextChunk, buffer: &mut String) {
    buffer.push_str(chunk.as_str());
    if !chunk.last_in_text_node() {
        chunk.remove();
        return;
    }
    let text = unescape(&std::mem::take(buffer));
    // A list is an environment's; all else is code of an editor, and a script's text is not escaped.
    let list = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('-'));
    if list && !text.trim().is_empty() {
        // As many lines as before: what comes after keeps its place.
        let lines = "\n".repeat(text.matches('\n').count());
        chunk.replace(&(alpha::environment(&text) + &lines), ContentType::Text);
    } else {
        chunk.replace(&text, ContentType::Html);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn a_page_of_the_alpha_becomes_one_of_today() {
        let page = "<link rel=stylesheet href=https://pyscript.net/alpha/pyscript.css>\n\
            <script defer src=https://pyscript.net/alpha/pyscript.js></script>\n\
            <py-env>\n- six\n- paths:\n  - ./a.py\n</py-env>\n<button pys-onClick=\"add\">x</button>\n\
            <py-repl output=out>if 1 &lt; 2: pass</py-repl>\n<py-script>print(1 &lt; 2)</py-script>";
        let (new, done) = upgrade("a.html", page).unwrap();
        assert!(new.contains(r#"src="https://pyscript.net/latest/core.js" type="module""#), "{new}");
        assert!(new.contains("latest/core.css") && !new.contains("defer"), "{new}");
        assert!(new.contains(r#"<py-config>{"packages":["six"],"files":{"./a.py":""}}"#), "{new}");
        assert!(new.contains(r#"<button py-click="add">x</button>"#), "{new}");
        assert!(new.contains(r#"<script target="out" type="py-editor">if 1 < 2: pass</script>"#), "{new}");
        assert!(new.contains("<py-script>print(1 &lt; 2)</py-script>"), "it is still one: {new}");
        assert_eq!(page.lines().count(), new.lines().count());
        let lines: Vec<u32> = done.iter().map(|done| done.line).collect();
        assert_eq!(lines, [1, 2, 3, 8, 9, 9]);
        assert_eq!(upgrade("a.html", &new).unwrap(), (new, Vec::new()), "once is enough");
    }
}
