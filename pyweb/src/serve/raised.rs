//! The Python errors that pages tell of: from a traceback as a browser has it to the site's own file and line.
//! Must not know how they are shown.

use std::cell::RefCell;
use std::pin::Pin;

use common::below;
use hyper::Method;
use hyper::body::{Body, Incoming};
use hyper::header;
use lol_html::{RewriteStrSettings, element, rewrite_str, text};
use serde::Deserialize;

use super::OWN;
use super::answer::Asked;
use super::site::{Meant, Site};
use crate::events::Record;
use crate::page::find;
use crate::reduce::sources::Sources;
use crate::reduce::traceback;

/// The longest report in bytes.
const LONGEST: usize = 256 * 1024;

/// What a page tells.
#[derive(Debug, Deserialize)]
struct Report {
    /// The path of its URL.
    page: String,
    /// The traceback.
    text: String,
}

/// Whether a page of this server tells of an error: no other site may.
pub fn is_report(asked: &Asked) -> bool {
    let own = asked.header(header::HOST).map(|host| format!("http://{host}"));
    asked.method == Method::POST
        && asked.path.strip_prefix(OWN) == Some("raised")
        && own.is_some()
        && asked.header(header::ORIGIN) == own.as_deref()
}

/// The body of a request, unless it is too long or breaks off.
pub async fn read(body: &mut Incoming) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        if let Ok(data) = frame.ok()?.into_data() {
            read.extend_from_slice(&data);
        }
        if read.len() > LONGEST {
            return None;
        }
    }
    Some(read)
}

/// The error of a report.
pub fn raised(site: &Site, report: &[u8]) -> Option<Record> {
    let Report { page, text } = serde_json::from_slice(report).ok()?;
    let Meant::File(named) = site.find(&below::parts(&page)?, page.ends_with('/')) else { return None };
    let html = std::io::read_to_string(&named.file).ok()?;
    let mut sources = Sources::new(find::python_files(site.root()));
    // What Pyodide and MicroPython call code that came from no file. Of several scripts none can be told from another.
    let interpreter = if text.contains("\"<stdin>\"") { "mpy" } else { "py" };
    if let [script] = scripts(&html, interpreter).as_slice() {
        let file = script.src.as_deref().map_or_else(|| named.path.clone(), |src| beside(&named.path, src));
        sources.add(&file, 1, script.line, u32::MAX);
    }
    let traceback = traceback::parse(&text);
    let mut frames = traceback.frames.iter().rev();
    let place = frames.find_map(|frame| sources.locate(&frame.file, frame.line));
    let (file, line) = place.unwrap_or((named.path, 0));
    Some(Record::PythonRaised { file, line, message: traceback.message, traceback: text })
}

/// A script of the page that runs in the page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Script {
    src: Option<String>,
    /// Where its text begins, from 1.
    line: u32,
}

/// The scripts of one interpreter.
fn scripts(html: &str, interpreter: &str) -> Vec<Script> {
    let selector =
        format!("script[type=\"{interpreter}\"]:not([worker]), {interpreter}-script:not([worker])");
    let found: RefCell<Vec<(Script, String)>> = RefCell::default();
    let settings = RewriteStrSettings::new()
        .append_element_content_handler(element!(selector, |element| {
            let src = element.get_attribute("src");
            // PyScript leaves out a line that ends right behind the tag.
            let start = element.source_location().bytes().end;
            let skipped = usize::from(src.is_none() && html[start..].starts_with('\n'));
            let line = if src.is_some() { 1 } else { html[..start + skipped].matches('\n').count() + 1 };
            let script = Script { src, line: u32::try_from(line).unwrap_or(u32::MAX) };
            found.borrow_mut().push((script, String::new()));
            Ok(())
        }))
        .append_element_content_handler(text!(selector, |chunk| {
            if let Some((_, text)) = found.borrow_mut().last_mut() {
                *text += chunk.as_str();
            }
            Ok(())
        }));
    if rewrite_str(html, settings).is_err() {
        return Vec::new();
    }
    let empty = |(script, text): &(Script, String)| script.src.is_none() && text.trim().is_empty();
    found.into_inner().into_iter().filter(|found| !empty(found)).map(|(script, _)| script).collect()
}

/// The path from the root of what the page at `page` calls `src`.
fn beside(page: &str, src: &str) -> String {
    let joined =
        url::Url::parse("http://localhost/").and_then(|root| root.join(page)).and_then(|page| page.join(src));
    joined.map_or_else(|_| src.to_owned(), |url| url.path().trim_start_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_the_page_are_told_from_others() {
        let html = "<script type=\"py\" src=\"./main.py\"></script>\n<script type='mpy'>\na = 1\n</script>\n\
            <py-script> b = 2</py-script><script type=\"py\"> </script><script type=\"py\" worker>c</script>";
        let main = Script { src: Some("./main.py".into()), line: 1 };
        assert_eq!(scripts(html, "py"), [main, Script { src: None, line: 5 }]);
        assert_eq!(scripts(html, "mpy"), [Script { src: None, line: 3 }]);
        assert_eq!(beside("a/b.html", "../lib/x.py"), "lib/x.py");
    }
}
