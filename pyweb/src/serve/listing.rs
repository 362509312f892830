//! The server's own pages: a folder that has none, a path that names nothing. Must not know HTTP.

use common::below::encode;

use super::page::escaped;
use super::site::Name;

const STYLE: &str = include_str!("listing.css");

/// The page of a folder without one of its own; `path` is that of its URL.
pub fn folder(path: &str, names: &[Name]) -> String {
    let up = if path == "/" { "" } else { "<li><a href=\"../\">..</a></li>" };
    let row = |entry: &Name| {
        let slash = if entry.is_file { "" } else { "/" };
        let shown = escaped(&String::from_utf8_lossy(&entry.name));
        format!("<li><a href=\"./{}{slash}\">{shown}{slash}</a></li>", escaped(&encode(&entry.name)))
    };
    let rows: String = names.iter().map(row).collect();
    let note = if names.is_empty() { "<p>This folder is empty.</p>" } else { "" };
    page(path, &format!("<ul>{up}{rows}</ul>{note}"))
}

/// The page of a path that names nothing.
pub fn nothing(path: &str) -> String {
    page(
        path,
        "<p>There is no such file. As soon as there is, this page shows it.</p><p><a href=\"/\">/</a></p>",
    )
}

fn page(path: &str, body: &str) -> String {
    let title = escaped(path);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\" /><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\" /><style>{STYLE}</style></head>\
         <body><h1>{title}</h1>{body}</body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_they_are() {
        let names = [
            Name { is_file: false, name: b"a b".to_vec() },
            Name { is_file: true, name: b"<img src=x>\"&.html".to_vec() },
        ];
        let page = folder("/x/", &names);
        assert!(page.contains("<a href=\"./a%20b/\">a b/</a>"), "{page}");
        assert!(page.contains("&lt;img src=x&gt;&quot;&amp;.html</a>") && !page.contains("<img"), "{page}");
        assert!(page.contains("<a href=\"../\">"), "{page}");
    }
}
