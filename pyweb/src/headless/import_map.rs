//! Import maps (<https://html.spec.whatwg.org/#import-maps>): which URL a module's specifier means. Pure.
//! Must not know who imports.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

/// Specifiers and the addresses they mean; none where the map forbids the specifier.
type Specifiers = BTreeMap<String, Option<Url>>;

/// What a page's import maps say together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct ImportMap {
    imports: Specifiers,
    /// By the prefix of the importing module's URL.
    scopes: BTreeMap<String, Specifiers>,
}

impl ImportMap {
    /// Adds what `text`, a map in a page at `base`, says; what was there before stays. What is wrong with it.
    pub(super) fn add(&mut self, text: &str, base: &Url) -> Result<(), String> {
        let map: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !map.is_object() {
            return Err("the top level must be an object".to_owned());
        }
        merge(&mut self.imports, specifiers(&map["imports"], "imports", base)?);
        let scopes = object(&map["scopes"], "scopes")?;
        for (prefix, value) in scopes {
            let Ok(prefix) = base.join(prefix) else { continue };
            let added = specifiers(value, "a scope", base)?;
            merge(self.scopes.entry(prefix.into()).or_default(), added);
        }
        Ok(())
    }

    /// The URL that `specifier` means in the module at `base`; why it means none.
    pub(super) fn resolve(&self, specifier: &str, base: Option<&Url>) -> Result<String, String> {
        let as_url = url_like(specifier, base);
        let key = as_url.as_ref().map_or(specifier, Url::as_str);
        let from = base.map_or("", Url::as_str);
        let applies = |prefix: &str| prefix == from || (prefix.ends_with('/') && from.starts_with(prefix));
        // The longest prefix comes first.
        let mut scopes: Vec<_> = self.scopes.iter().filter(|(prefix, _)| applies(prefix)).collect();
        scopes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        for specifiers in scopes.into_iter().map(|(_, specifiers)| specifiers).chain([&self.imports]) {
            if let Some(found) = matching(specifiers, key, as_url.as_ref()) {
                return found.map_err(|Forbidden| format!("the import map forbids {specifier}"));
            }
        }
        as_url.map(String::from).ok_or_else(|| {
            format!("{specifier} is a bare name that no import map of the page has; a path begins with ./, ../ or /")
        })
    }
}

fn object<'a>(
    value: &'a Value,
    what: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)> + use<'a>, String> {
    match value {
        Value::Null => Ok(None.into_iter().flatten()),
        Value::Object(map) => Ok(Some(map).into_iter().flatten()),
        _ => Err(format!("{what} must be an object")),
    }
}

fn specifiers(value: &Value, what: &str, base: &Url) -> Result<Specifiers, String> {
    let mut found = Specifiers::new();
    for (key, address) in object(value, what)? {
        let key = url_like(key, Some(base)).map_or_else(|| key.clone(), String::from);
        let address = address.as_str().and_then(|address| url_like(address, Some(base)));
        // A folder can only mean a folder.
        let address = address.filter(|address| !key.ends_with('/') || address.as_str().ends_with('/'));
        found.insert(key, address);
    }
    Ok(found)
}

fn merge(into: &mut Specifiers, added: Specifiers) {
    for (key, address) in added {
        into.entry(key).or_insert(address);
    }
}

/// A relative or absolute URL; a bare name is none.
fn url_like(specifier: &str, base: Option<&Url>) -> Option<Url> {
    if ["/", "./", "../"].iter().any(|start| specifier.starts_with(start)) {
        return base?.join(specifier).ok();
    }
    Url::parse(specifier).ok()
}

/// A specifier that a map has without an address.
struct Forbidden;

/// What the specifiers say of `key`, if anything.
fn matching(specifiers: &Specifiers, key: &str, as_url: Option<&Url>) -> Option<Result<String, Forbidden>> {
    if let Some(address) = specifiers.get(key) {
        return Some(address.clone().map(String::from).ok_or(Forbidden));
    }
    // Of the folders that `key` is in, the deepest; only URLs of the usual kind have folders.
    if as_url.is_some_and(Url::cannot_be_a_base) {
        return None;
    }
    let prefixes =
        specifiers.iter().filter(|(prefix, _)| prefix.ends_with('/') && key.starts_with(prefix.as_str()));
    let (prefix, address) = prefixes.max_by_key(|(prefix, _)| prefix.len())?;
    let Some(address) = address else { return Some(Err(Forbidden)) };
    let inside = address.join(&key[prefix.len()..]).ok().map(String::from);
    // It may not climb out of the folder.
    Some(inside.filter(|inside| inside.starts_with(address.as_str())).ok_or(Forbidden))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn resolved(map: &str, specifier: &str, from: &str) -> Result<String, String> {
        let mut known = ImportMap::default();
        known.add(map, &Url::parse("http://localhost/app/index.html").unwrap()).unwrap();
        known.resolve(specifier, Some(&Url::parse(from).unwrap()))
    }

    const MAIN: &str = "http://localhost/app/main.js";

    #[test]
    fn names_folders_and_urls_are_mapped() {
        let map = r#"{"imports": {"d3": "./lib/d3.js", "lib/": "/lib/", "lib/deep/": "/deep/", "https://a.example/x.js": "./x.js", "data": "https://cdn.example/data.mjs"}}"#;
        for (specifier, url) in [
            ("d3", "http://localhost/app/lib/d3.js"),
            ("lib/a/b.js", "http://localhost/lib/a/b.js"),
            ("lib/deep/c.js", "http://localhost/deep/c.js"),
            ("https://a.example/x.js", "http://localhost/app/x.js"),
            ("data", "https://cdn.example/data.mjs"),
            ("./own.js", "http://localhost/app/own.js"),
            ("/top.js?x#y", "http://localhost/top.js?x#y"),
        ] {
            assert_eq!(resolved(map, specifier, MAIN).as_deref(), Ok(url), "{specifier}");
        }
    }

    #[test]
    fn what_no_map_has_is_refused_and_so_is_what_climbs_out() {
        let map = r#"{"imports": {"no": null, "lib/": "/lib/", "odd/": "/odd"}}"#;
        for specifier in ["d3", "no", "lib/../secret.js", "odd/x.js", ""] {
            assert!(resolved(map, specifier, MAIN).is_err(), "{specifier}");
        }
    }

    #[test]
    fn the_closest_scope_comes_first() {
        let map = r#"{"imports": {"a": "/a1.js", "b": "/b1.js"}, "scopes": {"/sub/": {"a": "/a2.js"}, "/sub/er/": {"a": "/a3.js"}}}"#;
        for (from, specifier, url) in [
            ("http://localhost/sub/er/x.js", "a", "http://localhost/a3.js"),
            ("http://localhost/sub/x.js", "a", "http://localhost/a2.js"),
            ("http://localhost/sub/er/x.js", "b", "http://localhost/b1.js"),
            (MAIN, "a", "http://localhost/a1.js"),
        ] {
            assert_eq!(resolved(map, specifier, from).as_deref(), Ok(url));
        }
    }

    #[test]
    fn the_first_map_stays_and_a_bad_one_is_named() {
        let base = Url::parse("http://localhost/").unwrap();
        let mut map = ImportMap::default();
        map.add(r#"{"imports": {"a": "/1.js"}}"#, &base).unwrap();
        map.add(r#"{"imports": {"a": "/2.js", "b": "/3.js"}}"#, &base).unwrap();
        assert_eq!(map.resolve("a", Some(&base)).as_deref(), Ok("http://localhost/1.js"));
        assert_eq!(map.resolve("b", Some(&base)).as_deref(), Ok("http://localhost/3.js"));
        for bad in ["[]", "{", r#"{"imports": 1}"#, r#"{"scopes": {"/": []}}"#] {
            assert!(map.add(bad, &base).is_err(), "{bad}");
        }
    }
}
