//! What a page asks for: its Python, its configurations, the files it loads. Must not decide anything.

use lol_html::html_content::{Element, TextChunk};
use lol_html::{RewriteStrSettings, element, rewrite_str, text};
use std::cell::RefCell;

use super::interpreter::Interpreter;
use super::site::is_svg;
use crate::error::BundleError;

/// What was found in one page, in the order of the page.
#[derive(Debug, Default)]
pub struct Survey {
    /// Elements with Python in them or beside them.
    pub scripts: Vec<Script>,
    /// `<py-config>` and `<mpy-config>`.
    pub configs: Vec<ConfigElement>,
    /// Attributes that name a file to load or a page to go to.
    pub references: Vec<Reference>,
    /// Scripts of JavaScript, and import maps, inside the page.
    pub inline: Vec<Inline>,
    /// What its head says.
    pub head: Head,
}

/// The icon of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Icon {
    /// It names none.
    #[default]
    None,
    /// An SVG image of the site.
    Svg(String),
    /// Any other.
    Other,
}

/// What the head of a page says of it, and where more can be put there.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The number of the element after which something can stand: the title, or the encoding if that comes later.
    pub after: Option<usize>,
    /// The number of `<head>`, or of `<html>` where that is implied.
    pub into: Option<usize>,
    /// The title.
    pub title: String,
    /// The colour that it wants for the window's frame.
    pub color: Option<String>,
    /// Its icon.
    pub icon: Icon,
    /// Whether it names a manifest.
    pub manifest: bool,
}

/// Where an element is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Its number among all elements of the page.
    pub element: usize,
    /// Its line, from 1.
    pub line: u32,
}

/// Which rules PyScript's core has for a script's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs in the page; all of one interpreter share one configuration.
    Main,
    /// Runs in a worker; may have a configuration of its own.
    Worker,
    /// An editor: scripts with the same `env` share one.
    Editor,
    /// A game, which needs a package that only the network has.
    Game,
}

/// An element with Python.
#[derive(Debug)]
pub struct Script {
    /// Where it is.
    pub place: Place,
    /// What runs it.
    pub interpreter: Interpreter,
    /// Its kind.
    pub role: Role,
    /// Its `config` attribute.
    pub config: Option<String>,
    /// Its `env` attribute.
    pub env: Option<String>,
    /// Its Python, as far as that is in the page.
    pub text: String,
}

/// A configuration element.
#[derive(Debug)]
pub struct ConfigElement {
    /// Where it is.
    pub place: Place,
    /// Whose configuration it is.
    pub interpreter: Interpreter,
    /// The file it names.
    pub src: Option<String>,
    /// Its text.
    pub text: String,
}

/// An attribute with a URL.
#[derive(Debug)]
pub struct Reference {
    /// Where its element is.
    pub place: Place,
    /// The attribute's name.
    pub attribute: &'static str,
    /// The URL.
    pub url: String,
    /// Whether the browser loads it by itself, unlike a link that is followed.
    pub loaded: bool,
}

/// Text of a script.
#[derive(Debug)]
pub struct Inline {
    /// Where it is.
    pub place: Place,
    /// The text as it stands.
    pub text: String,
}

/// Which of the texts is being read.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    Nothing,
    Title,
    Python,
    Config,
    Inline,
}

/// Reads one page.
pub fn survey(path: &str, html: &str) -> Result<Survey, BundleError> {
    let reader =
        RefCell::new(Reader { html, path, survey: Survey::default(), count: 0, reading: Reading::Nothing });
    let settings = RewriteStrSettings::new()
        .append_element_content_handler(element!("*", |element| Ok(reader.borrow_mut().element(element)?)))
        .append_element_content_handler(text!(
            "py-config, mpy-config, py-script, mpy-script, script, title",
            |chunk| {
                reader.borrow_mut().text(chunk);
                Ok(())
            }
        ));
    let read = rewrite_str(html, settings);
    read.map_err(|cause| BundleError::html(path, cause))?;
    Ok(reader.into_inner().survey)
}

struct Reader<'a> {
    html: &'a str,
    path: &'a str,
    survey: Survey,
    count: usize,
    reading: Reading,
}

impl Reader<'_> {
    fn element(&mut self, element: &Element) -> Result<(), BundleError> {
        let start = element.source_location().bytes().start;
        let newlines = self.html[..start].matches('\n').count();
        let place = Place { element: self.count, line: u32::try_from(newlines + 1).unwrap_or(u32::MAX) };
        self.count += 1;
        self.reading = Reading::Nothing;

        let tag = element.tag_name();
        let get = |name: &str| element.get_attribute(name).map(|value| unescape(&value));
        if tag == "base" && element.has_attribute("href") {
            return Err(BundleError::Base { file: self.path.to_owned(), line: place.line });
        }
        self.head(element, &tag, place.element);
        let config_of = |interpreter: &Interpreter| tag.strip_suffix("-config") == Some(interpreter.tag());
        if let Some(interpreter) = Interpreter::ALL.into_iter().find(config_of) {
            self.reading = Reading::Config;
            let text = String::new();
            self.survey.configs.push(ConfigElement { place, interpreter, src: get("src"), text });
            return Ok(());
        }
        let kind = if tag == "script" { get("type").unwrap_or_default() } else { tag.clone() };
        if let Some((interpreter, role)) = role(&tag, &kind, element.has_attribute("worker")) {
            let (config, env) = (get("config"), get("env"));
            self.reading = Reading::Python;
            let text = String::new();
            self.survey.scripts.push(Script { place, interpreter, role, config, env, text });
        } else if tag == "script" && !element.has_attribute("src") && is_javascript(&kind) {
            self.reading = Reading::Inline;
            self.survey.inline.push(Inline { place, text: String::new() });
        }
        for (attribute, loaded) in url_attributes(&tag, &get("rel").unwrap_or_default()) {
            if let Some(url) = get(attribute) {
                self.survey.references.push(Reference { place, attribute, url, loaded: *loaded });
            }
        }
        Ok(())
    }

    fn text(&mut self, chunk: &TextChunk) {
        match self.reading {
            Reading::Config => {
                if let Some(config) = self.survey.configs.last_mut() {
                    config.text += chunk.as_str();
                }
            }
            Reading::Inline => {
                if let Some(inline) = self.survey.inline.last_mut() {
                    inline.text += chunk.as_str();
                }
            }
            Reading::Python => {
                if let Some(script) = self.survey.scripts.last_mut() {
                    script.text += chunk.as_str();
                }
            }
            Reading::Title => self.survey.head.title += chunk.as_str(),
            Reading::Nothing => {}
        }
    }

    fn head(&mut self, element: &Element, tag: &str, number: usize) {
        let get = |name: &str| element.get_attribute(name).map(|value| unescape(&value));
        let head = &mut self.survey.head;
        match tag {
            "head" => head.into = Some(number),
            "html" => head.into = head.into.or(Some(number)),
            // An SVG image has titles, too.
            "title" if head.title.is_empty() => {
                head.after = Some(number);
                self.reading = Reading::Title;
            }
            "meta" if element.has_attribute("charset") => head.after = Some(number),
            "meta" if get("name").as_deref() == Some("theme-color") => {
                head.color = head.color.take().or(get("content"));
            }
            "link" => {
                let rel = get("rel").unwrap_or_default().to_ascii_lowercase();
                if rel == "manifest" {
                    head.manifest = true;
                } else if rel.split_whitespace().any(|word| word == "icon") && head.icon == Icon::None {
                    let local = get("href").filter(|href| is_svg(href) && !href.contains("//"));
                    head.icon = local.map_or(Icon::Other, Icon::Svg);
                }
            }
            _ => {}
        }
    }
}

/// `<script type="py">`, `<py-script>`, `<script type="mpy-editor">`, … as PyScript's core knows them.
fn role(tag: &str, kind: &str, worker: bool) -> Option<(Interpreter, Role)> {
    let interpreter = Interpreter::ALL.into_iter().find(|interpreter| {
        kind.strip_prefix(interpreter.tag()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })?;
    let role = match (tag, kind.strip_prefix(interpreter.tag())?) {
        ("script", "") | (_, "-script") if worker => Role::Worker,
        ("script", "") | (_, "-script") => Role::Main,
        ("script", "-editor") => Role::Editor,
        ("script", "-game") => Role::Game,
        _ => return None,
    };
    Some((interpreter, role))
}

fn is_javascript(kind: &str) -> bool {
    matches!(kind, "" | "module" | "importmap" | "text/javascript" | "application/javascript")
}

/// The attributes of an element that hold a URL, and whether the browser loads it by itself.
fn url_attributes(tag: &str, rel: &str) -> &'static [(&'static str, bool)] {
    match tag {
        "img" | "script" | "iframe" | "embed" | "source" | "audio" | "track" | "input" | "py-script"
        | "mpy-script" => &[("src", true)],
        "video" => &[("src", true), ("poster", true)],
        "object" => &[("data", true)],
        // A link to another page for people or search engines, or to a file that the page needs.
        "link" if ["canonical", "alternate", "author", "license", "next", "prev"].contains(&rel) => {
            &[("href", false)]
        }
        "link" | "image" | "use" => &[("href", true)],
        "a" | "area" => &[("href", false)],
        "form" => &[("action", false)],
        _ => &[],
    }
}

/// An attribute's or element's text as a browser reads it: the character references that editors write.
pub fn unescape(text: &str) -> String {
    let named = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    if !text.contains('&') {
        return text.to_owned();
    }
    named.iter().fold(text.to_owned(), |text, (reference, character)| text.replace(reference, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_asks_for() {
        let page = "<!doctype html>\n<script type=module src='https://pyscript.net/latest/core.js'></script>\n\
            <mpy-config>{\"a\": &quot;b&quot;}</mpy-config>\n<script type=mpy worker config=w.toml>x = 1</script>\n\
            <script>let a = 1</script><a href='/x'>x</a>";
        let survey = survey("index.html", page).unwrap_or_default();
        assert_eq!(survey.configs[0].text, "{\"a\": &quot;b&quot;}");
        assert_eq!(survey.scripts[0].role, Role::Worker);
        assert_eq!(survey.scripts[0].place.line, 4);
        assert_eq!(survey.scripts[0].config.as_deref(), Some("w.toml"));
        assert_eq!(survey.inline[0].text, "let a = 1");
        assert_eq!(survey.references.len(), 2);
        assert!(!survey.references[1].loaded);
    }

    #[test]
    fn a_base_element_is_refused() {
        let refused = survey("a.html", "<base href='/x/'>");
        assert!(matches!(refused, Err(BundleError::Base { line: 1, .. })));
    }
}
