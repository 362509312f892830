//! What makes a bundle an app that can be installed: a manifest, icons, a service worker that keeps every file and
//! isolates the pages. Must not know how pages are read or files written.
//!
//! - [`icon`]: an icon for apps that have none

mod icon;

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The service worker, in the bundle's root: its folder is what it can keep.
pub const SERVICE_WORKER: &str = "service-worker.js";
/// The manifest.
pub const MANIFEST: &str = "manifest.webmanifest";
/// The type that PyScript's own script has until the page is isolated; `js/pwa/register.js` looks for it.
pub const ONCE_ISOLATED: &str = "once-isolated";

const WORKER: &str = include_str!("../../js/pwa/service-worker.js");
const REGISTER: &str = include_str!("../../js/pwa/register.js");

/// What the manifest says of the app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// Its name, the title of its first page.
    pub name: String,
    /// Where it starts, from the bundle's root; empty for the root itself.
    pub start: String,
    /// The colour of its first page's `theme-color`.
    pub color: Option<String>,
    /// Its own icon, from the bundle's root.
    pub icon: Option<String>,
}

/// The colour of the window's frame of an app that names none.
const COLOR: &str = "#1f2937";
/// The widths that Chromium wants of an icon, in pixels.
const WIDTHS: [u32; 2] = [192, 512];

impl App {
    /// The manifest and the icons, by their paths.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut icons = Vec::new();
        if let Some(icon) = &self.icon {
            icons.push(json!({"src": icon, "sizes": "any", "type": "image/svg+xml", "purpose": "any"}));
        } else {
            for width in WIDTHS {
                let path = icon_path(width);
                let sizes = format!("{width}x{width}");
                // It keeps clear of the edges, so it may be cut to any shape.
                for purpose in ["any", "maskable"] {
                    icons.push(json!({"src": path, "sizes": sizes, "type": "image/png", "purpose": purpose}));
                }
                files.insert(path, icon::png(width));
            }
        }
        let manifest = format!("{:#}\n", self.manifest(&icons));
        files.insert(MANIFEST.to_owned(), manifest.into_bytes());
        files
    }

    fn manifest(&self, icons: &[Value]) -> Value {
        let color = self.color.as_deref().unwrap_or(COLOR);
        let start = format!("./{}", self.start);
        // Relative: the bundle works under any path.
        json!({
            "name": self.name,
            "short_name": short(&self.name),
            "id": start,
            "start_url": start,
            "scope": "./",
            "display": "standalone",
            "background_color": color,
            "theme_color": color,
            "icons": icons,
        })
    }
}

/// At most the twelve letters that have room below an icon, whole words where possible.
fn short(name: &str) -> String {
    const ROOM: usize = 12;
    if name.chars().count() <= ROOM {
        return name.to_owned();
    }
    let cut: String = name.chars().take(ROOM + 1).collect();
    match cut.rsplit_once(char::is_whitespace) {
        Some((words, _)) if !words.trim().is_empty() => words.trim().to_owned(),
        _ => name.chars().take(ROOM).collect(),
    }
}

/// What goes into the head of a page that is `up` away from the bundle's root; `isolated` when its Python needs
/// isolation.
pub fn head(up: &str, isolated: bool) -> String {
    let script = REGISTER.replace("PYWEB_UP", up);
    format!(
        "<script>\n{}</script>\n",
        script.replace("PYWEB_ISOLATED", if isolated { "true" } else { "false" })
    )
}

/// What leads a page to the manifest.
pub fn manifest_link(up: &str) -> String {
    format!("<link rel=\"manifest\" href=\"{up}{MANIFEST}\">\n")
}

/// What leads a page to the icon of an app that has none of its own.
pub fn icon_link(up: &str) -> String {
    format!("<link rel=\"icon\" href=\"{up}{}\">\n", icon_path(WIDTHS[0]))
}

fn icon_path(width: u32) -> String {
    format!("icons/icon-{width}.png")
}

/// The service worker for files with these digests, by their paths.
pub fn service_worker<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let files: serde_json::Map<String, Value> =
        files.map(|(path, sha256)| (path.to_owned(), sha256.into())).collect();
    WORKER.replace("PYWEB_FILES", &format!("{:#}", Value::Object(files)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_words() {
        for (name, expected) in [
            ("Notes", "Notes"),
            ("Mandelbrot explorer", "Mandelbrot"),
            ("Supercalifragilistic", "Supercalifra"),
            ("a b c d e f g h", "a b c d e f"),
        ] {
            assert_eq!(short(name), expected, "{name}");
        }
    }

    #[test]
    fn the_placeholders_are_all_filled() {
        let worker = service_worker([("a \"b\".html", "00")].into_iter());
        assert!(worker.contains(r#""a \"b\".html": "00""#), "{worker}");
        let head = head("../", true);
        assert!(head.contains("\"../service-worker.js\""), "{head}");
        for text in [worker, head] {
            assert!(!text.contains("PYWEB_"), "{text}");
        }
    }
}
