//! Registries from one form into another: names, digests and URLs are what they share. Must not get anything.

use serde_json::json;

use super::{RegistryError, sums};
use crate::error::Error;
use crate::source::registry::{self, Entry};
use crate::source::{Address, Request, Unaddressed, read_json_as};

/// The written forms of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Lines of `name alg:hash [url]`
    Pooch,
    /// JSON lines with name, hash and url or urls, as `fetch get -` reads them; also the JSON of npm and pip
    Json,
    /// Lines of `hash  name`, as sha256sum and its siblings write and check them
    Sha256sum,
}

/// The form that a text has, by how it begins.
pub fn detect(text: &str) -> Form {
    if text.trim_start().starts_with(['{', '[']) {
        return Form::Json;
    }
    if sums::looks_so(text) { Form::Sha256sum } else { Form::Pooch }
}

/// Reads a registry of a form that [`detect`] finds; `registry` is what it is called in errors.
pub fn read(text: &str, registry: &str) -> Result<Vec<Entry>, Error> {
    read_as(text, registry, detect(text))
}

/// Reads a registry.
pub fn read_as(text: &str, registry: &str, form: Form) -> Result<Vec<Entry>, Error> {
    let registry = || registry.to_owned();
    match form {
        Form::Pooch => registry::parse(text)
            .map_err(|(line, bad)| RegistryError::Line { registry: registry(), line, bad }.into()),
        Form::Sha256sum => {
            let entries = sums::parse(text).map_err(|(line, bad)| RegistryError::Sum {
                registry: registry(),
                line,
                bad,
            })?;
            Ok(registry::merge([entries]))
        }
        Form::Json => {
            let entry = |request: Result<Request, Error>| -> Result<Entry, Error> {
                let Request { name, addresses, expected, .. } = request?;
                match expected {
                    Some(digest) => Ok(Entry { name, digest, addresses }),
                    None => Err(RegistryError::NoHash { name }.into()),
                }
            };
            let requests = read_json_as(text.as_bytes(), Unaddressed::Taken);
            Ok(registry::merge([requests.map(entry).collect::<Result<_, _>>()?]))
        }
    }
}

/// Writes a registry.
pub fn write(entries: &[Entry], form: Form) -> Result<String, RegistryError> {
    match form {
        Form::Pooch => Ok(entries.iter().map(registry::format).collect::<Result<_, _>>()?),
        Form::Json => Ok(entries.iter().map(json_line).collect()),
        Form::Sha256sum => sums::format(entries),
    }
}

fn json_line(entry: &Entry) -> String {
    let mut line = json!({"name": entry.name, "hash": entry.digest.to_string()});
    match entry.addresses.as_slice() {
        [] => {}
        [one] => line["url"] = json!(one.given()),
        several => line["urls"] = several.iter().map(Address::given).collect(),
    }
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Digest;
    use proptest::prelude::*;

    fn entries(names: impl IntoIterator<Item = String>, urls: &[&str]) -> Vec<Entry> {
        let address = |url: &&str| Address::parse(url).unwrap_or_else(|_| unreachable!("a good URL"));
        let digest: Digest = "ab".repeat(32).parse().unwrap_or_else(|_| unreachable!("a good digest"));
        let entry =
            |name| Entry { name, digest: digest.clone(), addresses: urls.iter().map(address).collect() };
        names.into_iter().map(entry).collect()
    }

    fn round(entries: &[Entry], form: Form) -> Option<Vec<Entry>> {
        let text = write(entries, form).ok()?;
        assert!(entries.is_empty() || detect(&text) == form, "{text}");
        read(&text, "r").ok()
    }

    #[test]
    fn what_sha256sum_writes_is_read() {
        let zeros = "0".repeat(64);
        let text = format!(
            "# made by hand\n{zeros}  a b\n{zeros} *bin\n\\{zeros}  x\\\\y\\nz\nSHA256 (p (1) = q) = {zeros}\nMD5 (m) = {}\n",
            "1".repeat(32)
        );
        assert_eq!(detect(&text), Form::Sha256sum);
        let entries = read(&text, "r").unwrap_or_default();
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a b", "bin", "x\\y\nz", "p (1) = q", "m"]);
        let said = |text: &str| read_as(text, "r", Form::Sha256sum).map_err(|error| error.to_string()).err();
        assert_eq!(
            said(&format!("{zeros}  a\nzz  b\n")).as_deref(),
            Some("r, line 2: expected `hash  name` or `ALGORITHM (name) = hash`")
        );
        assert_eq!(
            said(&format!("\\{zeros}  a\\b\n")).as_deref(),
            Some("r, line 1: a backslash that escapes nothing")
        );
    }

    #[test]
    fn a_name_that_is_a_hash_does_not_make_a_sum_of_a_registry() {
        let zeros = "0".repeat(64);
        assert_eq!(detect(&format!("{zeros}  {zeros}\n")), Form::Pooch);
        assert_eq!(detect(&format!("a {zeros}\n")), Form::Pooch);
    }

    #[test]
    fn mirrors_survive_json_alone() {
        let two = entries(["a".into()], &["http://h/a", "http://m/a"]);
        assert_eq!(round(&two, Form::Json), Some(two.clone()));
        assert_eq!(round(&two, Form::Pooch).map(|entries| entries[0].addresses.len()), Some(1));
    }

    proptest! {
        #[test]
        fn every_form_is_read_back(
            names in proptest::collection::hash_set(r#"[a#'"\\ \t*?\u{e9}\u{1f600}/.-]{1,12}"#, 0..8),
            url in any::<bool>(),
        ) {
            let urls: &[&str] = if url { &["http://h/x?token=s'1"] } else { &[] };
            let with = entries(names.iter().cloned(), urls);
            prop_assert_eq!(round(&with, Form::Pooch), Some(with.clone()));
            prop_assert_eq!(round(&with, Form::Json), Some(with));
            let without = entries(names, &[]);
            prop_assert_eq!(round(&without, Form::Sha256sum), Some(without));
        }

        #[test]
        fn ends_of_lines_are_kept_where_they_can_be(name in "[a\n\r\\\\]{1,8}") {
            let one = entries([name.clone()], &[]);
            for form in [Form::Json, Form::Sha256sum] {
                prop_assert_eq!(round(&one, form), Some(one.clone()));
            }
            prop_assert_eq!(round(&one, Form::Pooch).is_some(), !name.contains(['\n', '\r']));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}(\n\\PC{0,80})?") {
            let _ = read(&text, "r");
        }
    }
}
