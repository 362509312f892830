//! Tags and attributes of PyScript's first releases, of 2022 and 2023, in the words of today. Must not change anything
//! itself, nor know where elements are.

use serde_json::{Map, Value};

/// The file of today's core that the URL of an early release means.
pub fn core_file(url: &str) -> Option<&'static str> {
    let bare = url.trim_start_matches("https:").trim_start_matches("http:");
    let (_, file) = bare.strip_prefix("//pyscript.net/")?.rsplit_once('/')?;
    match file.split(['?', '#']).next()? {
        "pyscript.js" | "pyscript.mjs" | "pyscript.min.js" => Some("core.js"),
        "pyscript.css" => Some("core.css"),
        _ => None,
    }
}

/// Today's attribute for `pys-onClick` or `py-onClick`, and its value: the name of the function without its brackets.
pub fn handler(attribute: &str, value: &str) -> Option<(String, String)> {
    let event = attribute.strip_prefix("pys-on").or_else(|| attribute.strip_prefix("py-on"))?;
    let name = value.trim();
    Some((format!("py-{event}"), name.strip_suffix("()").unwrap_or(name).to_owned()))
}

/// The configuration that the list in a `<py-env>` means: names of packages, and `paths:` with files below it.
pub fn environment(list: &str) -> String {
    let (mut packages, mut files) = (Vec::new(), Map::new());
    let mut below: Option<usize> = None;
    for line in list.lines() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        let Some(item) = bare.strip_prefix('-').map(|item| item.trim().trim_matches(['"', '\''])) else {
            continue;
        };
        if item == "paths:" {
            below = Some(indent);
        } else if below.is_some_and(|paths| indent > paths) {
            files.insert(item.to_owned(), "".into());
        } else {
            below = None;
            packages.push(Value::from(item));
        }
    }
    let mut config = Map::new();
    if !packages.is_empty() {
        config.insert("packages".into(), packages.into());
    }
    if !files.is_empty() {
        config.insert("files".into(), files.into());
    }
    Value::Object(config).to_string()
}

/// Turns the keys of an early configuration into today's.
pub fn config(config: &mut Map<String, Value>) {
    let mut files = Map::new();
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let listed = |value: Option<&Value>| {
        let items = value.and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    for path in listed(config.get("paths")) {
        files.insert(path, "".into());
    }
    for fetch in config.get("fetch").and_then(Value::as_array).into_iter().flatten() {
        let (from, folder) = (text(fetch, "from"), text(fetch, "to_folder"));
        let names = listed(fetch.get("files"));
        if names.is_empty() {
            files.insert(from, text(fetch, "to_file").into());
            continue;
        }
        for name in names {
            let slash = |folder: &str| if folder.is_empty() { "" } else { "/" };
            let to = format!("{}{}{name}", folder.trim_end_matches('/'), slash(&folder));
            files.insert(format!("{}{}{name}", from.trim_end_matches('/'), slash(&from)), to.into());
        }
    }
    for key in ["paths", "fetch", "runtimes", "interpreters", "autoclose_loader"] {
        config.remove(key);
    }
    if !files.is_empty() {
        let known = config.entry("files").or_insert_with(|| Map::new().into());
        if let Some(known) = known.as_object_mut() {
            files.append(known);
            *known = files;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn early_urls_and_handlers() {
        assert_eq!(core_file("https://pyscript.net/alpha/pyscript.js"), Some("core.js"));
        assert_eq!(core_file("//pyscript.net/releases/2022.12.1/pyscript.css"), Some("core.css"));
        assert_eq!(core_file("https://example.org/pyscript.js"), None);
        assert_eq!(core_file("https://pyscript.net/releases/2025.1.1/core.js"), None);
        assert_eq!(handler("pys-onclick", "add"), Some(("py-click".into(), "add".into())));
        assert_eq!(handler("py-onkeydown", " add() "), Some(("py-keydown".into(), "add".into())));
        assert_eq!(handler("py-click", "add"), None);
    }

    #[test]
    fn an_environment_is_a_configuration() {
        let list = "\n  - numpy\n  - \"bokeh==2\"\n  - paths:\n    - ./a.py\n    - b.py\n  - six\n";
        let expected = json!({"packages": ["numpy", "bokeh==2", "six"], "files": {"./a.py": "", "b.py": ""}});
        assert_eq!(environment(list), expected.to_string());
        assert_eq!(environment("  "), "{}");
    }

    #[test]
    fn early_keys_of_a_configuration() {
        let early = json!({
            "name": "x", "paths": ["a.py"], "runtimes": [{"src": "pyodide.js"}],
            "fetch": [{"from": "data/", "files": ["b", "c"], "to_folder": "in"}, {"from": "d", "to_file": "e"}],
        });
        let Value::Object(mut early) = early else { return };
        config(&mut early);
        let files = json!({"a.py": "", "data/b": "in/b", "data/c": "in/c", "d": "e"});
        assert_eq!(Value::Object(early), json!({"name": "x", "files": files}));
    }
}
