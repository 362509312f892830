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

/// The longest report in bytes: a traceback, perhaps with a worker's program.
const LONGEST: usize = 1024 * 1024;

/// What a page tells.
#[derive(Debug, Deserialize)]
struct Report {
    /// The path of its URL.
    page: String,
    /// The traceback.
    text: String,
    /// What runs in the worker that raised it.
    code: Option<String>,
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
    let Report { page, text, code } = serde_json::from_slice(report).ok()?;
    let Meant::File(named) = site.find(&below::parts(&page)?, page.ends_with('/')) else { return None };
    let html = std::io::read_to_string(&named.file).ok()?;
    let files = find::python_files(site.root());
    // What Pyodide and MicroPython call code that came from no file.
    let interpreter = if text.contains("\"<stdin>\"") { "mpy" } else { "py" };
    let place = match code {
        Some(code) => place_of(site, &named.path, &html, interpreter, &code, &files),
        None => only_script(&named.path, &html, interpreter),
    };
    let mut sources = Sources::new(files);
    if let Some((file, line)) = place {
        sources.add(&file, 1, line, u32::MAX);
    }
    let traceback = traceback::parse(&text);
    let mut frames = traceback.frames.iter().rev();
    let place = frames.find_map(|frame| sources.locate(&frame.file, frame.line));
    let (file, line) = place.unwrap_or((named.path, 0));
    Some(Record::PythonRaised { file, line, message: traceback.message, traceback: text })
}

/// Where the program of a worker begins: a file of the site, or a script inside the page.
fn place_of(
    site: &Site,
    page: &str,
    html: &str,
    interpreter: &str,
    code: &str,
    files: &[String],
) -> Option<(String, u32)> {
    if let Some(file) = files.iter().find(|file| is_text_of(site, file, code)) {
        return Some((file.clone(), 1));
    }
    let inline = scripts(html, interpreter, Where::Worker);
    let script = inline.iter().find(|script| same(&script.text, code))?;
    Some((page.to_owned(), script.line))
}

/// Where the page's script begins, if it has but one: of several none can be told from another. What a worker does for
/// its page, the page may tell of.
fn only_script(page: &str, html: &str, interpreter: &str) -> Option<(String, u32)> {
    let mut own = scripts(html, interpreter, Where::Page);
    if own.is_empty() {
        own = scripts(html, interpreter, Where::Worker);
    }
    let [script] = own.as_slice() else { return None };
    let file = script.src.as_deref().map_or_else(|| page.to_owned(), |src| beside(page, src));
    Some((file, script.line))
}

/// Whether the file at `path`, from the root, has this text.
fn is_text_of(site: &Site, path: &str, code: &str) -> bool {
    let file = site.root().join(path);
    let long = std::fs::metadata(&file).is_ok_and(|metadata| metadata.len() == code.len() as u64);
    long && std::fs::read(&file).is_ok_and(|text| text == code.as_bytes())
}

/// Whether two texts differ in nothing but how far their lines are indented: PyScript takes that back.
fn same(one: &str, other: &str) -> bool {
    one.trim().lines().map(str::trim).eq(other.trim().lines().map(str::trim))
}

/// A script of the page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Script {
    src: Option<String>,
    /// Where its text begins, from 1.
    line: u32,
    text: String,
}

/// Where a script runs.
#[derive(Clone, Copy, Debug)]
enum Where {
    Page,
    Worker,
}

/// The scripts of one interpreter that run there.
fn scripts(html: &str, interpreter: &str, place: Where) -> Vec<Script> {
    let place = match place {
        Where::Page => ":not([worker])",
        Where::Worker => "[worker]",
    };
    let selector = format!("script[type=\"{interpreter}\"]{place}, {interpreter}-script{place}");
    let found: RefCell<Vec<Script>> = RefCell::default();
    let settings = RewriteStrSettings::new()
        .append_element_content_handler(element!(selector, |element| {
            let src = element.get_attribute("src");
            // PyScript leaves out a line that ends right behind the tag.
            let start = element.source_location().bytes().end;
            let skipped = usize::from(src.is_none() && html[start..].starts_with('\n'));
            let line = if src.is_some() { 1 } else { html[..start + skipped].matches('\n').count() + 1 };
            let (line, text) = (u32::try_from(line).unwrap_or(u32::MAX), String::new());
            found.borrow_mut().push(Script { src, line, text });
            Ok(())
        }))
        .append_element_content_handler(text!(selector, |chunk| {
            if let Some(script) = found.borrow_mut().last_mut() {
                script.text += chunk.as_str();
            }
            Ok(())
        }));
    if rewrite_str(html, settings).is_err() {
        return Vec::new();
    }
    let mut found = found.into_inner();
    found.retain(|script| script.src.is_some() || !script.text.trim().is_empty());
    found
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
            <py-script> b = 2</py-script><script type=\"py\"> </script><script type=\"py\" worker>\n c\n  d</script>";
        let places = |interpreter: &str, place: Where| {
            let found = scripts(html, interpreter, place).into_iter();
            found.map(|script| (script.src, script.line)).collect::<Vec<_>>()
        };
        assert_eq!(places("py", Where::Page), [(Some("./main.py".into()), 1), (None, 5)]);
        assert_eq!(places("mpy", Where::Page), [(None, 3)]);
        assert_eq!(places("py", Where::Worker), [(None, 6)]);
        assert!(same(&scripts(html, "py", Where::Worker)[0].text, "c\n d\n") && !same("c\nd", "c"));
        assert_eq!(beside("a/b.html", "../lib/x.py"), "lib/x.py");
    }
}
